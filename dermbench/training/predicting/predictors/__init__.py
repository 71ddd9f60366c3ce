"""Predictors of dermbench, one module for each kind; :mod:`dermbench.training.predicting.registry` finds them."""
