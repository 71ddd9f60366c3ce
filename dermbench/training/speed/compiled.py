"""A network compiled by torch."""

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


def compiled(module: nn.Module, runtime: Runtime, mode: str) -> Callable[[Tensor], Tensor]:
    """Return the forward pass of a network, compiled at the first call with each shape of a batch.

    ``mode`` is ``compile`` for torch's default mode, or ``reduce-overhead``.

    Raises
    ------
    UsageError
        When there is no compiler, or, from the call, when the network cannot be compiled.
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
