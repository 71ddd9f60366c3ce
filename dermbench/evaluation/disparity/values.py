"""Tests of metrics that are not means over images: macro-F1, kappa, MCC, balanced accuracy, AUROC of two classes.

Group values are compared with their mean under permutation within the class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.core.metric import Tally, weighted
from dermbench.evaluation.disparity.gap_test import ROUNDING_NOISE, GapTest, studentised
from dermbench.evaluation.resampling.permutation import FEWEST, permuted_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.disparity.compared import Compared

RANKING_WORK = 3e8
"""Most images x classes x groups x permutations for a ranking metric."""


@dataclass(frozen=True)
class CountValues:
    """Metrics of counts of one view, minus their value if all groups had the pooled P(prediction | class)."""

    data: Compared
    view: Sample
    metrics: Sequence[Metric]

    def at(self, tally: Tally) -> NDArray[np.float64]:
        """Return the values of each group, shape (size, n_groups, n_metrics)."""
        values = np.stack([np.asarray(m.score(tally), dtype=np.float64) for m in self.metrics], axis=-1)
        if not self.view.clustered:
            return values  # permutation keeps the class counts, so the expected value cancels
        expected = self.expected(tally)
        return values - np.stack([np.asarray(m.score(expected), dtype=np.float64) for m in self.metrics], axis=-1)

    def expected(self, tally: Tally) -> Tally:
        """Return the expected counts for these class counts under the pooled P(prediction | class)."""
        c = self.view.n_classes
        table = np.bincount(self.view.y_true * c + self.view.y_pred, minlength=c * c).reshape(c, c)
        rates = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
        steps = np.abs(np.arange(c)[:, None] - np.arange(c)[None, :])
        support = tally.support
        extra = ((rates * steps).sum(axis=1), (rates * steps**2).sum(axis=1))
        linear, quadratic = (None, None) if tally.linear is None else tuple(support @ each for each in extra)
        return Tally(support, support @ rates, support * np.diag(rates), linear, quadratic)


def value_test(
    data: Compared,
    metric: Metric,
    observed: NDArray[np.float64],
    permuted: NDArray[np.float64],
    spread: NDArray[np.float64] | None = None,
) -> GapTest | str:
    """Test a metric by its values in the groups, relative to their mean under permutation.

    Parameters
    ----------
    data, metric
        The images, and the metric.
    observed, permuted
        Values of the groups, shape (n_groups,) and (n_permutations, n_groups).
    spread
        Variance between the units of each group relative to its mean under permutation, first for the data and
        then for each permutation, shape (1 + n_permutations, n_groups); None if units are single images.
    """
    names = data.grouping.names
    lacking = [name for name, value in zip(names, observed, strict=True) if not np.isfinite(value)]
    if lacking:
        return f"undefined in {', '.join(lacking)}: {metric.undefined_when}"
    defined = np.isfinite(permuted).all(axis=1)
    kept = permuted[defined]
    centre = kept.mean(axis=0) if len(kept) else np.zeros(len(observed))
    rows, width = data.family.rows, metric.bounds[1] - metric.bounds[0]
    contrast = np.clip((kept - centre) @ rows.T, -width, width)  # with few images it can exceed the width
    errors = np.sqrt((contrast**2).mean(axis=0)) if len(kept) > 1 else np.zeros(len(rows))
    errors = np.broadcast_to(errors, (1 + len(kept), len(rows)))
    if spread is not None and len(kept) > 1:
        share = rows**2 * kept.var(axis=0)
        share = share / np.maximum(share.sum(axis=1, keepdims=True), ROUNDING_NOISE**2)
        errors = errors * np.sqrt(spread[np.concatenate([[True], defined])] @ share.T)
    largest = np.full(len(permuted), np.inf)  # an undefined permutation counts as more extreme
    largest[defined] = studentised(contrast, errors[1:]).max(axis=1, initial=0.0)
    gaps = np.abs(contrast[:, : data.family.n_pairs]).max(axis=1, initial=0.0)
    return GapTest(
        metric,
        data.family,
        np.clip((observed - centre) @ rows.T, -width, width),
        errors[0],
        largest,
        float(np.median(gaps)) if len(gaps) else 0.0,
        data.n_classes,
        data.units(np.ones(len(data.sample), dtype=bool)),
    )


def ranking_tests(data: Compared, metrics: Sequence[Metric]) -> dict[str, GapTest | str]:
    """Test ranking metrics of two classes; permuted labels enter as weights of the images."""
    found: dict[str, GapTest | str] = {}
    for name in dict.fromkeys(m.view for m in metrics):
        view, chosen = data.sample.view(name), [m for m in metrics if m.view == name]
        assert view.y_prob is not None
        affordable = int(RANKING_WORK / max(1, view.y_prob.size * data.n_groups))
        score = weighted(chosen, view.y_true, view.y_prob)
        plan = data.plan.at_most(max(affordable, FEWEST // 2))
        permuted = permuted_weights(data.parts, data.n_groups, score, plan)
        codes = data.grouping.codes
        observed = np.stack([score((codes == g).astype(np.float32)[:, None])[0] for g in range(data.n_groups)])
        for i, metric in enumerate(chosen):
            found[metric.name] = value_test(data, metric, observed[:, i], permuted[:, :, i])
    return found
