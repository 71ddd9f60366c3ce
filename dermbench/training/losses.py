"""Losses by name, each a function of logits, soft targets and class weights that gives one value an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor


def _cross_entropy(logits: Tensor, soft: Tensor, weights: Tensor) -> Tensor:
    """Return ``-sum_c w_c t_c log p_c`` in nats."""
    return -(logits.log_softmax(dim=1) * soft) @ weights


LOSSES: Mapping[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {"cross_entropy": _cross_entropy}
"""Loss functions by name: logits (n, n_classes), targets (n, n_classes), class weights (n_classes,) to (n,)."""
