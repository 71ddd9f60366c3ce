"""Ranking metrics: one sort per class, then weighted cumulative sums.

Both metrics average over the classes with images inside and outside of the class. Images of equal probability form
one step, so their order does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from scipy import sparse

from dermbench.evaluation.core.metric import METRICS, Metric
from dermbench.evaluation.metrics.counts import ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Weighted

    Curve = Callable[["Steps"], NDArray[np.float64]]
    Float = TypeVar("Float", bound=np.floating)


PREPARED = 2**26
"""Most images x classes for which all rankings are kept in memory (0.3 GB); larger ones are sorted each time."""


SHARED, SHARED_KEPT = 2**15, 32
"""Most images x classes for which rankings are cached, and number of cached samples."""
SMALL = 2**11
"""With fewer images, products of two sums of resampled weights are below 2^24 and exact in single precision."""


@dataclass(frozen=True)
class Ranking:
    """The order of the images by the score of one class.

    A step is a score that some positive has. Bounds are the start of each step in an array, and the end.

    Attributes
    ----------
    inside, inside_starts
        Positives by descending score, and the n_steps + 1 bounds of the steps.
    outside, outside_starts
        Negatives by descending score, and n_steps + 2 bounds: a step has the negatives from the score of the step
        before (excluded) down to its own (included); the last part has those below all steps.
    tied, tied_starts
        Negatives with exactly the score of a step, and the n_steps + 1 bounds; mostly none.
    """

    inside: NDArray[np.int32]
    inside_starts: NDArray[np.intp]
    outside: NDArray[np.int32]
    outside_starts: NDArray[np.intp]
    tied: NDArray[np.int32]
    tied_starts: NDArray[np.intp]

    @cached_property
    def _matrices(self) -> tuple[sparse.csr_array, ...]:
        n = len(self.inside) + len(self.outside)
        parts = [(self.inside, self.inside_starts), (self.outside, self.outside_starts)]
        parts += [(self.tied, self.tied_starts)] if len(self.tied) else []
        return tuple(_sums(rows, starts, n) for rows, starts in parts)

    @cached_property
    def unweighted(self) -> Steps:
        """The images as they are."""
        starts = (self.inside_starts, self.outside_starts, self.tied_starts)
        positive, negative, tied = (np.diff(s).astype(np.float64)[:, None] for s in starts)
        return Steps(positive, negative, tied if len(self.tied) else None)

    def steps(self, weights: NDArray[Any]) -> Steps:
        """Sum the weights of the images, shape (n_samples, n), in each step."""
        if weights.shape[1] == 1 and (weights == 1).all():
            return self.unweighted
        exact = weights.dtype == np.float32 and len(weights) < SMALL
        made = [m @ weights for m in self._matrices]
        return Steps(*(made if exact else [sums.astype(np.float64) for sums in made]))


@dataclass(frozen=True)
class Steps:
    """Weights in the steps of a ranking, by descending score.

    Only scores of positives are steps, so the arrays are as small as the class, whatever the number of images.

    Attributes
    ----------
    positive
        Weight of the positives in each step, shape (n_steps, n).
    negative
        Weight of the negatives in each step, as in :class:`Ranking`, and below the last one, shape
        (n_steps + 1, n).
    tied
        Weight of the negatives with the score of each step, shape (n_steps, n); None if there are none.
    """

    positive: NDArray[np.floating]
    negative: NDArray[np.floating]
    tied: NDArray[np.floating] | None = None

    @cached_property
    def found(self) -> NDArray[np.floating]:
        """Weight of the positives up to each step, included."""
        return running(self.positive)

    @cached_property
    def above(self) -> NDArray[np.floating]:
        """Weight of the negatives up to each step, included, and of all negatives, shape (n_steps + 1, n)."""
        return running(self.negative)


def auroc_ovr(
    y_true: NDArray[np.intp], y_prob: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the one-vs-rest area under the ROC curve, averaged over classes.

    Parameters
    ----------
    y_true
        Class indices, shape (n_samples,); -1 for an image of none of the classes.
    y_prob
        Probabilities, shape (n_samples, n_classes).
    weights
        Non-negative weights, shape (n_samples, n_resamples).

    Returns
    -------
    numpy.ndarray
        Shape (n_resamples,); NaN if no class has images inside and outside of it.
    """
    return _macro(_area_roc, y_true, y_prob, weights)


def average_precision(
    y_true: NDArray[np.intp], y_prob: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the one-vs-rest average precision, averaged over classes; shapes as in :func:`auroc_ovr`.

    It is the sum over thresholds of gained recall times precision, without interpolation.
    """
    return _macro(_average_precision, y_true, y_prob, weights)


def per_class(
    curve: Curve, y_true: NDArray[np.intp], y_prob: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the value of each class, shape (n_classes, n_resamples), NaN if it has all images or none."""
    values: NDArray[np.float64] = _values([curve], _rankings(y_true, y_prob), y_prob.shape[1], weights)[0]
    return values


def _values(
    curves: Sequence[Curve], rankings: Iterable[tuple[int, Ranking]], n_classes: int, weights: NDArray[Any]
) -> NDArray[np.float64]:
    values = np.full((len(curves), n_classes, weights.shape[1]), np.nan)
    for label, ranking in rankings:
        steps = ranking.steps(weights)
        for index, curve in enumerate(curves):
            values[index, label] = curve(steps)
    return values


def _rankings(y_true: NDArray[np.intp], y_prob: NDArray[np.float64]) -> Iterable[tuple[int, Ranking]]:
    """Return the ranking of each class with images inside and outside of it; cached for few images."""
    if y_prob.size > SHARED:
        return _ranked(y_true, y_prob)
    true, prob = (np.ascontiguousarray(a, t).tobytes() for a, t in ((y_true, np.intp), (y_prob, np.float64)))
    return _kept(true, prob, y_prob.shape[1])


@lru_cache(maxsize=SHARED_KEPT)
def _kept(y_true: bytes, y_prob: bytes, n_classes: int) -> tuple[tuple[int, Ranking], ...]:
    """Return the rankings of images given by the bytes of their arrays, which make the key of the cache."""
    return tuple(_ranked(np.frombuffer(y_true, np.intp), np.frombuffer(y_prob).reshape(-1, n_classes)))


def _ranked(y_true: NDArray[np.intp], y_prob: NDArray[np.float64]) -> Iterator[tuple[int, Ranking]]:
    for label in range(y_prob.shape[1]):
        inside = y_true == label
        if inside.any() and not inside.all():
            yield label, rank(inside, y_prob[:, label])


def rank(inside: NDArray[np.bool_], score: NDArray[np.float64]) -> Ranking:
    """Rank images by score; steps are the scores of those ``inside`` (at least one). Both have shape (n,)."""
    order = np.argsort(-score).astype(np.int32)  # any order within ties will do: their weights are summed
    ranked, flag = score[order], inside[order]
    start = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    end = np.append(start[1:], len(ranked))
    n_positive = np.add.reduceat(flag.astype(np.intp), start)
    step = n_positive > 0
    found = np.concatenate(([0], np.cumsum(n_positive[step])))
    n_tied = (end - start - n_positive)[step]
    apart = np.zeros(len(ranked) + 1, dtype=np.intp)  # marks the scores of steps
    np.add.at(apart, start[step], 1)
    np.add.at(apart, end[step], -1)
    return Ranking(
        order[flag],
        found,
        order[~flag],
        np.concatenate(([0], end[step] - found[1:], [len(order) - found[-1]])),
        order[~flag & (np.cumsum(apart)[:-1] > 0)],
        np.concatenate(([0], np.cumsum(n_tied))),
    )


def _sums(rows: NDArray[np.int32], bounds: NDArray[np.intp], n: int) -> sparse.csr_array:
    """Return the matrix that sums each run ``rows[bounds[i]:bounds[i + 1]]`` of ``n`` rows."""
    ones = np.ones(len(rows), dtype=np.float32)  # sums of weights in double precision stay in double precision
    return sparse.csr_array((ones, rows, bounds.astype(np.int32)), shape=(len(bounds) - 1, n))


def _prepare(y_true: NDArray[np.intp], y_prob: NDArray[np.float64], curves: Sequence[Curve]) -> Weighted:
    """Rank once for any number of weights; the values equal those of :func:`_macro`."""
    kept = list(_rankings(y_true, y_prob)) if y_prob.size <= PREPARED else None

    def values(weights: NDArray[Any]) -> NDArray[np.float64]:
        rankings = _rankings(y_true, y_prob) if kept is None else kept
        return _average(_values(curves, rankings, y_prob.shape[1], weights)).T

    return values


def _macro(
    curve: Curve, y_true: NDArray[np.intp], y_prob: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    return _average(per_class(curve, y_true, y_prob, weights))


def _average(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average over classes, the axis before the last."""
    there = np.isfinite(values)
    return ratio(np.where(there, values, 0.0).sum(axis=-2), there.sum(axis=-2).astype(np.float64))


def running(values: NDArray[Float]) -> NDArray[Float]:
    """Return cumulative sums down the first axis, computed row by row (numpy goes column by column)."""
    if values.shape[1] == 1:
        return np.cumsum(values, axis=0)
    sums = values.copy()
    for above, row in pairwise(sums):
        np.add(above, row, out=row)
    return sums


def _area_roc(steps: Steps) -> NDArray[np.float64]:
    """Share of the pairs of a positive and a negative in the right order; ties count one half."""
    positive, negative = (a[-1].astype(np.float64) for a in (steps.found, steps.above))
    out_of_order = np.einsum("ij,ij->j", steps.positive, steps.above[:-1]).astype(np.float64)
    if steps.tied is not None:
        out_of_order -= np.einsum("ij,ij->j", steps.positive, steps.tied).astype(np.float64) / 2
    return ratio(positive * negative - out_of_order, positive * negative)


def _average_precision(steps: Steps) -> NDArray[np.float64]:
    """Precision at each step, weighted by the positives gained there."""
    below = steps.found + steps.above[:-1]
    np.maximum(below, np.finfo(np.float32).tiny, out=below)  # avoids 0 / 0 before the first drawn image
    gained = np.divide(steps.found, below, dtype=np.float64)
    gained *= steps.positive
    value = ratio(gained.sum(axis=0), steps.found[-1])
    return np.where(steps.above[-1] > 0, value, np.nan)


RANKS_NOTHING = "no class has images inside and outside of it"

for _metric in (
    Metric(
        "auroc_ovr",
        "AUROC, one vs rest",
        "ranking",
        auroc_ovr,
        needs_probabilities=True,
        macro=True,
        undefined_when=RANKS_NOTHING,
        source="Hanley & McNeil 1982; macro average over classes",
        prepare=_prepare,
        curve=_area_roc,
    ),
    Metric(
        "average_precision",
        "average precision",
        "ranking",
        average_precision,
        needs_probabilities=True,
        macro=True,
        undefined_when=RANKS_NOTHING,
        source="step-wise area under precision and recall; macro average over classes",
        prepare=_prepare,
        curve=_average_precision,
    ),
):
    METRICS.add(_metric.name, _metric)
