"""Two models on the same images: the difference of a metric with a paired interval and a paired test.

What is exchanged under "no difference" is the two models' answers, for all images of an independent unit at
once. Values that are sums over images need only signs flipped; a function of counts is computed anew from the
exchanged counts, by matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr
from scipy.stats import binom

from dermbench.evaluation.stats.bootstrap import bootstrap_estimate, bootstrap_sums, bootstrap_weights
from dermbench.evaluation.stats.delong import covariance, ovr_influence
from dermbench.evaluation.stats.estimates import Z95
from dermbench.evaluation.stats.resample import as_tally, slots_per_group, sum_cells, tally_cells

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    from dermbench.evaluation.metric import Metric
    from dermbench.evaluation.stats import Plan, Sample

TOLERANCE = 1e-12
"""Differences closer than this count as equal, so that the order of a sum decides no test."""
NO_TEST = "no paired test of this metric is offered; read the interval"
SIGN_FLIP = "sign-flip permutation of units"
LABEL_SWAP = "label-swap permutation of units"
MCNEMAR = "McNemar, mid-p"


@dataclass(frozen=True)
class Effect:
    """Difference of a metric, second model minus first.

    Attributes
    ----------
    value
        The difference; NaN where the metric is undefined for a model.
    low, high
        Ends of the paired 95 % interval; None when there is none.
    method
        How the interval was made.
    p_value
        Two-sided; None when there is no test.
    test
        Which test.
    reason
        Why the value, the interval or the test is missing.
    """

    value: float
    low: float | None = None
    high: float | None = None
    method: str | None = None
    p_value: float | None = None
    test: str | None = None
    reason: str | None = None


def mcnemar_mid_p(only_first: int, only_second: int) -> float:
    """Return the two-sided mid-p of McNemar's test.

    Parameters
    ----------
    only_first, only_second
        Images that only the first, and only the second, model gets right.

    Returns
    -------
    float
        1 without such images.

    References
    ----------
    Fagerland, Lydersen, Laake (2013), BMC Medical Research Methodology 13:91.
    """
    n, fewer = only_first + only_second, min(only_first, only_second)
    if only_first == only_second:
        return 1.0
    return float(min(1.0, 2 * binom.cdf(fewer, n, 0.5) - binom.pmf(fewer, n, 0.5)))


def sign_flip(sums: NDArray[np.float64], plan: Plan, *, stream: str) -> float:
    """Return the two-sided p of a sum of differences when each unit's sign is arbitrary.

    Parameters
    ----------
    sums
        Sum of the differences of each unit, shape (n_units,).
    plan, stream
        Number of permutations, and the random numbers.
    """
    moving = sums[sums != 0]
    if len(moving) == 0:
        return 1.0

    def one(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
        signs = rng.integers(0, 2, (size, len(moving)), dtype=np.int8) * 2 - 1
        flipped: NDArray[np.float64] = signs @ moving
        return flipped

    block = int(max(16, 2**21 // len(moving)))
    return p_value(float(moving.sum()), plan.in_blocks(one, stream=stream, block=block))


def p_value(observed: float, permuted: NDArray[np.float64]) -> float:
    """Return (b + 1) / (B + 1), b of B permuted values being as far from 0; an undefined one counts as far."""
    near = np.abs(permuted) < abs(observed) - TOLERANCE * max(1.0, abs(observed))
    return float((np.sum(~near) + 1) / (len(permuted) + 1))


def count_effects(
    sample: Sample, y_pred: NDArray[np.intp], metrics: Sequence[Metric], plan: Plan, *, stream: str
) -> dict[str, Effect]:
    """Return the effect on every ``counts`` metric.

    Parameters
    ----------
    sample
        Truth, units and the first model's predictions.
    y_pred
        The second model's predictions, shape (n_samples,).
    metrics
        Metrics of kind ``counts``.
    plan, stream
        Number of resamples, and the random numbers.
    """
    steps = any(metric.needs_order for metric in metrics)
    nobody = np.zeros(len(sample), dtype=np.intp)
    cells = tally_cells(sample, nobody, 1, steps=steps, models=[sample.y_pred, y_pred])
    width = slots_per_group(sample.n_classes, steps=steps)

    def differences(sums: NDArray[Any]) -> NDArray[np.float64]:
        tally = as_tally(sums, sample.n_classes, steps=steps)
        return np.stack([np.diff(metric.score(tally), axis=-1) for metric in metrics], axis=-1)

    change = (cells.matrix[width:] - cells.matrix[:width]).tocsc()
    moving = np.flatnonzero(np.diff(change.indptr))
    change, counts = change[:, moving].tocsr(), cells.counts[moving][:, None]
    first, second = np.split(cells.totals()[:, None], 2)

    def swapped(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
        moved = change @ rng.binomial(counts, 0.5, (len(moving), size))
        return differences(np.concatenate([first + moved, second - moved]))[:, 0]

    observed = differences(cells.totals()[:, None])[0, 0]
    permuted = plan.in_blocks(swapped, stream=f"{stream} swap", block=cells.block)
    replicates, accelerations = bootstrap_sums(cells, differences, 2 * width, plan, stream=f"{stream} bootstrap")
    found = {}
    for index, metric in enumerate(metrics):
        p, test = p_value(observed[index], permuted[:, index]), LABEL_SWAP
        if metric.proportion and metric.trials is None:
            p, test = _of_hits(sample, sample.hit, y_pred == sample.y_true, plan, stream=stream)
        interval = (replicates[:, 0, index], accelerations[0, index])
        found[metric.name] = _effect(sample, metric, observed[index], interval, (p, test))
    return found


def mean_effect(sample: Sample, y_prob: NDArray[np.float64], metric: Metric, plan: Plan, *, stream: str) -> Effect:
    """Return the effect on a metric that is a mean over images; arguments as of :func:`count_effects`."""
    first, second = metric.score(sample.y_true, sample.y_prob), metric.score(sample.y_true, y_prob)
    apart = second - first
    if not np.isfinite(apart).all():
        return Effect(float("nan"), reason=metric.undefined_when)
    cells = sum_cells(sample, np.zeros(len(sample), dtype=np.intp), 1, apart[None, :])

    def mean(sums: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(sums[1] / sums[0], dtype=np.float64)[:, None, None]

    replicates, accelerations = bootstrap_sums(cells, mean, 2, plan, stream=f"{stream} bootstrap {metric.name}")
    if metric.proportion:
        tested = _of_hits(sample, first > 0, second > 0, plan, stream=f"{stream} {metric.name}")
    else:
        tested = sign_flip(_by_unit(sample, apart), plan, stream=f"{stream} flip {metric.name}"), SIGN_FLIP
    return _effect(sample, metric, float(apart.mean()), (replicates[:, 0, 0], accelerations[0, 0]), tested)


def ranking_effect(
    sample: Sample, y_prob: NDArray[np.float64], metric: Metric, plan: Plan, *, stream: str
) -> Effect:
    """Return the effect on a ranking metric: DeLong's for AUROC; arguments as of :func:`count_effects`."""
    if metric.name == "auroc_ovr":
        return _delong(sample, y_prob, metric)

    def difference(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        first = metric.score(sample.y_true, sample.y_prob, weights)
        return np.asarray(metric.score(sample.y_true, y_prob, weights) - first, dtype=np.float64)[:, None]

    observed = float(difference(np.ones((len(sample), 1)))[0, 0])
    few = plan.at_most(1999)
    replicates, accelerations = bootstrap_weights(
        sample, difference, few, stream=f"{stream} bootstrap {metric.name}"
    )
    return _effect(sample, metric, observed, (replicates[:, 0], accelerations[0]), (None, None))


def _delong(sample: Sample, y_prob: NDArray[np.float64], metric: Metric) -> Effect:
    assert sample.y_prob is not None
    both = [ovr_influence(sample.y_true, prob) for prob in (sample.y_prob, y_prob)]
    value = both[1][0] - both[0][0]
    if not np.isfinite(value):
        return Effect(float("nan"), reason=metric.undefined_when)
    spread = covariance(np.stack([b[1] for b in both]), sample.units if sample.clustered else None)
    se = float(np.sqrt(max(0.0, spread[0, 0] + spread[1, 1] - 2 * spread[0, 1])))
    if not se > TOLERANCE:
        return Effect(value, p_value=1.0 if value == 0 else None, test="DeLong", reason="the variance is 0")
    p = float(2 * ndtr(-abs(value) / se))
    return Effect(value, max(-1.0, value - Z95 * se), min(1.0, value + Z95 * se), "DeLong", p, "DeLong")


def _of_hits(
    sample: Sample, first: NDArray[np.bool_], second: NDArray[np.bool_], plan: Plan, *, stream: str
) -> tuple[float, str]:
    if not sample.clustered:
        return mcnemar_mid_p(int((first & ~second).sum()), int((second & ~first).sum())), MCNEMAR
    apart = second.astype(np.float64) - first
    return sign_flip(_by_unit(sample, apart), plan, stream=f"{stream} flip"), SIGN_FLIP


def _by_unit(sample: Sample, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.bincount(sample.units, weights=values, minlength=sample.n_units).astype(np.float64)


def _effect(
    sample: Sample,
    metric: Metric,
    value: float,
    interval: tuple[NDArray[np.float64], float],
    tested: tuple[float | None, str | None],
) -> Effect:
    if not np.isfinite(value):
        return Effect(float("nan"), reason=metric.undefined_when)
    made = bootstrap_estimate(float(value), *interval, n=len(sample), n_units=sample.n_units).interval()
    p, test = tested
    reason = made.reason or (NO_TEST if p is None else None)
    return Effect(float(value), made.low, made.high, made.method, p, test, reason)
