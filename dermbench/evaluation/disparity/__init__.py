"""Gaps: differences between the groups of a sensitive feature within the true class."""
