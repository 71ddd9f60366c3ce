"""Device and arithmetic precision of a run."""

from __future__ import annotations

import os
import re
import resource
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from dermbench.errors import UsageError
from dermbench.machine import available_cores, memory_reused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

STATUS = Path("/proc/self/status")
PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
MEMORY_FORMAT = torch.channels_last
"""Memory format of images and convolution weights; adjacent channels of a pixel are faster."""
CUBLAS = "CUBLAS_WORKSPACE_CONFIG"
WORKSPACE = ":4096:8"
"""Workspace that makes matrix products of cuBLAS deterministic."""


@dataclass(frozen=True)
class Runtime:
    """Device of a run, and its matrix arithmetic: ``fp32``, ``bf16`` or ``fp16``; parameters stay in float32."""

    device: torch.device
    precision: str = "fp32"

    @property
    def name(self) -> str:
        """Name for people: ``cpu (2 threads)``, or that of the GPU."""
        if self.device.type == "cuda":
            return f"{self.device} ({torch.cuda.get_device_name(self.device)})"
        return f"cpu ({torch.get_num_threads()} threads)" if self.device.type == "cpu" else str(self.device)

    def place(self, module: nn.Module) -> None:
        """Move a module to the device, its weights in :data:`MEMORY_FORMAT`."""
        module.to(self.device)
        module.to(memory_format=MEMORY_FORMAT)

    def autocast(self, *, cache: bool | None = None) -> torch.amp.autocast:
        """Return the context that computes in :attr:`precision`; ``cache`` keeps converted weights."""
        wanted = self.precision != "fp32"
        dtype = DTYPES[self.precision] if wanted else None
        return torch.amp.autocast(self.device.type, dtype=dtype, enabled=wanted, cache_enabled=cache)


def make_runtime(device: str = "auto", *, precision: str = "auto") -> Runtime:
    """Return a runtime.

    Device ``auto`` is the first available of cuda, mps and cpu. Precision ``auto`` is bf16 on a GPU that supports
    it, fp16 on an older GPU, else fp32.

    Raises
    ------
    UsageError
        When the device is unknown or not available, or cannot compute in that precision.
    """
    chosen = _device(device)
    if precision == "auto":
        precision = "fp32"
        if chosen.type == "cuda":
            precision = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if precision == "fp16" and chosen.type != "cuda":
        raise UsageError(f"precision fp16 needs a CUDA device, not {chosen}", remedy="--set precision=auto")
    return Runtime(chosen, precision)


def _device(name: str) -> torch.device:
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, is_there in there.items() if is_there))
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"unknown device {name!r}; known: auto, {', '.join(there)}") from error
    if not there.get(device.type, False) or (device.index or 0) >= max(1, torch.cuda.device_count()):
        usable = ", ".join(kind for kind, is_there in there.items() if is_there)
        raise UsageError(
            f"device {name!r} is not available here; available: {usable}", remedy="Choose one of them, or auto."
        )
    return device


def to_device(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Copy a CPU tensor to a device without waiting for a GPU."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


@contextmanager
def computing(runtime: Runtime, *, deterministic: bool = False) -> Iterator[None]:
    """Set threads and arithmetic for the block, and restore them afterwards.

    A CPU uses ``OMP_NUM_THREADS`` threads or all cores, reuses memory from step to step, and is always
    deterministic. A GPU computes float32 products in TF32. cuDNN does not benchmark its algorithms: that takes
    longer than it saves, and its choice differs between runs. With ``deterministic``, operations without a
    deterministic form raise; enter the block before the process first multiplies matrices on a GPU.
    """
    cudnn, memory = torch.backends.cudnn, cast("Any", torch.utils.deterministic)
    threads, products = torch.get_num_threads(), torch.get_float32_matmul_precision()
    strict, fill = torch.are_deterministic_algorithms_enabled(), memory.fill_uninitialized_memory
    search, fixed = cudnn.benchmark, cudnn.deterministic
    on_cpu = runtime.device.type == "cpu"
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(available_cores())
    if on_cpu:
        memory.fill_uninitialized_memory = False  # costs memory traffic and changes no result
    if runtime.device.type == "cuda":
        cudnn.benchmark = False
        torch.set_float32_matmul_precision("high")
        if deterministic:
            os.environ.setdefault(CUBLAS, WORKSPACE)
    if deterministic or on_cpu:
        torch.use_deterministic_algorithms(mode=True)
        cudnn.deterministic = True
    try:
        with memory_reused() if on_cpu else nullcontext():
            yield
    finally:
        torch.use_deterministic_algorithms(strict)
        memory.fill_uninitialized_memory = fill
        torch.set_num_threads(threads)
        cudnn.benchmark, cudnn.deterministic = search, fixed
        torch.set_float32_matmul_precision(products)


def peak_memory(runtime: Runtime) -> int:
    """Return the peak memory so far in bytes: of the GPU if one is used, else of this process."""
    if runtime.device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(runtime.device))
    if STATUS.is_file():  # Linux's getrusage starts at the parent's peak
        return 1024 * int(PEAK.findall(STATUS.read_text(encoding="ascii"))[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
