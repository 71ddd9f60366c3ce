"""Forward passes over parts of a batch, with the same result as a pass over the whole batch.

A batch is divided over processes, and within a process to save memory. Dropout and stochastic depth draw the mask
of the whole batch in every part, from the same generator, and each part uses its rows. Statistics of batch
normalisation are summed over processes, on GPUs by ``SyncBatchNorm``, which torch does not have for CPUs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch.nn import functional as F  # noqa: N812 - the usual name
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


class PartOfBatch(TorchFunctionMode):
    """Makes a forward pass over ``rows`` equal to that part of the pass over all ``total`` rows of a batch.

    With ``shared_norm``, batch normalisation sums its statistics over processes, which must then compute the same
    layers at the same time.
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
        """Replace the operations that depend on the whole batch."""
        del types
        replacement = _REPLACED.get(func)
        called = func if replacement is None else getattr(self, replacement)
        return called(*args, **(kwargs or {}))

    def whole(self, part: Tensor) -> Tensor | None:
        """Return an empty tensor with the shape of the whole batch; None if ``part`` is not part of it."""
        if part.ndim == 0 or part.shape[0] != self.rows.stop - self.rows.start:
            return None
        return part.new_empty((self.total, *part.shape[1:]))

    def dropout(self, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:  # noqa: FBT001, FBT002 - as torch has it
        """Drop as in the whole batch."""
        whole = self.whole(x) if training and p > 0 else None
        return F.dropout(x, p, training, inplace) if whole is None else x * F.dropout(whole.fill_(1), p)[self.rows]

    def bernoulli_(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Draw as in the whole batch."""
        if (whole := self.whole(x)) is None:
            return x.bernoulli_(*args, **kwargs)
        return x.copy_(whole.bernoulli_(*args, **kwargs)[self.rows])

    def batch_norm(
        self,
        x: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,  # noqa: FBT001, FBT002
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        """Normalise by the statistics of all processes."""
        if not (training and self.shared_norm):
            return F.batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)
        over, shape = [0, *range(2, x.ndim)], [1, -1] + [1] * (x.ndim - 2)
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
        normal = normal if weight is None else normal * weight.view(shape)
        result: Tensor = (normal if bias is None else normal + bias.view(shape)).to(x.dtype)
        return result


class _Sum(torch.autograd.Function):
    """Sum over processes; the gradient is the sum of all gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # noqa: ARG004 - the signature of functions
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


_REPLACED: dict[Any, str] = {
    F.dropout: "dropout",
    torch.Tensor.bernoulli_: "bernoulli_",
    F.batch_norm: "batch_norm",
}
