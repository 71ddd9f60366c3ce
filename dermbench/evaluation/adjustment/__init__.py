"""Differences between groups that hold further columns fixed besides the true class."""
