"""The question of a comparison: candidates, baseline, metrics, margin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.paired.candidates import Candidate
    from dermbench.evaluation.resampling.plan import Plan


@dataclass(frozen=True)
class Question:
    """Candidates, baseline and metrics of a comparison.

    Attributes
    ----------
    candidates, baseline
        All models, and the index of the baseline among them.
    metrics
        All metrics to compare.
    headline
        Metrics with worst group, gap, margin and Pareto view.
    declared
        Whether the user declared the metrics; they then form one family.
    margin
        Largest acceptable loss of a group, in units of the metric; None for no test.
    plan
        Number of resamples, and the random numbers.
    """

    candidates: Sequence[Candidate]
    baseline: int
    metrics: Sequence[Metric]
    headline: Sequence[Metric]
    declared: bool
    margin: float | None
    plan: Plan

    @property
    def others(self) -> dict[int, str]:
        """{index: name} of all candidates except the baseline."""
        return {k: c.name for k, c in enumerate(self.candidates) if k != self.baseline}
