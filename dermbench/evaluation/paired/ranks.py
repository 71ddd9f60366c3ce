"""Ranks of models from tests of all pairs: rank bands and letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dermbench.errors import UsageError
from dermbench.evaluation.core.scoring import score
from dermbench.evaluation.disparity.gap_test import ALPHA
from dermbench.evaluation.paired import pairs
from dermbench.evaluation.paired.families import holm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.resampling.plan import Plan

MOST_SETS = 52
"""Most sets of models for letters."""
TOO_MANY = "the models form too many overlapping sets for letters; read the bands and the pairs"
NO_PAIRS = "no paired test of this metric is offered, so models cannot be put into rank bands by it"


@dataclass(frozen=True)
class Ranking:
    """Tests of all pairs of models that have a value.

    Attributes
    ----------
    names
        Models, best first; equal values by name.
    values
        Value of each model, shape (n_models,).
    p_value, p_holm
        Two-sided p values, before and after Holm's correction over all pairs; symmetric with 1 on the diagonal,
        shape (n_models, n_models).
    test
        Name of the test.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    p_value: NDArray[np.float64]
    p_holm: NDArray[np.float64]
    test: str

    @property
    def apart(self) -> NDArray[np.bool_]:
        """Whether two models differ significantly, shape (n_models, n_models)."""
        return np.asarray(self.p_holm <= ALPHA)

    def bands(self) -> dict[str, tuple[int, int]]:
        """Return {model: (best, worst rank it could have)}, the best model first."""
        n = len(self.names)
        better, worse = np.tril(self.apart).sum(axis=1), np.triu(self.apart).sum(axis=1)
        return {name: (1 + int(better[i]), n - int(worse[i])) for i, name in enumerate(self.names)}

    def letters(self) -> dict[str, str]:
        """Return {model: letters}; two models share a letter if and only if they do not differ significantly.

        Empty if this takes more than :data:`MOST_SETS` letters: the number can grow exponentially with the models.

        References
        ----------
        Piepho (2004), Journal of Computational and Graphical Statistics 13, 456-466 (insert and absorb).
        """
        n = len(self.names)
        sets = [frozenset(range(n))]
        for i, j in zip(*np.nonzero(np.triu(self.apart)), strict=True):
            split = [s - {k} for s in sets if {i, j} <= s for k in (i, j)]
            sets = list(dict.fromkeys([s for s in sets if not {i, j} <= s] + split))
            sets = [s for s in sets if not any(s < other for other in sets)]
            if len(sets) > MOST_SETS:
                return {}
        ordered = sorted(sets, key=sorted)
        return {
            name: "".join(letter(k) for k, members in enumerate(ordered) if i in members)
            for i, name in enumerate(self.names)
        }


def letter(index: int) -> str:
    """Return a, b, ... z, then A, B, ... Z, then (52), (53) ..."""
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    both = alphabet + alphabet.upper()
    return both[index] if index < len(both) else f"({index})"


def all_pairs(candidates: Mapping[str, Sequence[Sample]], metric: Metric, plan: Plan) -> Ranking:
    """Test every pair of models; models without a value are left out.

    Parameters
    ----------
    candidates
        {name of the model: its joined samples, one per seed}, all of the same images.
    metric
        The metric; the value of a model is the average over its seeds.
    plan
        Seed and number of label swaps.

    Raises
    ------
    UsageError
        When the metric has no paired test.
    """
    if metric.kind == "ranking" and metric.name != "auroc_ovr":
        raise UsageError(f"{metric.name}: {NO_PAIRS}")
    values = {name: float(np.mean([score(metric, s) for s in seeds])) for name, seeds in candidates.items()}
    sign = -1.0 if metric.higher_is_better else 1.0
    names = sorted((n for n in values if np.isfinite(values[n])), key=lambda n: (sign * values[n], n))
    p_value, p_holm = np.ones((2, len(names), len(names)))
    test = "none"
    if len(names) > 1:
        made, test = _pair_tests([candidates[name] for name in names], metric, plan)
        first, second = np.triu_indices(len(names), 1)
        for matrix, p in ((p_value, made), (p_holm, holm(made))):
            matrix[first, second] = matrix[second, first] = p
    return Ranking(tuple(names), np.array([values[n] for n in names]), p_value, p_holm, test)


def _pair_tests(models: Sequence[Sequence[Sample]], metric: Metric, plan: Plan) -> tuple[NDArray[np.float64], str]:
    views = [[seed.view(metric.view) for seed in seeds] for seeds in models]
    sample = views[0][0]
    stream = f"pairs {metric.view}"
    if metric.kind == "ranking":
        return pairs.auroc_tests(sample, [[v.y_prob for v in seeds if v.y_prob is not None] for seeds in views])
    if metric.kind == "mean":
        each = [np.mean([metric.score(sample.y_true, v.y_prob) for v in seeds], axis=0) for seeds in views]
        return pairs.sum_tests(sample, np.stack(each), plan, stream=stream)
    if metric.proportion and metric.trials is None:
        hits = [np.mean([v.y_pred == sample.y_true for v in seeds], axis=0) for seeds in views]
        return pairs.sum_tests(sample, np.stack(hits), plan, stream=stream)
    return pairs.count_tests(sample, [[v.y_pred for v in seeds] for seeds in views], metric, plan, stream=stream)
