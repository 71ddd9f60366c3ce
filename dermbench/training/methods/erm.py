"""Empirical risk minimisation: the configuration's sampler, loss, class weights and smoothing."""

from __future__ import annotations

from dermbench.training.methods.base import Method


class ERM(Method):
    """Minimise the (weighted) mean loss over the training images; nothing else."""
