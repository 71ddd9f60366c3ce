"""Random numbers that depend on the seed, a named stream and a block number, and on nothing else."""

from __future__ import annotations

import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

T = TypeVar("T")

N_RESAMPLES = 9_999
"""Resamples and permutations by default: the Monte-Carlo error of an interval's end is below 1 % of its width."""


@dataclass(frozen=True)
class Plan:
    """How much is drawn, and from which random numbers.

    Attributes
    ----------
    seed
        Seed of everything random.
    n_resamples
        Number of resamples or permutations.
    workers
        Threads; any number gives the same bytes.

    Raises
    ------
    UsageError
        For a negative seed, no resamples or no workers.
    """

    seed: int = 0
    n_resamples: int = N_RESAMPLES
    workers: int = 1

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UsageError(f"seed {self.seed} is negative")
        if self.n_resamples < 1 or self.workers < 1:
            raise UsageError(
                f"{self.n_resamples} resamples by {self.workers} workers: needed is at least 1 of each"
            )

    def at_most(self, n_resamples: int) -> Plan:
        """Return the plan with no more than ``n_resamples``."""
        return replace(self, n_resamples=min(self.n_resamples, n_resamples))

    def generator(self, stream: str, block: int = 0) -> np.random.Generator:
        """Return the generator of one block of one named stream.

        Counter-based (Philox), keyed by the seed, the text of ``stream`` and ``block``: the same on every
        machine, for any number of workers and any ``PYTHONHASHSEED``.
        """
        return generator(self.seed, stream, block)

    def in_blocks(
        self, one: Callable[[np.random.Generator, int], NDArray[np.float64]], *, stream: str, block: int
    ) -> NDArray[np.float64]:
        """Make replicates from the generators of a stream, shape (n_resamples, ...); see :meth:`replicates`."""
        return np.concatenate(
            list(self.blocks(lambda index, size: one(self.generator(stream, index), size), block=block))
        )

    def replicates(self, one: Callable[[int, int], NDArray[np.float64]], *, block: int) -> NDArray[np.float64]:
        """Make the replicates block by block.

        Parameters
        ----------
        one
            Takes the number of a block and how many replicates to make; returns them along the first axis.
        block
            Replicates in one block. It is part of what fixes the random numbers, so it must follow from the data
            alone.

        Returns
        -------
        numpy.ndarray
            What ``one`` returned, the replicates along the last axis: each number's replicates lie together.
        """
        made = [np.moveaxis(part, 0, -1) for part in self.blocks(one, block=block)]
        return np.concatenate(made, axis=-1)

    def blocks(self, one: Callable[[int, int], T], *, block: int) -> Iterator[T]:
        """Yield what ``one`` makes of each block, in order; arguments as for :meth:`replicates`."""
        starts = range(0, self.n_resamples, block)

        def run(start: int) -> T:
            return one(start // block, min(block, self.n_resamples - start))

        if self.workers == 1 or len(starts) == 1:
            yield from map(run, starts)
        else:
            with ThreadPoolExecutor(self.workers) as pool:
                yield from _in_turn(pool, run, starts, 2 * self.workers)


def _in_turn(pool: ThreadPoolExecutor, run: Callable[[int], T], starts: Iterable[int], ahead: int) -> Iterator[T]:
    """Yield the results in order; never more than ``ahead`` blocks wait to be taken."""
    waiting: deque[Future[T]] = deque()
    for start in starts:
        waiting.append(pool.submit(run, start))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def generator(seed: int, stream: str, block: int = 0) -> np.random.Generator:
    """Return the generator of one block of one named stream, see :meth:`Plan.generator`."""
    key = zlib.crc32(stream.encode("utf-8"))
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(key, block))))
