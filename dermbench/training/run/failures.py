"""Turn failures of the machine during a run into messages with a remedy."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist

from dermbench.errors import DermbenchError, ResumableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dermbench.training.config.device import Runtime
    from dermbench.training.config.train_config import TrainConfig

LOST_PEER = ("gloo", "Connection closed by peer", "Connection reset by peer", "NCCL", "Broken pipe")
LOST_DEVICE = ("CUDA error", "CUDNN_STATUS", "CUBLAS_STATUS", "device-side assert")
RESUME = "The last checkpoint is intact; go on with --resume"
NOT_DETERMINISTIC = "does not have a deterministic implementation"


@contextmanager
def explained(config: TrainConfig, runtime: Runtime) -> Iterator[None]:
    """Turn a failure of the machine during the block into one message.

    :class:`ResumableError` when memory ran out, the device failed, or another process of the job is gone;
    :class:`UsageError` when an operation cannot be computed deterministically.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        meaning = _meaning(error, config, runtime)
        if meaning is None:
            raise
        raise meaning from error


@contextmanager
def kept_on_failure() -> Iterator[None]:
    """Raise :class:`ResumableError` when the block cannot write a checkpoint; the one before is intact."""
    try:
        yield
    except UsageError as error:
        raise ResumableError(
            error.message,
            remedy="The last checkpoint is intact; make room or repair the folder, then go on with --resume.",
        ) from error


def _meaning(error: BaseException, config: TrainConfig, runtime: Runtime) -> DermbenchError | None:
    text = str(error)
    # torch raises this class for a GPU, and an error with this text for a CPU
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in text:
        return _out_of_memory(config, runtime)
    if NOT_DETERMINISTIC in text:
        return UsageError(
            f"{config.model} cannot be trained deterministically on {runtime.device}: "
            f"{text.partition(NOT_DETERMINISTIC)[0]}{NOT_DETERMINISTIC}",
            remedy="Start a new run without --deterministic, or with another model.",
        )
    if isinstance(error, dist.DistError) or (dist.is_initialized() and any(lost in text for lost in LOST_PEER)):
        return ResumableError(
            "another process of the job was killed, or ended with its own message",
            remedy=f"{RESUME}, with any number of processes.",
        )
    if any(lost in text for lost in LOST_DEVICE):
        return ResumableError(
            f"{runtime.device} failed: {text.strip().splitlines()[0]}",
            remedy=f"{RESUME} once the device works again.",
        )
    return None


def _out_of_memory(config: TrainConfig, runtime: Runtime) -> DermbenchError:
    part = config.micro_batch or config.batch_size
    remedy = "Start a new run with a smaller image_size or model."
    if part > 1:
        remedy = (
            f"Go on with --resume --set micro_batch={part // 2} (the same steps, computed in smaller parts), or "
            f"start a new run with --set batch_size={max(1, config.batch_size // 2)}."
        )
    parts = f" in parts of {config.micro_batch}" if config.micro_batch else ""
    return ResumableError(
        f"{runtime.device} ran out of memory at batch_size {config.batch_size}{parts}", remedy=remedy
    )
