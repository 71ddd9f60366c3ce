"""Images with several labels of skin type: differences by label, and by true type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.sparse import csr_array
from scipy.stats import norm

from dermbench.artifacts.report import Cell, CorrectedContrast, undefined
from dermbench.artifacts.skin import BANDS, FST_NAMES
from dermbench.artifacts.wording import decimal
from dermbench.evaluation.skin_error.error_model import Fitted, Patterns, fit
from dermbench.evaluation.skin_error.regression import Cells, side_differences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.resampling.plan import Plan

    Floats = NDArray[np.float64]
    Kind = Literal["primary", "bands"]
    Sides = tuple[tuple[str, ...], tuple[str, ...]]

RESAMPLES = 199
"""Most bootstrap resamples of units for a standard error."""
BLOCK = 50
STEPS = 50
"""Most iterations in a resample; it starts from the fit to all images."""
SMOOTH = 10.0
"""Pseudo-images with the overall shares of types that are added to each class."""
FEWEST = 10.0
"""Fewest expected images of a side."""
METHOD = "least squares on probabilities of the true type, bootstrap of units, limits simultaneous"
STREAM = "skin type error"


@dataclass(frozen=True)
class Labelled:
    """Scores, labels and classes of images, and the error rates fitted to them.

    Attributes
    ----------
    scores, classes, units
        Score, true class and unit of each image, shape (n_samples,).
    grouping
        Groups by the labels of the feature.
    patterns, code
        Combinations of labels and class, and the index of the one of each image.
    fitted
        Error rates and probabilities of true types.
    metric, plan
        The metric; seed and number of resamples.
    """

    scores: Floats
    classes: NDArray[np.intp]
    units: NDArray[np.intp]
    grouping: Grouping
    patterns: Patterns
    code: NDArray[np.intp]
    fitted: Fitted
    metric: Metric
    plan: Plan

    @classmethod
    def of(
        cls, sample: Sample, grouping: Grouping, found: Sequence[Grouping], metric: Metric, plan: Plan
    ) -> Labelled:
        """Keep the images that have a score and a label, and fit the error rates to them."""
        scores = sample.image_scores(metric)
        labels = np.column_stack([one.codes for one in found])
        rows = np.isfinite(scores) & ((labels >= 0).any(axis=1) | (grouping.codes >= 0))
        classes = sample.stratum[rows]
        keys = np.column_stack([labels[rows], classes])
        distinct, code = np.unique(keys, axis=0, return_inverse=True)
        n_classes = int(classes.max(initial=0)) + 1
        patterns = Patterns(distinct[:, :-1], distinct[:, -1], len(FST_NAMES), n_classes)
        counts = np.bincount(code, minlength=len(distinct)).astype(np.float64)[None]
        fitted = fit(patterns, counts, alike=len(found) == 2, smooth=SMOOTH)
        units = np.unique(sample.units[rows], return_inverse=True)[1].astype(np.intp)
        return cls(scores[rows], classes, units, grouping.at(rows), patterns, code, fitted, metric, plan)

    @property
    def alike(self) -> bool:
        """Whether there are two labellings; they are assumed to have the same error rates."""
        return bool(self.patterns.labels.shape[1] == 2)

    @property
    def n_resamples(self) -> int:
        """Number of resamples."""
        return min(RESAMPLES, self.plan.n_resamples)

    @property
    def _images(self) -> Floats:
        """Expected images of each type, shape (n_types,)."""
        counts = np.bincount(self.code, minlength=len(self.patterns.classes))
        return np.asarray(self.fitted.types[0] @ counts)

    def error_rates(self) -> list[float]:
        """Return the expected share of wrong labels of each labelling."""
        share = self._images / self._images.sum()
        right = np.einsum("t,jtt->j", share, self.fitted.errors[0])
        return [float(np.clip(1 - each, 0, 1)) for each in right]

    def assumption(self) -> str:
        """State the assumption of the correction."""
        whatever = "whatever the image shows and whether the model is right about it"
        if not self.alike:
            return f"each labelling errs with rates of its own and independently of the others, {whatever}"
        table = self.fitted.errors[0, 0]
        near, far = table[0, 1], 1 - table[0, 0] - table[0, 1]
        return (
            f"both labellings err alike and independently of each other, {whatever}: {decimal(near)} of labels "
            f"are one type off, up and down alike (inwards at I and VI), and {decimal(far)} further off"
        )

    def records(self, sides: Sequence[Sides], kind: Kind, level: float) -> tuple[CorrectedContrast, ...]:
        """Return contrasts with limits at the two-sided error rate ``level``."""
        corrected, plain = self._drawn(sides)
        return tuple(
            CorrectedContrast(
                first=first,
                second=second,
                kind=kind,
                uncorrected=self._cell(plain[:, k], level, self._thin(first, second, hard=True)),
                corrected=self._cell(corrected[:, k], level, self._thin(first, second, hard=False)),
            )
            for k, (first, second) in enumerate(sides)
        )

    def _thin(self, first: tuple[str, ...], second: tuple[str, ...], *, hard: bool) -> str | None:
        """Say that a side has too few images, counted by label (``hard``) or by true type; None if none has."""
        for side in (first, second):
            if hard:
                n = float(np.isin(self.grouping.codes, self._groups(side)).sum())
            else:
                n = float(self._images[_numbers(side)].sum())
            if n < FEWEST:
                return f"{n:.0f} images are expected on one side, needed are {FEWEST:.0f}"
        return None

    def _groups(self, side: tuple[str, ...]) -> NDArray[np.intp]:
        return np.flatnonzero(np.isin(self.grouping.names, side))

    def _drawn(self, sides: Sequence[Sides]) -> tuple[Floats, Floats]:
        """Return each contrast, corrected and uncorrected; row 0 is for all images, the others for resamples."""
        n_units = int(self.units.max()) + 1
        rng = self.plan.generator(STREAM)
        again = rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=self.n_resamples)
        weights = np.concatenate([np.ones((1, n_units)), again])[:, self.units]
        names = np.unique(np.column_stack([self.grouping.codes, self.classes]), axis=0, return_inverse=True)
        hard = (names[0][:, 0] == np.arange(len(self.grouping.names))[:, None])[None].astype(np.float64)
        parts: list[tuple[Floats, Floats]] = []
        for start in range(0, len(weights), BLOCK):
            part = weights[start : start + BLOCK]
            true = self._cells(part, self.code, self.patterns.classes)
            found = fit(
                self.patterns, true.counts, alike=self.alike, smooth=SMOOTH, start=self.fitted, steps=STEPS
            )
            plain = self._cells(part * (self.grouping.codes >= 0), names[1], names[0][:, 1])
            by_type = [side_differences(true, found.types, *map(_numbers, each)) for each in sides]
            by_label = [side_differences(plain, hard, *map(self._groups, each)) for each in sides]
            parts.append((np.column_stack(by_type), np.column_stack(by_label)))
        return np.concatenate([one for one, _ in parts]), np.concatenate([two for _, two in parts])

    def _cells(self, weights: Floats, code: NDArray[np.intp], classes: NDArray[np.intp]) -> Cells:
        """Return images and sums of scores by pattern for each row of weights."""
        shape = (len(code), len(classes))
        by_pattern = csr_array((np.ones(len(code)), (np.arange(len(code)), code)), shape=shape)
        indicators = np.asarray(classes[:, None] == np.arange(self.patterns.n_classes), dtype=np.float64)
        return Cells(weights @ by_pattern, (weights * self.scores) @ by_pattern, indicators)

    def _cell(self, values: Floats, level: float, thin: str | None) -> Cell:
        """Return the first value with limits from the standard deviation of the others."""
        n = len(self.scores)
        if thin is not None or not np.isfinite(values[0]):
            return undefined(thin or "the labels do not determine it", n=n)
        width = self.metric.bounds[1] - self.metric.bounds[0]
        value = float(np.clip(values[0], -width, width))
        if not np.isfinite(values[1:]).all():
            return Cell(value=value, n=n, reason="no interval: resamples do not determine it", drawn=True)
        half = float(norm.ppf(1 - level / 2)) * float(values[1:].std(ddof=1))
        low, high = max(value - half, -width), min(value + half, width)
        return Cell(value=value, low=low, high=high, n=n, method=METHOD, drawn=True)


def types_of(name: str) -> tuple[str, ...]:
    """Return the skin types of a group, which is a type or a band."""
    if name in BANDS:
        return FST_NAMES[2 * BANDS.index(name) : 2 * BANDS.index(name) + 2]
    return (name,)


def _numbers(side: tuple[str, ...]) -> NDArray[np.intp]:
    """Return the indices of the skin types of a side."""
    return np.array([FST_NAMES.index(one) for name in side for one in types_of(name)], dtype=np.intp)
