"""Arithmetic that gives the same bits each time."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dermbench.training.config.device import Runtime

CUBLAS = "CUBLAS_WORKSPACE_CONFIG"
WORKSPACE = ":4096:8"


@contextmanager
def reproducibly(runtime: Runtime, *, wanted: bool) -> Iterator[None]:
    """Use only deterministic operations for the block, where ``wanted`` or on a CPU.

    On a GPU this also fixes the algorithms of cuDNN and the workspace of cuBLAS, which must happen before the
    process first multiplies matrices there. An operation without a deterministic form raises.
    """
    if not (wanted or runtime.device.type == "cpu"):
        yield
        return
    if runtime.device.type == "cuda":
        os.environ.setdefault(CUBLAS, WORKSPACE)
    cudnn = torch.backends.cudnn
    before = torch.are_deterministic_algorithms_enabled(), cudnn.benchmark, cudnn.deterministic
    torch.use_deterministic_algorithms(mode=True)
    cudnn.benchmark, cudnn.deterministic = False, True
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        cudnn.benchmark, cudnn.deterministic = before[1:]
