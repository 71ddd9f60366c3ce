"""Sums over groups, observed and under permuted group labels, from which every gap is computed.

:mod:`dermbench.evaluation.resampling.strata` defines which labels are exchanged. Small samples permute labels
image by image (or unit by unit). Large samples of independent images draw the counts of each (group, class,
prediction) instead, for scores that depend only on true and predicted class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.evaluation.core.metric import Tally
from dermbench.evaluation.resampling.permutation import (
    BUDGET,
    CELL_COST,
    FEWEST,
    ROW_COST,
    LabelledSums,
    split_cells,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.resampling.plan import Plan
    from dermbench.evaluation.resampling.strata import Elements

ONE_PASS = 20_000
"""Most images for which all metrics are computed from the same permuted images."""
BLOCK_CELLS = 2**18
"""Group sizes in one block of drawn cells."""


@dataclass(frozen=True)
class Sums:
    """Sums over each group for one block of labellings.

    Attributes
    ----------
    residual, square
        Sum of the class residuals of each score, and sum of the squared contributions of elements, shape
        (size, n_groups, n_scores).
    expected
        Expected sums of squares if elements vary alike in all groups; same shape, or with size 1.
    tallies
        Counts of each view, arrays of shape (size, n_groups, n_classes).
    """

    residual: NDArray[np.float64]
    square: NDArray[np.float64]
    expected: NDArray[np.float64]
    tallies: tuple[Tally, ...]

    def score(self, index: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return the three kinds of sums of one score, each of shape (size, n_groups)."""
        return self.residual[:, :, index], self.square[:, :, index], self.expected[:, :, index]


@dataclass(frozen=True)
class Residuals:
    """Scores of images, each minus the mean score of its class.

    Attributes
    ----------
    values
        Shape (n_scores, n_samples); 0 for an image without a score.
    enters
        Whether an image has a score, same shape.
    counts
        Images of each group and class that have a score, shape (n_scores, n_groups, n_classes).
    widened
        The residuals times the root of m / (m - 1), with m the units of the image's class, for variances.
    level, group_level
        Mean score of all images, shape (n_scores,), and of each group, shape (n_scores, n_groups).
    """

    values: NDArray[np.float64]
    enters: NDArray[np.bool_]
    counts: NDArray[np.float64]
    widened: NDArray[np.float64]
    level: NDArray[np.float64]
    group_level: NDArray[np.float64]


def group_sum(codes: NDArray[np.intp], values: NDArray[Any], n_groups: int) -> NDArray[np.float64]:
    """Return the sum of ``values`` over the images of each group, shape (n_groups,)."""
    return np.bincount(codes, weights=values, minlength=n_groups).astype(np.float64)


def class_residuals(
    sample: Sample, codes: NDArray[np.intp], n_groups: int, scores: NDArray[np.float64]
) -> Residuals:
    """Subtract class means from scores of shape (n_scores, n_samples); NaN marks an image without a score."""
    stratum, n_strata = sample.stratum, int(sample.stratum.max(initial=0)) + 1
    cell = codes * n_strata + stratum
    shape = (n_groups, n_strata)
    enters = np.isfinite(scores)
    counts, values, widened, level, of_group = [], [], [], [], []
    for score, there in zip(scores, enters, strict=True):
        filled = np.where(there, score, 0.0)
        n_cell = np.bincount(cell, weights=there, minlength=n_groups * n_strata).reshape(shape)
        n_class = n_cell.sum(axis=0)
        mean = np.bincount(stratum, weights=filled, minlength=n_strata) / np.maximum(n_class, 1)
        residual = np.where(there, filled - mean[stratum], 0.0)
        units = _units_of_classes(sample, there, n_strata)
        counts.append(n_cell)
        values.append(residual)
        widened.append(residual * np.sqrt(units / np.maximum(units - 1, 1))[stratum])
        level.append(filled.sum() / max(1, there.sum()))
        of_group.append(group_sum(codes, filled, n_groups) / np.maximum(n_cell.sum(axis=1), 1))
    size = len(sample)
    return Residuals(
        np.array(values).reshape(-1, size),
        enters,
        np.array(counts, dtype=np.float64).reshape(-1, *shape),
        np.array(widened).reshape(-1, size),
        np.array(level),
        np.array(of_group).reshape(-1, n_groups),
    )


def _units_of_classes(sample: Sample, there: NDArray[np.bool_], n_strata: int) -> NDArray[np.float64]:
    """Count the independent units with a scored image of each class, shape (n_strata,)."""
    if not sample.clustered:
        return np.bincount(sample.stratum[there], minlength=n_strata).astype(np.float64)
    pairs = np.unique(sample.units[there] * n_strata + sample.stratum[there])
    return np.bincount(pairs % n_strata, minlength=n_strata).astype(np.float64)


@dataclass(frozen=True)
class ElementSums:
    """Residuals and tallies of the permuted elements, at the places of :class:`Elements`.

    Attributes
    ----------
    residual, square, expected
        Sum of the residuals of each element, squared sum of its widened residuals, and expected square if elements
        vary alike in all groups; shape (n_scores, n_elements).
    own
        Whether each score needs sums of squares under permutation, shape (n_scores,); they are 0 for the others.
    fixed
        Expected sums of squares of each group if permutation does not change them, shape (n_groups, n_scores);
        else None.
    counts
        Tallies of each view.
    n_groups
        Number of groups.
    """

    residual: NDArray[np.float64]
    square: NDArray[np.float64]
    expected: NDArray[np.float64]
    own: NDArray[np.bool_]
    fixed: NDArray[np.float64] | None
    counts: tuple[LabelledSums, ...]
    n_groups: int

    @classmethod
    def of(
        cls,
        sample: Sample,
        parts: Elements,
        residuals: Residuals,
        views: Sequence[tuple[Sample, bool]],
        n_groups: int,
        *,
        own: Sequence[bool],
    ) -> ElementSums:
        """Add up the images of each element.

        Parameters
        ----------
        sample
            The images.
        parts
            The elements that are permuted.
        residuals
            Scores of the images.
        views
            Views to tally, each with whether to count steps in the class order.
        n_groups
            Number of groups.
        own
            Whether the variance of each score is measured in each labelling.
        """
        place, n = parts.place[parts.of_row], len(parts.label)

        def add(values: NDArray[np.float64]) -> NDArray[np.float64]:
            rows = [group_sum(place, row, n) for row in values]
            return np.array(rows, dtype=np.float64).reshape(-1, n)

        counts = tuple(LabelledSums.of(view, parts, n_groups, steps=steps) for view, steps in views)
        square, expected = add(residuals.widened) ** 2, _expected_squares(sample, residuals, add)
        fixed = None
        if not sample.clustered:
            label = np.empty_like(parts.label)
            label[parts.place] = parts.label
            fixed = np.array([np.bincount(label, weights=row, minlength=n_groups) for row in expected])
            fixed = fixed.reshape(-1, n_groups).T
        return cls(add(residuals.values), square, expected, np.array(own, dtype=bool), fixed, counts, n_groups)

    def at(self, labels: NDArray[np.integer[Any]]) -> Sums:
        """Return the sums for labellings: the group at each place, shape (n_elements, size)."""
        moving = [self.residual, self.square[self.own], *([] if self.fixed is not None else [self.expected])]
        stacked = np.concatenate(moving)
        sums = np.zeros((self.n_groups, len(stacked), labels.shape[1]))
        if len(stacked):
            for group in range(self.n_groups - 1):
                sums[group] = stacked @ (labels == group).astype(np.float64)
            sums[-1] = stacked.sum(axis=1)[:, None] - sums[:-1].sum(axis=0)
        ends = np.cumsum([len(part) for part in moving])[:-1]
        residual, measured, *rest = np.split(np.moveaxis(sums, -1, 0), ends, axis=2)
        square = np.zeros_like(residual)
        square[:, :, self.own] = measured
        expected = rest[0] if self.fixed is None else self.fixed[None]
        return Sums(residual, square, expected, tuple(each.at(labels) for each in self.counts))


def _expected_squares(
    sample: Sample, residuals: Residuals, add: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Return the expected squared sum of each element: class variances times 1 + (images - 1) x correlation.

    The correlation within units is pooled over all units.
    """
    wide = residuals.widened**2
    n_class = residuals.counts.sum(axis=1)
    per_class = np.array([np.bincount(sample.stratum, weights=row, minlength=n_class.shape[1]) for row in wide])
    variance = np.where(
        residuals.enters, (per_class.reshape(n_class.shape) / np.maximum(n_class, 1))[:, sample.stratum], 0.0
    )
    if not sample.clustered:
        return add(variance)
    pairs = zip(residuals.widened, residuals.enters, strict=True)
    found = [unit_correlation(sample.units[there], widened[there]) for widened, there in pairs]
    images = add(residuals.enters.astype(np.float64))
    return np.asarray(add(variance) * (1 + np.maximum(images - 1, 0) * np.array(found)[:, None]))


def unit_correlation(units: NDArray[np.intp], residual: NDArray[np.float64]) -> float:
    """Return the correlation between residuals of images in the same unit, 0 to 1."""
    n = np.bincount(units).astype(np.float64)
    total, squares = np.bincount(units, weights=residual), np.bincount(units, weights=residual**2)
    several = n > 1
    below = squares[several].sum()
    shared = ((total**2 - squares)[several] / (n[several] - 1)).sum()
    return float(np.clip(shared / below, 0.0, 1.0)) if below > 0 else 0.0


def permuted_sums(sums: ElementSums, parts: Elements, plan: Plan) -> Iterator[Sums]:
    """Yield the sums under permuted labels, block by block; large samples get fewer permutations than planned."""
    affordable = max(FEWEST, int(BUDGET / (ROW_COST * max(1, len(parts.label)))))
    yield from plan.at_most(affordable).blocks(
        lambda block, size: sums.at(parts.labels(plan.seed, block, size)), block=parts.block
    )


def permuted_tallies(
    sample: Sample, parts: Elements, n_groups: int, plan: Plan, *, stream: str
) -> Iterator[Tally]:
    """Yield tallies under permuted labels, block by block, from permuted images or drawn counts, the cheaper."""
    residuals = class_residuals(sample, parts.label[parts.of_row], n_groups, np.empty((0, len(sample))))
    if parts.within_class and prefer_cells(sample, n_groups):
        fixed = np.empty((n_groups, 0))
        made = drawn_sums(sample, parts, residuals, fixed, plan, stream=stream, steps=False)
    else:
        sums = ElementSums.of(sample, parts, residuals, [(sample, False)], n_groups, own=())
        made = permuted_sums(sums, parts, plan)
    for each in made:
        yield each.tallies[0]


def prefer_cells(sample: Sample, n_groups: int) -> bool:
    """Return whether drawing counts is cheaper than permuting images; only for many independent images."""
    if sample.clustered or len(sample) <= ONE_PASS:
        return False
    occupied = len(np.unique(sample.stratum * (int(sample.y_pred.max()) + 1) + sample.y_pred))
    return CELL_COST * (n_groups - 1) * occupied < ROW_COST * len(sample)


def drawn_sums(
    sample: Sample,
    parts: Elements,
    residuals: Residuals,
    fixed: NDArray[np.float64],
    plan: Plan,
    *,
    stream: str,
    steps: bool,
) -> Iterator[Sums]:
    """Yield the sums under permuted labels from drawn counts of each (group, class, predicted class).

    Every score must be a function of the true and the predicted class.

    Parameters
    ----------
    sample
        Independent images in the view of all classes.
    parts
        The elements that are permuted.
    residuals
        Scores of the images.
    fixed
        Expected sums of squares of each group, shape (n_groups, n_scores).
    plan, stream
        Number of permutations, and the random numbers.
    steps
        Whether to count steps in the class order.
    """
    c, n_groups = sample.n_classes, len(fixed)
    table = np.bincount(sample.y_true * c + sample.y_pred, minlength=c * c).reshape(c, c)
    first = np.zeros(c * c, dtype=np.intp)
    first[sample.y_true * c + sample.y_pred] = np.arange(len(sample))
    per_cell = residuals.values[:, first].reshape(-1, c, c)
    wide = residuals.widened[:, first].reshape(-1, c, c) ** 2
    sizes = np.bincount(parts.label * c + sample.y_true, minlength=n_groups * c).reshape(n_groups, c)
    support = sizes.astype(np.float64)
    cost = CELL_COST * (n_groups - 1) * float((table > 0).sum())
    scores = len(per_cell)

    def one(block: int, size: int) -> Sums:
        rng = plan.generator(stream, block)
        residual, square = np.zeros((2, scores, n_groups, size))
        predicted, correct = np.zeros((2, n_groups, c, size))
        linear, quadratic = np.zeros((2, n_groups, size))
        for true in np.flatnonzero(table.sum(axis=1)):
            for label, drawn in split_cells(table[true], sizes[:, true], rng, size):
                residual += per_cell[:, true, label, None, None] * drawn
                square += wide[:, true, label, None, None] * drawn
                predicted[:, label] += drawn
                linear += abs(true - label) * drawn
                quadratic += (true - label) ** 2 * drawn
                if label == true:
                    correct[:, label] = drawn
        extra = (linear.T, quadratic.T) if steps else (None, None)
        tally = Tally(
            np.broadcast_to(support, (size, n_groups, c)),
            *(np.moveaxis(a, -1, 0) for a in (predicted, correct)),
            *extra,
        )
        return Sums(residual.T, square.T, fixed[None], (tally,))

    block = int(min(1024, max(16, BLOCK_CELLS // sizes.size)))
    yield from plan.at_most(max(FEWEST, int(BUDGET / max(cost, 1.0)))).blocks(one, block=block)
