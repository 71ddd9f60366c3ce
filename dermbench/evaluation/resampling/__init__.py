"""What is drawn and how: random streams, strata, permutations, the bootstrap."""
