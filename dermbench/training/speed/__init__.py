"""Faster training passes of a network; without this room the program computes the same, more slowly.

Code stays here only if it makes a whole run at least 1.15 times as fast as the best setting of a library
(``benchmarks/results/speed-cpu.md``, ``benchmarks/results/training-gpu.md``).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from typing import TYPE_CHECKING

import torch

from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from dermbench.training.config.device import Runtime

__all__ = ["accelerated", "compiled"]


def accelerated(
    acceleration: str,
    module: nn.Module,
    runtime: Runtime,
    *,
    parallel: nn.Module | None = None,
    whole: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Callable[[Tensor], Tensor]:
    """Return the function that computes a network's logits in training, according to ``acceleration``.

    On a GPU, ``auto`` replaces layers of the network, with the same weights and names. ``parallel`` is the network
    as wrapped for several processes. ``whole`` says that one process computes each batch in one pass, which CUDA
    graphs need. ``say`` reports what is not available. Raises :class:`UsageError` when a compiler is missing.
    """
    called = parallel or module
    if acceleration in {"compile", "reduce-overhead"}:
        return compiled(called, runtime, acceleration)
    if acceleration == "auto" and runtime.device.type == "cuda":
        from dermbench.training.speed.fused import fuse  # noqa: PLC0415 - only on a GPU
        from dermbench.training.speed.graphs import Graphed  # noqa: PLC0415

        fuse(module, runtime, say)
        if whole:
            return Graphed(module, runtime, say)
    return called


def compiled(module: nn.Module, runtime: Runtime, mode: str) -> Callable[[Tensor], Tensor]:
    """Return the forward pass of a network, compiled at the first call with each batch shape.

    ``mode`` is ``compile`` for torch's default mode, or ``reduce-overhead``. Raises :class:`UsageError` when there
    is no compiler; the returned function does so when the network cannot be compiled.
    """
    remedy = "Train without it: --set acceleration=eager"
    names = [os.environ["CXX"]] if "CXX" in os.environ else ["g++", "clang++"]
    if not any(shutil.which(name) for name in names):
        looked = ", ".join(names)
        raise UsageError(f"acceleration=compile needs a C++ compiler (looked for {looked})", remedy=remedy)
    if runtime.device.type == "cuda" and importlib.util.find_spec("triton") is None:
        raise UsageError("acceleration=compile on a GPU needs the package triton", remedy=remedy)
    forward = torch.compile(module, dynamic=False, mode=None if mode == "compile" else mode)

    def call(images: Tensor) -> Tensor:
        try:
            logits: Tensor = forward(images)
        except torch._dynamo.exc.BackendCompilerFailed as error:  # noqa: SLF001 - has no public name
            what = " ".join(str(error).strip().splitlines()[:2])
            raise UsageError(f"the network cannot be compiled here: {what}", remedy=remedy) from error
        return logits

    return call
