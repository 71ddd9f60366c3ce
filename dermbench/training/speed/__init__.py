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
    """Return the function that computes a network's logits in training.

    On a GPU ``auto`` changes the classes of the network's layers; weights and names stay.

    Parameters
    ----------
    acceleration, runtime
        How to compute, as in the configuration, and on which device.
    module, parallel
        Network on its device, and the same wrapped for several processes.
    whole
        Whether one process computes each batch in one pass, which CUDA graphs need.
    say
        Is told what is not available here.

    Raises
    ------
    UsageError
        When the network is to be compiled and there is no compiler.
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
