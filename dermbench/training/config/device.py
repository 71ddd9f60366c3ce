"""Where and how precisely a run computes."""

from __future__ import annotations

import os
import re
import resource
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from dermbench.allocator import memory_reused
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

STATUS = Path("/proc/self/status")
PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
MEMORY_FORMAT = torch.channels_last
"""Format of images and convolution weights: all channels of a pixel lie side by side, as convolutions like it."""


@dataclass(frozen=True)
class Runtime:
    """Device and arithmetic of a run.

    Attributes
    ----------
    device
        Where tensors live.
    precision
        ``fp32``, ``bf16`` or ``fp16``: type of the matrix arithmetic; parameters stay in float32.
    """

    device: torch.device
    precision: str = "fp32"

    @property
    def name(self) -> str:
        """Device in words: ``cpu (2 threads)``, or the name of the GPU."""
        if self.device.type == "cuda":
            return f"{self.device} ({torch.cuda.get_device_name(self.device)})"
        return f"cpu ({torch.get_num_threads()} threads)" if self.device.type == "cpu" else str(self.device)

    def place(self, module: nn.Module) -> None:
        """Move a module to the device, its weights in :data:`MEMORY_FORMAT`."""
        module.to(self.device)
        module.to(memory_format=MEMORY_FORMAT)

    def autocast(self, *, cache: bool | None = None) -> torch.amp.autocast:
        """Return the context that computes in :attr:`precision`; ``cache`` keeps weights that were converted."""
        wanted = self.precision != "fp32"
        dtype = DTYPES[self.precision] if wanted else None
        return torch.amp.autocast(self.device.type, dtype=dtype, enabled=wanted, cache_enabled=cache)


def make_runtime(device: str = "auto", *, precision: str = "auto") -> Runtime:
    """Return the runtime asked for.

    Parameters
    ----------
    device
        ``auto`` (cuda before mps before cpu) or a device of torch.
    precision
        ``auto``: bf16 on a GPU that has it, fp16 on an older one, fp32 elsewhere.

    Raises
    ------
    UsageError
        When the device is unknown or not there, or cannot compute in that precision.
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
    """Return a CPU tensor on a device, without waiting for a GPU."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def available_cores() -> int:
    """Return the number of CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def computing(runtime: Runtime) -> Iterator[None]:
    """Set threads and the kind of arithmetic for the block; put both back afterwards.

    On the CPU memory is reused from step to step, and arithmetic is deterministic, with ``OMP_NUM_THREADS``
    threads where that is set, else as many as there are cores this process may use. On a GPU what is left of
    float32 products is computed in TF32, and cuDNN chooses its kernels by rule: a search takes longer than it
    saves in a run of minutes, and chooses differently from one run to the next.
    """
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    search, products = torch.backends.cudnn.benchmark, torch.get_float32_matmul_precision()
    memory: Any = torch.utils.deterministic
    fill = memory.fill_uninitialized_memory
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(available_cores())
    if runtime.device.type == "cpu":
        torch.use_deterministic_algorithms(mode=True)
        memory.fill_uninitialized_memory = False  # costs memory traffic, changes no result here
    if runtime.device.type == "cuda":
        torch.backends.cudnn.benchmark = False
        torch.set_float32_matmul_precision("high")
    try:
        with memory_reused() if runtime.device.type == "cpu" else nullcontext():
            yield
    finally:
        torch.use_deterministic_algorithms(strict)
        memory.fill_uninitialized_memory = fill
        torch.set_num_threads(threads)
        torch.backends.cudnn.benchmark = search
        torch.set_float32_matmul_precision(products)


def peak_memory(runtime: Runtime) -> int:
    """Return the most memory held so far in bytes: of the GPU where one is used, else of this process."""
    if runtime.device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(runtime.device))
    if STATUS.is_file():  # what getrusage says of a process on Linux begins at the peak of the one that started it
        return 1024 * int(PEAK.findall(STATUS.read_text(encoding="ascii"))[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def devices() -> list[str]:
    """Return the devices that can train here, in words, best first; the CPU is always last."""
    found = [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    found += ["mps"] if torch.backends.mps.is_available() else []
    return [*found, f"cpu ({available_cores()} cores)"]
