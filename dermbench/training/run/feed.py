"""Prepare training images before the step that uses them: gather, move to the device, augment.

One thread makes each whole batch with a generator for its step, so the result does not depend on timing.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch

from dermbench.training.config.distributed import World
from dermbench.training.config.seeding import torch_generator
from dermbench.training.data.augment import augment_batch
from dermbench.training.run.schedule import size_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future

    from numpy.typing import NDArray
    from torch import Tensor

    from dermbench.training.config.device import Runtime
    from dermbench.training.config.train_config import TrainConfig
    from dermbench.training.data.pixels import Samples

AHEAD = 2
"""Number of batches that the thread makes ahead."""

Made = tuple["Tensor", "torch.cuda.Event | None"]


def makes_ahead(device: torch.device) -> bool:
    """Return whether a thread makes batches ahead: only for a GPU, because on a CPU the step needs the cores."""
    return device.type == "cuda"


class Feed:
    """Augmented training images by step.

    On a GPU they are made on a separate CUDA stream. Progressive sizes refer to ``total``, the number of steps of
    the whole run. Each process of ``world`` makes its rows of the batch.
    """

    def __init__(
        self, samples: Samples, config: TrainConfig, runtime: Runtime, *, total: int, world: World | None = None
    ) -> None:
        self.samples, self.config, self.device, self.total = samples, config, runtime.device, total
        self.world = world or World()
        self.stream: torch.cuda.Stream | None = None
        if self.device.type == "cuda":
            self.stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        self.makes_ahead = makes_ahead(self.device)
        self._made: dict[int, Future[Made]] = {}

    def ahead(self, first: int, batches: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
        """Yield the image indices of each step from ``first`` on, while the next batches are being made."""
        if not self.makes_ahead:
            yield from batches
            return
        threads = torch.get_num_threads()  # the call fixes the number for this thread
        with ThreadPoolExecutor(1, "feed", initializer=lambda: torch.set_num_threads(1)) as pool:
            waiting: deque[NDArray[Any]] = deque()
            try:
                for step, index in enumerate(batches, start=first):
                    self._made[step] = pool.submit(self._make, step, index)
                    waiting.append(index)
                    if len(waiting) > AHEAD:
                        yield waiting.popleft()
                yield from waiting
            finally:
                for future in self._made.values():
                    future.cancel()
                self._made.clear()
        torch.set_num_threads(threads)

    def images(self, step: int, index: NDArray[Any]) -> Tensor:
        """Return this process's augmented images of a step in [0, 1], shape (n, 3, size, size)."""
        future = self._made.pop(step, None)
        images, ready = self._make(step, index) if future is None else future.result()
        if ready is not None:
            current = torch.cuda.current_stream(self.device)
            current.wait_event(ready)
            images.record_stream(current)
        return images

    @torch.no_grad()
    def _make(self, step: int, index: NDArray[Any]) -> Made:
        config = self.config
        generator = torch_generator(config.seed, "augment", step)
        size = size_at(config.progressive, step, total=self.total) or config.image_size
        with torch.cuda.stream(self.stream) if self.stream is not None else nullcontext():
            rows = self.world.rows(len(index))
            side = 0  # sampling does not antialias, so it must not shrink images much
            if size != config.image_size:
                side = round(self.samples.pixels.shape[1] * size / config.image_size)
            images = self.samples.batch(index[rows], self.device, side)
            images = augment_batch(images, config.augment, size, generator, start=rows.start, total=len(index))
            return images, self.stream.record_event() if self.stream is not None else None
