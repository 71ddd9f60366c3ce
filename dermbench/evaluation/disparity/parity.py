"""Multiclass parity measures of the literature, each with its value by chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.report import ParityMeasure, Undefined
from dermbench.evaluation.core.groups import SMALL, group_tally
from dermbench.evaluation.core.sample import ELIGIBLE
from dermbench.evaluation.disparity.group_sums import permuted_tallies
from dermbench.evaluation.resampling.strata import elements

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from dermbench.artifacts.report import Parity
    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Tally
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.resampling.plan import Plan

    Measure = Callable[[Tally, NDArray[np.bool_]], NDArray[np.float64]]


PARITY_RESAMPLES = 1_999
"""Most permutations: the measures are for comparison with the literature, and no verdict uses them."""


@dataclass(frozen=True)
class _Spec:
    """A measure: function, eligible classes, free or within-class null, direction, and one-vs-rest rate."""

    measure: Measure
    needs: Callable[[Tally], NDArray[np.bool_]]
    free: bool
    high_is_bad: bool
    rate: Callable[[Tally], NDArray[np.float64]] | None = None


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
    """Return min / max over groups; 1 for a rate that is 0 in every group."""
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
            _over(_rate, _range, _reduce), _needs, free=_free, high_is_bad=True, rate=_rate
        )


def parity(sample: Sample, grouping: Grouping, plan: Plan) -> Parity:
    """Return the parity measures of a feature, from one-vs-rest counts of each class.

    * ``pqd``: min / max accuracy over groups;
    * ``nar``: (max - min) / mean accuracy over groups;
    * ``dpm``, ``eom``: min / max over groups of the selection rate and of the true positive rate, averaged over
      classes;
    * ``selection_rate_range_*``, ``tpr_range_*``, ``fpr_range_*``: max - min over groups of the one-vs-rest rate,
      as maximum and as mean over classes.

    A class is skipped if the measure is undefined for it or, for TPR ranges, if a group has fewer than 10 true
    cases. (fairlearn's ``demographic_parity_difference`` is 0 on multiclass string labels, whatever the rates.)

    Parameters
    ----------
    sample, grouping
        The data; images of unknown groups are left out. An intersection with fewer than 30 images in a group has
        no measures.
    plan
        Seed, workers, and number of permutations, at most 1,999.

    References
    ----------
    Du et al. (2022), FairDisCo, ECCV Workshops (PQD, DPM, EOM); Groh et al. (2021) and later for NAR.
    """
    known = grouping.known()
    rows = known.codes >= 0
    reason = _not_comparable(known)
    if reason is not None:
        return Undefined(reason=reason)
    part, groups = sample.take(rows), known.at(rows)
    tally = group_tally(part, groups)
    keep = {name: spec.needs(tally) for name, spec in MEASURES.items()}
    found = dict.fromkeys(MEASURES, ParityMeasure(value=None, reason="no class has the cases it needs"))
    for free in (False, True):
        names = [name for name, spec in MEASURES.items() if spec.free == free and keep[name].any()]
        parts = elements(part, groups.codes, within_class=not free)
        stream = f"parity {grouping.feature} {'free' if free else 'within'}"
        permuted = permuted_tallies(part, parts, len(groups.names), plan.at_most(PARITY_RESAMPLES), stream=stream)
        null = [np.stack([MEASURES[n].measure(each, keep[n]) for n in names]) for each in permuted if names]
        for i, name in enumerate(names):
            values = np.concatenate([block[i] for block in null])
            found[name] = _describe(MEASURES[name], sample.classes, tally, keep[name], values)
    return found


def _not_comparable(known: Grouping) -> str | None:
    """Say why these groups have no measures: each measure compares the groups with extreme rates."""
    if len(known.names) < 2:
        return f"fewer than two known groups of {known.feature}"
    if known.intersection and np.bincount(known.codes[known.codes >= 0]).min() < SMALL:
        return f"not ranked: an intersection has fewer than {SMALL} images"
    return None


def _describe(
    spec: _Spec, classes: Sequence[str], tally: Tally, keep: NDArray[np.bool_], null: NDArray[np.float64]
) -> ParityMeasure:
    value = float(spec.measure(tally, keep))
    if not np.isfinite(value):
        return ParityMeasure(value=None, reason="every group has the accuracy 0")
    defined = null[np.isfinite(null)]
    slack = 1e-9 if spec.high_is_bad else -1e-9
    extreme = defined >= value - slack if spec.high_is_bad else defined <= value - slack
    per_class: dict[str, float | None] | None = None
    if spec.rate is not None:
        ranges = _range(spec.rate(tally))
        shown = zip(classes, ranges, keep & np.isfinite(ranges), strict=True)
        per_class = {name: float(value) if there else None for name, value, there in shown}
    return ParityMeasure(
        value=value,
        chance=float(np.median(defined)) if len(defined) else None,
        p_value=(int(extreme.sum()) + len(null) - len(defined) + 1) / (len(null) + 1),
        null="free" if spec.free else "within class",
        per_class=per_class,
        skipped=tuple(name for name, kept in zip(classes, keep, strict=True) if not kept),
    )
