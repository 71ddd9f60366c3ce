"""Failures of a machine in the middle of a run, told as what they mean and what to do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist

from dermbench.errors import DermbenchError, ResumableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dermbench.training.config.device import Runtime
    from dermbench.training.config.train_config import TrainConfig

LOST_PEER = ("gloo", "Connection closed by peer", "Connection reset by peer", "NCCL", "Broken pipe")
LOST_DEVICE = ("CUDA error", "CUDNN_STATUS", "CUBLAS_STATUS", "device-side assert")
NOT_DETERMINISTIC = "does not have a deterministic implementation"


@contextmanager
def explained(config: TrainConfig, runtime: Runtime) -> Iterator[None]:
    """Turn what the machine did to the block into one message.

    Raises
    ------
    ResumableError
        When memory ran out, the device failed, or another process of the job is gone.
    UsageError
        When an operation cannot be computed deterministically.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        for happened, tell in _CAUSES:
            if happened(error):
                raise tell(error, config, runtime) from error
        raise


@contextmanager
def kept_on_failure() -> Iterator[None]:
    """Say of a checkpoint that cannot be written that the one before it stands.

    Raises
    ------
    ResumableError
        In place of a :class:`UsageError`.
    """
    try:
        yield
    except UsageError as error:
        raise ResumableError(
            error.message,
            remedy="The last checkpoint stands; make room or mend the folder, then go on with --resume.",
        ) from error


def _out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out; torch says so by a class of its own on a GPU, by a text on the CPU."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def _lost_peer(error: BaseException) -> bool:
    return isinstance(error, dist.DistError) or (
        dist.is_initialized() and any(text in str(error) for text in LOST_PEER)
    )


def _lost_device(error: BaseException) -> bool:
    return any(text in str(error) for text in LOST_DEVICE)


def _tell_memory(error: BaseException, config: TrainConfig, runtime: Runtime) -> DermbenchError:  # noqa: ARG001
    part = config.micro_batch or config.batch_size
    if part == 1:
        remedy = "Start a new run with a smaller image_size or model."
    else:
        remedy = (
            f"Go on with --resume --set micro_batch={part // 2} (the same steps, computed in smaller parts), or "
            f"start a new run with --set batch_size={max(1, config.batch_size // 2)}."
        )
    parts = f" in parts of {config.micro_batch}" if config.micro_batch else ""
    return ResumableError(
        f"{runtime.device} ran out of memory at batch_size {config.batch_size}{parts}", remedy=remedy
    )


def _tell_peer(error: BaseException, config: TrainConfig, runtime: Runtime) -> DermbenchError:  # noqa: ARG001
    return ResumableError(
        "lost another process of the job: it was killed, or ended with a message of its own",
        remedy="The last checkpoint stands; go on with --resume, with any number of processes.",
    )


def _tell_device(error: BaseException, config: TrainConfig, runtime: Runtime) -> DermbenchError:  # noqa: ARG001
    return ResumableError(
        f"{runtime.device} failed: {str(error).strip().splitlines()[0]}",
        remedy="The last checkpoint stands; go on with --resume once the device works again.",
    )


def _tell_operation(error: BaseException, config: TrainConfig, runtime: Runtime) -> DermbenchError:
    return UsageError(
        f"{config.model} cannot be trained deterministically on {runtime.device}: "
        f"{str(error).partition(NOT_DETERMINISTIC)[0]}{NOT_DETERMINISTIC}",
        remedy="Start a new run without --deterministic, or with another model.",
    )


_CAUSES: tuple[
    tuple[
        Callable[[BaseException], bool],
        Callable[[BaseException, TrainConfig, Runtime], DermbenchError],
    ],
    ...,
] = (
    (_out_of_memory, _tell_memory),
    (lambda error: NOT_DETERMINISTIC in str(error), _tell_operation),
    (_lost_peer, _tell_peer),
    (_lost_device, _tell_device),
)
