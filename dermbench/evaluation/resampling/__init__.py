"""Resampling: random streams, strata, permutations, the bootstrap."""
