"""Multiclass parity measures of the literature, each beside what chance alone gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dermbench.evaluation.core.groups import SMALL, group_tally
from dermbench.evaluation.core.sample import ELIGIBLE
from dermbench.evaluation.disparity.group_sums import permuted_tallies
from dermbench.evaluation.resampling.plan import N_RESAMPLES, Plan
from dermbench.evaluation.resampling.strata import elements

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Tally
    from dermbench.evaluation.core.sample import Sample

    Measure = Callable[[Tally, NDArray[np.bool_]], NDArray[np.float64]]


PARITY_RESAMPLES = 1_999
"""Most permutations; the measures are printed for comparability, no verdict hangs on them."""


@dataclass(frozen=True)
class Parity:
    """A parity measure.

    Attributes
    ----------
    value
        The measure; None when undefined.
    null_median, null_q05, null_q95, p_value
        The same when groups do not matter: median, 5th and 95th percentile over permutations, and the share of
        permutations at least as far on the bad side, (b+1)/(B+1).
    null
        ``"within class"``, or ``"free"`` for measures that ignore the true class.
    per_class
        Range of each class, for the one-vs-rest measures; None where skipped.
    skipped
        Classes that were left out.
    reason
        Why the value is None.
    """

    value: float | None
    null_median: float | None = None
    null_q05: float | None = None
    null_q95: float | None = None
    p_value: float | None = None
    null: str | None = None
    per_class: tuple[float | None, ...] | None = None
    skipped: tuple[int, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class _Spec:
    """How a measure is made: its function, classes it needs, null, and whether large values are bad."""

    measure: Measure
    needs: Callable[[Tally], NDArray[np.bool_]]
    free: bool
    high_is_bad: bool
    vector: Callable[[Tally], NDArray[np.float64]] | None = None


def _divide(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    out: NDArray[np.float64] = np.full(np.broadcast_shapes(a.shape, b.shape), np.nan)
    np.divide(a, b, out=out, where=b > 0)
    return out


def _accuracy(tally: Tally) -> NDArray[np.float64]:
    return _divide(tally.correct.sum(axis=-1), tally.total)


def _selection(tally: Tally) -> NDArray[np.float64]:
    return _divide(tally.predicted, tally.total[..., None])


def _tpr(tally: Tally) -> NDArray[np.float64]:
    return _divide(tally.correct, tally.support)


def _fpr(tally: Tally) -> NDArray[np.float64]:
    return _divide(tally.predicted - tally.correct, tally.total[..., None] - tally.support)


def _range(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(rates.max(axis=-2) - rates.min(axis=-2))


def _ratio(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return min / max over groups; a rate that is 0 in every group is equal: 1."""
    high = rates.max(axis=-2)
    return np.where(high > 0, _divide(rates.min(axis=-2), high), 1.0)


def _every(tally: Tally) -> NDArray[np.bool_]:
    return np.ones(tally.support.shape[-1], dtype=np.bool_)


def _predicted_somewhere(tally: Tally) -> NDArray[np.bool_]:
    return np.asarray((tally.predicted > 0).any(axis=-2))


def _true_everywhere(tally: Tally) -> NDArray[np.bool_]:
    return np.asarray((tally.support > 0).all(axis=-2) & (tally.correct > 0).any(axis=-2))


def _eligible(tally: Tally) -> NDArray[np.bool_]:
    return np.asarray((tally.support >= ELIGIBLE).all(axis=-2))


def _others_everywhere(tally: Tally) -> NDArray[np.bool_]:
    return np.asarray((tally.total[..., None] > tally.support).all(axis=-2))


def _pqd(tally: Tally, _keep: NDArray[np.bool_]) -> NDArray[np.float64]:
    accuracy = _accuracy(tally)
    return _divide(accuracy.min(axis=-1), accuracy.max(axis=-1))


def _nar(tally: Tally, _keep: NDArray[np.bool_]) -> NDArray[np.float64]:
    accuracy = _accuracy(tally)
    return _divide(accuracy.max(axis=-1) - accuracy.min(axis=-1), accuracy.mean(axis=-1))


def _over(
    rate: Callable[[Tally], NDArray[np.float64]],
    compare: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    reduce: Callable[..., NDArray[np.float64]],
) -> Measure:
    def measure(tally: Tally, keep: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.asarray(reduce(compare(rate(tally)[..., keep]), axis=-1))

    return measure


def _vector(rate: Callable[[Tally], NDArray[np.float64]]) -> Callable[[Tally], NDArray[np.float64]]:
    return lambda tally: _range(rate(tally))


MEASURES: dict[str, _Spec] = {
    "pqd": _Spec(_pqd, _every, free=False, high_is_bad=False),
    "nar": _Spec(_nar, _every, free=False, high_is_bad=True),
    "dpm": _Spec(_over(_selection, _ratio, np.mean), _predicted_somewhere, free=True, high_is_bad=False),
    "eom": _Spec(_over(_tpr, _ratio, np.mean), _true_everywhere, free=False, high_is_bad=False),
}
for _name, _rate, _needs, _free in (
    ("selection_rate", _selection, _every, True),
    ("tpr", _tpr, _eligible, False),
    ("fpr", _fpr, _others_everywhere, False),
):
    for _how, _reduce in (("max", np.max), ("mean", np.mean)):
        MEASURES[f"{_name}_range_{_how}"] = _Spec(
            _over(_rate, _range, _reduce), _needs, free=_free, high_is_bad=True, vector=_vector(_rate)
        )


def parity(
    sample: Sample,
    grouping: Grouping,
    *,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
    workers: int = 1,
) -> dict[str, Parity]:
    """Return the parity measures of a feature.

    ``pqd`` = min accuracy / max accuracy; ``nar`` = (max - min) / mean accuracy, of groups; ``dpm`` and ``eom``
    = mean over classes of min / max over groups of the selection rate and of the true positive rate;
    ``selection_rate_range_*``, ``tpr_range_*``, ``fpr_range_*`` = max and mean over classes of max - min over
    groups of the one-vs-rest rate. Classes are skipped where the measure is undefined or, for TPR ranges, where
    a group has fewer than 10 true cases.

    Parameters
    ----------
    sample, grouping
        The data; images of unknown groups are left out. Of an intersection with fewer than 30 images in a
        group every measure is None.
    seed, n_resamples, workers
        See :class:`~dermbench.evaluation.resampling.plan.Plan`; at most 1,999 permutations are made.

    References
    ----------
    Du et al. (2022), FairDisCo, ECCV Workshops (PQD, DPM, EOM); Groh et al. (2021) and later for NAR.
    """
    known = grouping.known()
    rows = known.codes >= 0
    reason = _not_comparable(known)
    if reason is not None:
        return {name: Parity(None, reason=reason) for name in MEASURES}
    part, groups = sample.take(rows), known.at(rows)
    tally = group_tally(part, groups)
    keep = {name: spec.needs(tally) for name, spec in MEASURES.items()}
    plan = Plan(seed, n_resamples, workers).at_most(PARITY_RESAMPLES)
    found: dict[str, Parity] = {}
    for free in (False, True):
        names = [name for name, spec in MEASURES.items() if spec.free == free and keep[name].any()]
        parts = elements(part, groups.codes, within_class=not free)
        stream = f"parity {grouping.feature} {'free' if free else 'within'}"
        null = [
            np.stack([MEASURES[name].measure(permuted, keep[name]) for name in names])
            for permuted in permuted_tallies(part, parts, len(groups.names), plan, stream=stream)
            if names
        ]
        found |= {
            name: _describe(name, tally, keep[name], np.concatenate([block[i] for block in null]))
            for i, name in enumerate(names)
        }
    return {name: found.get(name, Parity(None, reason="no class has the cases it needs")) for name in MEASURES}


def _not_comparable(known: Grouping) -> str | None:
    """Say why no measure of these groups is printed: each compares the groups with the extreme rates."""
    if len(known.names) < 2:
        return f"fewer than two known groups of {known.feature}"
    if known.intersection and np.bincount(known.codes[known.codes >= 0]).min() < SMALL:
        return f"not ranked: an intersection has fewer than {SMALL} images"
    return None


def _describe(name: str, tally: Tally, keep: NDArray[np.bool_], null: NDArray[np.float64]) -> Parity:
    spec = MEASURES[name]
    value = float(spec.measure(tally, keep))
    if not np.isfinite(value):
        return Parity(None, reason="every group has the accuracy 0")
    defined = null[np.isfinite(null)]
    slack = 1e-9 if spec.high_is_bad else -1e-9
    extreme = defined >= value - slack if spec.high_is_bad else defined <= value - slack
    p_value = (int(extreme.sum()) + len(null) - len(defined) + 1) / (len(null) + 1)
    per_class = None
    if spec.vector is not None:
        ranges = np.where(keep, spec.vector(tally), np.nan)
        per_class = tuple(float(r) if np.isfinite(r) else None for r in ranges)
    low, middle, high = np.quantile(defined, [0.05, 0.5, 0.95]) if len(defined) else (None, None, None)
    return Parity(
        value,
        null_median=None if middle is None else float(middle),
        null_q05=None if low is None else float(low),
        null_q95=None if high is None else float(high),
        p_value=p_value,
        null="free" if spec.free else "within class",
        per_class=per_class,
        skipped=tuple(map(int, np.flatnonzero(~keep))),
    )
