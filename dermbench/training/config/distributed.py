"""The processes of one job, started by ``torchrun`` or ``accelerate launch``; no-ops in a single process.

Every process has the same network and computes different rows of a batch; only process 0 writes or prints.
"""

from __future__ import annotations

import os
import re
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.distributed as dist

from dermbench.errors import DermbenchError, MissingDependencyError, ResumableError, UsageError
from dermbench.machine import available_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

T = TypeVar("T")

PATIENCE = timedelta(hours=1)
"""Longest wait for other processes, which may be decoding images; the wait ends at once if one dies."""

LAUNCH = "A launcher sets it (torchrun --nproc-per-node N -m dermbench train ...); without one, unset it."


def of_variable(name: str, default: int) -> int:
    """Return the number in an environment variable of the launcher, ``default`` if it is not set."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise UsageError(f"the environment variable {name}={text[:40]!r} is no number of processes", remedy=LAUNCH)
    return int(text)


class ElsewhereError(DermbenchError):
    """Ends a process without a message, because another process of the job reports the error."""

    def __init__(self, exit_code: int = DermbenchError.exit_code) -> None:
        super().__init__("")
        self.exit_code = exit_code


@dataclass
class World:
    """One of the ``size`` processes of a job; ``local_rank`` is its number, and its GPU's, on its machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    _accelerator: Any = field(default=None, repr=False)

    @classmethod
    def of_environment(cls) -> World:
        """Read the launcher's environment variables; without a launcher there is one process.

        Raises
        ------
        UsageError
            When a variable is not a whole number from 0 to 99,999, or variables contradict each other.
        """
        rank, size, local = of_variable("RANK", 0), of_variable("WORLD_SIZE", 1), of_variable("LOCAL_RANK", 0)
        if size <= 1:
            return cls()
        if max(rank, local) >= size:
            name, number = ("RANK", rank) if rank >= size else ("LOCAL_RANK", local)
            raise UsageError(
                f"the environment variable {name}={number} is too high: processes are counted from 0, "
                f"and WORLD_SIZE is {size}",
                remedy=LAUNCH,
            )
        return cls(rank, size, local)

    @property
    def first(self) -> bool:
        """Whether this process writes and prints."""
        return self.rank == 0

    def device(self, name: str) -> str:
        """Return the device of this process for the configured device ``name``.

        Raises
        ------
        UsageError
            When several processes ask for one GPU by its number, or there are fewer GPUs than processes.
        """
        if self.size == 1 or name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
            return name
        if name not in {"auto", "cuda"}:
            raise UsageError(
                f"device {name!r} is one device, and {self.size} processes need one each",
                remedy="--set device=cuda (each process takes its own) or --set device=cpu",
            )
        if (there := torch.cuda.device_count()) <= self.local_rank:
            raise UsageError(f"{there} GPUs for {self.local_rank + 1} or more processes", remedy="Start fewer.")
        return f"cuda:{self.local_rank}"

    def refuse_several(self, what: str) -> None:
        """Raise a UsageError when several processes train ``what``, which only one can."""
        if self.size > 1:
            raise UsageError(
                f"{what} is trained by one process, not {self.size}", remedy="Start it without a launcher."
            )

    @contextmanager
    def joined(self, device: torch.device) -> Iterator[None]:
        """Connect the processes for the block: NCCL on GPUs, gloo on the CPU."""
        if self.size == 1:
            yield
            return
        try:
            from accelerate import Accelerator  # noqa: PLC0415 - takes four seconds
            from accelerate.utils import (  # noqa: PLC0415
                DistributedDataParallelKwargs,
                InitProcessGroupKwargs,
            )
        except ImportError as error:
            raise MissingDependencyError(
                f"several processes need accelerate, which cannot be imported: {error}",
                remedy="python -m pip install 'dermbench[train]'",
            ) from error
        handlers = [
            InitProcessGroupKwargs(timeout=PATIENCE),
            DistributedDataParallelKwargs(gradient_as_bucket_view=True),
        ]
        with _sharing_cores(self.size) if device.type == "cpu" else nullcontext():
            try:
                self._accelerator = Accelerator(
                    cpu=device.type == "cpu",
                    mixed_precision="no",
                    device_placement=False,
                    kwargs_handlers=handlers,
                )
            except (ValueError, RuntimeError, OSError) as error:  # MASTER_ADDR is missing or does not answer
                raise UsageError(
                    f"the {self.size} processes cannot be connected: {error}", remedy=LAUNCH
                ) from error
        yield
        self._accelerator.wait_for_everyone()
        self._accelerator.end_training()

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return the module with a backward pass that averages gradients over processes."""
        wrapped: nn.Module = module if self.size == 1 else self._accelerator.prepare_model(module)
        return wrapped

    def unsynchronised(self, module: nn.Module) -> AbstractContextManager[None]:
        """Do not average gradients over processes in backward passes of the block."""
        if self.size == 1:
            return nullcontext()
        context: AbstractContextManager[None] = self._accelerator.no_sync(module)
        return context

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum of a tensor over the processes, without gradient."""
        if self.size > 1:
            values = values.detach().clone()
            dist.all_reduce(values)
        return values

    def any(self, flag: bool, device: torch.device) -> bool:  # noqa: FBT001
        """Return whether ``flag`` is set in any of the processes."""
        return bool(self.sum(torch.tensor(float(flag), device=device)))

    def highest(self, value: float, device: torch.device) -> float:
        """Return the largest value over the processes."""
        if self.size == 1:
            return value
        tensor = torch.tensor(value, dtype=torch.float64, device=device)
        dist.all_reduce(tensor, dist.ReduceOp.MAX)
        return float(tensor)

    def do_first(self, function: Callable[[], T]) -> T | None:
        """Call ``function`` in process 0; the others wait and get None, or raise ElsewhereError if it failed."""
        if self.size == 1:
            return function()
        exit_code: list[int | None] = [None]
        if not self.first:
            dist.broadcast_object_list(exit_code)
            if exit_code[0] is not None:
                raise ElsewhereError(exit_code[0])
            return None
        try:
            result = function()
        except BaseException as error:
            exit_code[0] = getattr(error, "exit_code", 1)
            dist.broadcast_object_list(exit_code)
            raise
        dist.broadcast_object_list(exit_code)
        return result

    def first_then_all(self, function: Callable[[], T]) -> T:
        """Call ``function`` in process 0, which fills a cache, then in the others, which read it."""
        result = self.do_first(function)
        return function() if result is None else result

    @contextmanager
    def reporting_once(self) -> Iterator[None]:
        """Let only process 0 report an error; others raise ElsewhereError unless their own machine failed."""
        try:
            yield
        except DermbenchError as error:
            if self.first:
                raise
            if isinstance(error, ResumableError) and error.exit_code == DermbenchError.exit_code:
                raise ResumableError(f"process {self.rank}: {error.message}", remedy=error.remedy) from error
            raise ElsewhereError(error.exit_code) from error

    def rows(self, n: int) -> slice:
        """Return the rows of a batch of ``n`` that this process computes; see :func:`share`."""
        return share(n, self.rank, self.size)


@contextmanager
def _sharing_cores(size: int) -> Iterator[None]:
    """Divide the cores of a machine among its processes during the block, unless ``OMP_NUM_THREADS`` is set.

    The variable is set in the block, because accelerate would otherwise warn and choose its own number of threads.
    """
    if os.environ.get("OMP_NUM_THREADS"):
        yield
        return
    threads = max(1, available_cores() // (of_variable("LOCAL_WORLD_SIZE", size) or size))
    torch.set_num_threads(threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]


def share(n: int, rank: int, size: int) -> slice:
    """Return the rows, of ``n``, of process ``rank``; pairs (0 with 1, 2 with 3, ...) are not divided."""
    pairs = (n + 1) // 2
    return slice(min(n, 2 * (pairs * rank // size)), min(n, 2 * (pairs * (rank + 1) // size)))
