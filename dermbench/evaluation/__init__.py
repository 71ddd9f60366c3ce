"""Metrics, subgroups, disparity and their uncertainty: predictions and truth in, a report out."""
