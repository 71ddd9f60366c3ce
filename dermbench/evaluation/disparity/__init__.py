"""Differences between the groups of a sensitive feature."""
