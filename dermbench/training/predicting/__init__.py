"""Kinds of predictors, and functions that combine their predictions."""
