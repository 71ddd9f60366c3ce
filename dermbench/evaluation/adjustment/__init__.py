"""Differences between groups with more than the true class held fixed."""
