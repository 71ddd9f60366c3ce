"""Predictions of all candidates in the view of a metric, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.paired.swaps import seed_pairs
from dermbench.evaluation.paired.tallies import Tallies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.paired.candidates import Candidate


@dataclass(frozen=True)
class Models:
    """Candidates in one view.

    Attributes
    ----------
    sample
        Truth and units; its predictions are those of the first seed of the first candidate.
    views
        Predictions of each seed of each candidate.
    baseline
        Index of the candidate that the others are compared with.
    """

    sample: Sample
    views: Sequence[Sequence[Sample]]
    baseline: int

    @classmethod
    def of(cls, candidates: Sequence[Candidate], baseline: int, metric: Metric) -> Models:
        """Take the view of ``metric`` of all candidates."""
        views = [[sample.view(metric.view) for sample in candidate.samples] for candidate in candidates]
        return cls(views[0][0], views, baseline)

    @property
    def sizes(self) -> list[int]:
        """Number of seeds of each candidate."""
        return [len(seeds) for seeds in self.views]

    @property
    def others(self) -> list[int]:
        """Candidates that are compared with the baseline."""
        return [k for k in range(len(self.views)) if k != self.baseline]

    @property
    def pairs(self) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Seeds of the baseline, and the seeds of each other candidate that they are swapped with."""
        return seed_pairs(self.sizes, [(self.baseline, k) for k in self.others])

    @cached_property
    def hits(self) -> NDArray[np.float64]:
        """Share of the seeds that are right on each image, shape (n_candidates, n_samples)."""
        right = [[view.y_pred == self.sample.y_true for view in seeds] for seeds in self.views]
        return np.stack([np.mean(seeds, axis=0) for seeds in right])

    def has_probabilities(self, candidate: int) -> bool:
        """Return whether every seed of a candidate has probabilities."""
        return all(view.y_prob is not None for view in self.views[candidate])

    def means(self, metric: Metric, candidate: int) -> NDArray[np.float64]:
        """Return the scores of the images for a metric of kind ``mean``, averaged over seeds, (n_samples,)."""
        y_true = self.sample.y_true
        values = [metric.score(y_true, view.y_prob) for view in self.views[candidate]]
        return np.asarray(np.mean(values, axis=0), dtype=np.float64)

    def tallies(self, codes: NDArray[np.intp], *, steps: bool) -> Tallies:
        """Count the predictions of all seeds in each group."""
        flat = [view.y_pred for seeds in self.views for view in seeds]
        return Tallies.of(self.sample, flat, codes, steps=steps)

    def units_of(self, codes: NDArray[np.intp], n_groups: int) -> NDArray[np.intp]:
        """Return the number of independent units of each group."""
        return np.array([len(np.unique(self.sample.units[codes == g])) for g in range(n_groups)], dtype=np.intp)
