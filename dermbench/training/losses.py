"""Losses by name, each a function of logits, labels, class weights and label smoothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional as F  # noqa: N812 - the name everybody knows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from torch import Tensor


def _cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor, smoothing: float) -> Tensor:
    """Weighted mean: the sum of weighted losses over the sum of the weights of the batch."""
    return F.cross_entropy(logits.float(), labels, weight=weights, label_smoothing=smoothing)


LOSSES: Mapping[str, Callable[[torch.Tensor, torch.Tensor, torch.Tensor, float], torch.Tensor]] = {
    "cross_entropy": _cross_entropy,
}
"""Loss functions by name."""
