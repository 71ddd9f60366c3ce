"""Random numbers that depend only on the seed, a named stream and a block number."""

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
"""Default number of resamples and permutations; the Monte-Carlo error of a limit is below 1 % of the width."""


@dataclass(frozen=True)
class Plan:
    """Number of resamples, seed and threads.

    Attributes
    ----------
    seed
        Seed of all random numbers, at least 0.
    n_resamples
        Number of resamples or permutations, at least 1.
    workers
        Number of threads, at least 1; any number gives the same bytes.

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
            raise UsageError(f"{self.n_resamples} resamples by {self.workers} workers: each must be at least 1")

    def at_most(self, n_resamples: int) -> Plan:
        """Return the plan with no more than ``n_resamples``."""
        return replace(self, n_resamples=min(self.n_resamples, n_resamples))

    def generator(self, stream: str, block: int = 0) -> np.random.Generator:
        """Return the generator of one block of a named stream.

        It is counter-based (Philox), with the seed, the text of ``stream`` and ``block`` as key. It is the same on
        every machine, for any number of workers and any ``PYTHONHASHSEED``.
        """
        return generator(self.seed, stream, block)

    def in_blocks(
        self, one: Callable[[np.random.Generator, int], NDArray[np.float64]], *, stream: str, block: int
    ) -> NDArray[np.float64]:
        """Compute replicates from the generators of a stream, shape (n_resamples, ...); see :meth:`replicates`."""
        return np.concatenate(
            list(self.blocks(lambda index, size: one(self.generator(stream, index), size), block=block))
        )

    def replicates(self, one: Callable[[int, int], NDArray[np.float64]], *, block: int) -> NDArray[np.float64]:
        """Compute the replicates block by block.

        Parameters
        ----------
        one
            Function from the number of a block and the number of replicates to these replicates (first axis).
        block
            Replicates per block. The random numbers depend on it, so it must depend on the data only.

        Returns
        -------
        numpy.ndarray
            All replicates, along the last axis.
        """
        made = [np.moveaxis(part, 0, -1) for part in self.blocks(one, block=block)]
        return np.concatenate(made, axis=-1)

    def blocks(self, one: Callable[[int, int], T], *, block: int) -> Iterator[T]:
        """Yield the result of ``one`` for each block, in order; arguments as in :meth:`replicates`."""
        starts = range(0, self.n_resamples, block)

        def run(start: int) -> T:
            return one(start // block, min(block, self.n_resamples - start))

        if self.workers == 1 or len(starts) == 1:
            yield from map(run, starts)
        else:
            with ThreadPoolExecutor(self.workers) as pool:
                yield from _in_turn(pool, run, starts, 2 * self.workers)


def _in_turn(pool: ThreadPoolExecutor, run: Callable[[int], T], starts: Iterable[int], ahead: int) -> Iterator[T]:
    """Yield the results in order; at most ``ahead`` blocks are computed in advance."""
    waiting: deque[Future[T]] = deque()
    for start in starts:
        waiting.append(pool.submit(run, start))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def generator(seed: int, stream: str, block: int = 0) -> np.random.Generator:
    """Return the generator of one block of a named stream, see :meth:`Plan.generator`."""
    key = zlib.crc32(stream.encode("utf-8"))
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(key, block))))
