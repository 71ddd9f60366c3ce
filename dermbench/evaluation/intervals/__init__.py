"""Estimates with intervals, each by the method that suits its kind of metric."""
