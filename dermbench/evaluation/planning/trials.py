"""Simulated test sets, each tested like the primary row of a report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.report import verdict_kind
from dermbench.artifacts.report.parts import rounded
from dermbench.evaluation.disparity.contrasts import score_tests
from dermbench.evaluation.disparity.gap_test import GapTest, critical, p_value
from dermbench.evaluation.disparity.limits import gap_limits
from dermbench.evaluation.planning.outcomes import Outcomes
from dermbench.evaluation.resampling.plan import Plan, generator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.planning.design import Design

N_PERMUTATIONS = 499
"""Permutations of a simulated test set. With 9,999 the power is .003 higher."""
BATCH_CELLS, LARGEST_BATCH = 2**20, 64
"""Most images, and most test sets, of a batch; the test sets of a batch share their permutations."""


@dataclass(frozen=True)
class Trials:
    """Simulated test sets of one design.

    Attributes
    ----------
    design
        Images, units and groups.
    correlation
        Intra-class correlation of two images of a unit.
    seed
        Seed of all random numbers.
    """

    design: Design
    correlation: float
    seed: int

    @cached_property
    def _outcomes(self) -> Outcomes:
        return Outcomes.of(self.design, self.correlation)

    def found(self, rates: NDArray[np.float64], size: int, *, stream: str) -> int:
        """Return the number of test sets, of ``size``, with the verdict of a disparity in the primary row.

        Parameters
        ----------
        rates
            Share of right answers in each group, shape (n_groups,).
        size
            Number of test sets.
        stream
            Name of the random numbers.
        """
        return sum(_declared(test) for test in self._tests(rates, size, N_PERMUTATIONS, f"found {stream}"))

    def at_most(self, rates: NDArray[np.float64], size: int, *, stream: str) -> NDArray[np.float64]:
        """Return *at most* of ``size`` test sets, infinite if there is none; arguments as in :meth:`found`.

        *At most* does not depend on permutations, so one permutation is enough.
        """
        return np.array([_limit(test) for test in self._tests(rates, size, 1, f"at most {stream}")])

    def _tests(
        self, rates: NDArray[np.float64], size: int, n_permutations: int, stream: str
    ) -> Iterator[GapTest | str]:
        design, n = self.design, len(self.design.sample)
        batch = int(np.clip(BATCH_CELLS // max(1, n), 8, LARGEST_BATCH))
        names = _names(design.metric, batch)
        for index, start in enumerate(range(0, size, batch)):
            rng = generator(self.seed, stream, index)
            plan = Plan(int(rng.integers(2**31)), n_permutations)
            right = self._outcomes.draw(rng, rates, min(batch, size - start)).astype(np.float64)
            right[:, ~design.enters] = np.nan
            scores = dict(zip(names, right, strict=False))
            yield from score_tests(design.sample, design.grouping, scores, plan).values()


def _names(metric: Metric, size: int) -> list[Metric]:
    """Return the metric under ``size`` names, so that one call tests as many test sets."""
    return [replace(metric, name=f"{metric.name} {i}") for i in range(size)]


def _declared(test: GapTest | str) -> bool:
    if isinstance(test, str):
        return False
    p = p_value(float(test.statistics.max(initial=0.0)), test.permuted)
    low = min(gap_limits(test, critical(test.permuted)).at_least, test.gap)
    return verdict_kind(p, low, None, None) == "disparity"


def _limit(test: GapTest | str) -> float:
    high = None if isinstance(test, str) else gap_limits(test, float("inf")).at_most
    return float("inf") if high is None else rounded(high)
