"""Take one optimisation step, with the batch divided over processes and, to save memory, into micro-batches.

The gradient is always that of the whole batch: sums over images are added up and divided by the denominators of
the whole batch; images and masks are drawn for the whole batch, and each part uses its rows.
"""

from __future__ import annotations

import dataclasses
import math
from contextlib import nullcontext
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from timm.layers.norm_act import convert_sync_batchnorm
from timm.utils.model_ema import ModelEmaV3

from dermbench.errors import UsageError
from dermbench.training.config.distributed import share
from dermbench.training.config.seeding import derive, torch_generator
from dermbench.training.network.scoring import Normaliser
from dermbench.training.run.batch_parts import PartOfBatch
from dermbench.training.run.feed import Feed
from dermbench.training.run.optim import make_optimizer, set_rate
from dermbench.training.run.schedule import rate_share
from dermbench.training.speed import accelerated

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray
    from torch import Tensor

    from dermbench.training.data.pixels import Samples
    from dermbench.training.methods import Method, Targets
    from dermbench.training.network.network import Network
    from dermbench.training.run.context import Job


class Stepper:
    """Takes optimisation steps: ``batches`` in each epoch, ``total`` in the whole run.

    The network is on its device; ``samples`` is the training split.
    """

    def __init__(self, job: Job, network: Network, samples: Samples, method: Method) -> None:
        config, runtime = job.config, job.runtime
        self.job, self.network, self.samples, self.method = job, network, samples, method
        self.batches = math.ceil(method.size / config.batch_size)
        whole = config.epochs * self.batches
        self.total = min(whole, config.max_steps) if config.max_steps else whole
        self._refuse_to_share()
        if job.world.size > 1 and runtime.device.type == "cuda" and not config.freeze_norm:
            network.module = convert_sync_batchnorm(network.module)  # type: ignore[no-untyped-call]
        self.optimizer = make_optimizer(config, network.module, network.head)
        self.scaler = torch.amp.GradScaler(runtime.device.type, enabled=runtime.precision == "fp16")
        self.normalise = Normaliser(network, runtime)
        self.ema = (
            ModelEmaV3(network.module, decay=config.ema_decay, use_warmup=True) if config.ema_decay else None
        )
        self.feed = Feed(samples, config, runtime, total=self.total, world=job.world)
        self.parallel = job.world.wrap(network.module)
        self.forward = accelerated(
            config.acceleration,
            network.module,
            runtime,
            parallel=self.parallel,
            whole=job.world.size == 1 and not config.micro_batch,
            say=job.reporter.say,
        )

    def take(self, step: int, index: NDArray[np.int64]) -> Tensor:
        """Take step number ``step`` (from 0) on the whole batch; return its loss, equal in all processes."""
        config, world, method = self.job.config, self.job.world, self.method
        rows = world.rows(len(index))
        generator = torch_generator(config.seed, "method", step)
        images, targets = method.batch(self.feed.images(step, index), method.targets(index[rows]), generator)
        whole = world.sum(method.denominators(targets))
        set_rate(self.optimizer, self.rate(step))
        self.optimizer.zero_grad(set_to_none=True)
        sums = torch.zeros_like(whole)
        parts = split_rows(len(index), world.size, rows, config.micro_batch)
        for number, part in enumerate(parts, start=1):
            own = slice(part.start - rows.start, part.stop - rows.start)
            apart = nullcontext() if number == len(parts) else world.unsynchronised(self.parallel)
            with apart, self._as_part(step, part, len(index), len(parts)):
                sums += self._backward(images[own], _rows_of(targets, own), whole)
        self._update(step + 1)
        sums = world.sum(sums)
        loss = method.objective(sums, whole).detach()
        method.observe(sums, whole)
        method.after_step(self.network, step + 1)
        return loss

    def rate(self, step: int) -> float:
        """Return the share of the peak learning rate at ``step``."""
        config = self.job.config
        warmup = round(config.warmup_epochs * self.batches)
        return rate_share(config.schedule, step, total=self.total, warmup=warmup)

    def _as_part(self, step: int, rows: slice, total: int, parts: int) -> AbstractContextManager[object]:
        """Return a context in which a pass over ``rows`` equals that part of a pass over the whole batch.

        A compiled network draws its own masks, so each part gets its own seed.
        """
        config, size = self.job.config, self.job.world.size
        words = (step, rows.start) if self._compiled and rows.start else (step,)
        torch.manual_seed(derive(config.seed, "dropout", *words))
        if size * parts == 1 or self._compiled:
            return nullcontext()
        return PartOfBatch(rows, total, shared_norm=self._shares_norm)

    @property
    def _compiled(self) -> bool:
        return self.job.config.acceleration in {"compile", "reduce-overhead"}

    @property
    def _shares_norm(self) -> bool:
        """Whether :class:`PartOfBatch` sums batch statistics over processes; on a GPU SyncBatchNorm does."""
        job = self.job
        return job.world.size > 1 and job.runtime.device.type == "cpu" and not job.config.freeze_norm

    def _backward(self, images: Tensor, targets: Targets, whole: Tensor) -> Tensor:
        """Add the gradient of these images' share of the loss; return their sums."""
        with self.job.runtime.autocast():
            logits = self.forward(self.normalise(images))
        sums = self.method.numerators(logits, targets)
        # DDP averages gradients over processes; multiplying by the size gives the sum
        loss = self.method.objective(sums, whole) * self.job.world.size
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        return sums.detach()

    def _update(self, steps: int) -> None:
        if self.job.config.clip_norm:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.network.module.parameters(), self.job.config.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.ema is not None:
            self.ema.update(self.network.module, step=steps)

    def _refuse_to_share(self) -> None:
        """Refuse batches and networks that cannot be divided over processes."""
        size, smallest = self.job.world.size, self.method.size // max(1, self.batches)
        if size > 1 and smallest < 2 * size:
            raise UsageError(
                f"{size} processes need at least {2 * size} images a step, and the smallest batch has {smallest}",
                remedy="Start fewer processes, or a new run with a larger batch_size.",
            )
        if self._shares_norm and self._compiled:
            raise UsageError(
                "several processes on a CPU cannot share batch normalisation when compiled",
                remedy="--set acceleration=eager, or a new run with freeze_norm=true",
            )


def split_rows(total: int, processes: int, rows: slice, micro_batch: int) -> list[slice]:
    """Divide the ``rows`` of a process into parts, equally many in every process.

    A part has at most ``micro_batch`` rows (0: no limit); ``total`` is the size of the whole batch.
    """
    if not micro_batch:
        return [rows]
    sizes = [r.stop - r.start for r in (share(total, rank, processes) for rank in range(processes))]
    parts = min(math.ceil(max(sizes) / micro_batch), *sizes)
    bounds = np.linspace(rows.start, rows.stop, parts + 1).round().astype(int).tolist()
    return [slice(start, stop) for start, stop in pairwise(bounds)]


def _rows_of(targets: Targets, rows: slice) -> Targets:
    names = (field.name for field in dataclasses.fields(targets))
    return dataclasses.replace(targets, **{name: getattr(targets, name)[rows] for name in names})
