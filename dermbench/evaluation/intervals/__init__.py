"""Estimates with intervals, by a method for each kind of metric."""
