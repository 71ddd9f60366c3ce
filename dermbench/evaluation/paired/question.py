"""What a comparison asks."""

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
    """What is compared, by which metrics.

    Attributes
    ----------
    candidates, baseline
        What is compared, and the index of the one that the others are compared with.
    metrics
        All that are compared.
    headline
        Those whose worst group, gap, margin and Pareto view are shown.
    declared
        Whether the metrics were chosen by the user, so that they form one family.
    margin
        Largest loss of a group that is accepted, in units of the metric; None not to ask.
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
        """{index: name} of the candidates that are compared with the baseline."""
        return {k: c.name for k, c in enumerate(self.candidates) if k != self.baseline}
