"""Samples, groups, tallies and the registry of metrics."""
