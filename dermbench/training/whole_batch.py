"""Operations that look at a whole batch, computed on a part of it as if the whole were there.

A batch is split over processes, and each process may split its rows again to save memory. Two kinds of
layers would notice: those that draw a random mask (dropout, stochastic depth) and batch normalisation,
whose statistics are those of the batch. Inside :class:`WholeBatch` a mask is drawn for the whole batch, from the
same generator in every part, and the part takes its rows; statistics are summed over the processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch.nn import functional as F  # noqa: N812 - the name everybody knows
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


class WholeBatch(TorchFunctionMode):
    """Makes a forward pass over some rows of a batch behave as part of the pass over all rows.

    Parameters
    ----------
    rows
        Which rows the images are.
    total
        Number of rows of the whole batch.
    shared_norm
        Whether batch normalisation sums its statistics over the processes of the job. All of them must
        then compute the same layers at the same time.
    """

    def __init__(self, rows: slice, total: int, *, shared_norm: bool) -> None:
        super().__init__()
        self.rows, self.total, self.shared_norm = rows, total, shared_norm

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Replace the operations that look at the whole batch; every other one is left alone."""
        del types
        replacement = _REPLACED.get(func)
        if replacement is None:
            return func(*args, **(kwargs or {}))
        return replacement(self, *args, **(kwargs or {}))


def _mask(mode: WholeBatch, like: Tensor) -> Tensor | None:
    """Return an empty tensor for the whole batch, None for a tensor that is not the batch's."""
    if like.ndim == 0 or like.shape[0] != mode.rows.stop - mode.rows.start:
        return None
    return like.new_empty((mode.total, *like.shape[1:]))


def _dropout(mode: WholeBatch, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:  # noqa: FBT001, FBT002 - as torch has it
    whole = _mask(mode, x) if training and p > 0 else None
    if whole is None:
        return F.dropout(x, p, training, inplace)
    return x * F.dropout(whole.fill_(1.0), p)[mode.rows]


def _bernoulli_(mode: WholeBatch, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    whole = _mask(mode, x)
    if whole is None:
        return x.bernoulli_(*args, **kwargs)
    return x.copy_(whole.bernoulli_(*args, **kwargs)[mode.rows])


def _batch_norm(  # noqa: PLR0913, PLR0917 - as torch has it
    mode: WholeBatch,
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,  # noqa: FBT001, FBT002
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    if not (training and mode.shared_norm):
        return F.batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)
    over = [0, *range(2, x.ndim)]
    shape = [1, -1] + [1] * (x.ndim - 2)
    values = x.float()
    count = _Sum.apply(values.new_tensor(float(values.numel() // values.shape[1])))
    mean = _Sum.apply(values.sum(over)) / count
    centred = values - mean.view(shape)
    var = _Sum.apply((centred * centred).sum(over)) / count
    with torch.no_grad():
        if running_mean is not None:
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
        if running_var is not None:
            running_var.lerp_((var * count / (count - 1)).to(running_var.dtype), momentum)
    normal = centred * (var + eps).rsqrt().view(shape)
    if weight is not None:
        normal = normal * weight.view(shape)
    if bias is not None:
        normal = normal + bias.view(shape)
    result: Tensor = normal.to(x.dtype)
    return result


class _Sum(torch.autograd.Function):
    """Sum over processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # noqa: ARG004 - the form of a function
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


_REPLACED: dict[Any, Callable[..., Any]] = {
    F.dropout: _dropout,
    torch.Tensor.bernoulli_: _bernoulli_,
    F.batch_norm: _batch_norm,
}
