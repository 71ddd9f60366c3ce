"""The predictors of dermbench, one kind a module; :mod:`dermbench.training.predicting.registry` finds them."""
