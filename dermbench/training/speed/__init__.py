"""Faster passes of a network in training; the program computes the same without this room, more slowly.

What stays here has to make a whole run at least 1.15 times as fast as the best setting of a library does
(``benchmarks/results/speed-cpu.md``, ``benchmarks/results/training-gpu.md``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from dermbench.training.config.device import Runtime

__all__ = ["accelerated"]


def accelerated(
    acceleration: str,
    module: nn.Module,
    runtime: Runtime,
    *,
    parallel: nn.Module | None = None,
    whole: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Callable[[Tensor], Tensor]:
    """Return how to call a network in training.

    Parameters
    ----------
    acceleration
        ``acceleration`` of :class:`~dermbench.training.config.train_config.TrainConfig`.
    module
        Network on its device. On a GPU ``auto`` changes the classes of its layers; weights and names stay.
    runtime
        Device and arithmetic.
    parallel
        The network as wrapped for several processes; by default the network.
    whole
        Whether one process computes each batch in one pass, which CUDA graphs need.
    say
        Is told what is not available here.

    Raises
    ------
    UsageError
        When the network is to be compiled and no compiler is at hand.
    """
    called = parallel or module
    if acceleration in {"compile", "reduce-overhead"}:
        from dermbench.training.speed.compiled import compiled  # noqa: PLC0415 - only where it is asked for

        return compiled(called, runtime, acceleration)
    if acceleration == "auto" and runtime.device.type == "cuda":
        from dermbench.training.speed.fused import fuse  # noqa: PLC0415 - only on a GPU
        from dermbench.training.speed.graphs import Graphed  # noqa: PLC0415

        fuse(module, runtime, say)
        if whole:
            return Graphed(module, runtime, say)
    return called
