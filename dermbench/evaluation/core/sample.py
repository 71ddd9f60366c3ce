"""What every statistic is computed from: arrays of one split, and how a sensitive feature groups them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from dermbench.errors import UsageError
from dermbench.evaluation.core.metric import Tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

ELIGIBLE = 10
"""True cases from which on a (group, class) cell takes part in comparisons of macro metrics."""
UNKNOWN = "unknown"
"""Group of the images whose value of the feature is missing (code -1)."""


@dataclass(frozen=True)
class Sample:
    """Truth and one model's predictions on the same images, in the order of ``image_id``.

    Random draws refer to rows or units by position, so equal results need an equal order of rows; sorting by
    ``image_id`` is the caller's part.

    Attributes
    ----------
    y_true, y_pred
        Class indices, shape (n_samples,).
    n_classes
        Size of the class set, which the task fixes.
    unit
        Index of the independent unit (patient, lesion ...) of each image, shape (n_samples,); None when the
        images are independent.
    y_prob
        Predicted probabilities, shape (n_samples, n_classes), where there are any.

    Raises
    ------
    UsageError
        When lengths differ or a class index is outside of the class set.
    """

    y_true: NDArray[np.intp]
    y_pred: NDArray[np.intp]
    n_classes: int
    unit: NDArray[np.intp] | None = None
    y_prob: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        n = len(self.y_true)
        for name in ("y_pred", "unit", "y_prob"):
            column = getattr(self, name)
            if column is not None and len(column) != n:
                raise UsageError(f"{name} has {len(column)} rows, y_true has {n}")
        for name in ("y_true", "y_pred"):
            codes = getattr(self, name)
            if n and not (codes.min() >= 0 and codes.max() < self.n_classes):
                raise UsageError(f"{name} holds class indices outside of 0..{self.n_classes - 1}")

    def __len__(self) -> int:
        return len(self.y_true)

    @cached_property
    def units(self) -> NDArray[np.intp]:
        """Units numbered 0, 1, ... without gaps, shape (n_samples,)."""
        if self.unit is None:
            return np.arange(len(self), dtype=np.intp)
        return np.unique(self.unit, return_inverse=True)[1].astype(np.intp)

    @cached_property
    def n_units(self) -> int:
        """Number of independent units."""
        return int(self.units.max()) + 1 if len(self) else 0

    @property
    def clustered(self) -> bool:
        """Whether any unit has more than one image."""
        return self.n_units < len(self)

    @cached_property
    def hit(self) -> NDArray[np.bool_]:
        """Whether the predicted class is the true one, shape (n_samples,)."""
        return np.asarray(self.y_true == self.y_pred)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Sample:
        """Return the images selected by a mask or by positions."""
        return replace(
            self,
            y_true=self.y_true[rows],
            y_pred=self.y_pred[rows],
            unit=None if self.unit is None else self.unit[rows],
            y_prob=None if self.y_prob is None else self.y_prob[rows],
        )


@dataclass(frozen=True)
class Grouping:
    """One sensitive feature.

    Attributes
    ----------
    feature
        Its name; also the name of its stream of random numbers, so that the numbers of one feature do not
        depend on which others are evaluated.
    codes
        Group of each image, shape (n_samples,); -1 where it is unknown.
    names
        Name of each group, in the order of the codes.
    ordered
        Whether the order of the groups means something (skin type, age band), so that a trend can be tested.
    intersection
        Whether the groups are crossings of several features: then none is called best or worst while one has
        fewer than 30 images.
    """

    feature: str
    codes: NDArray[np.intp]
    names: tuple[str, ...]
    ordered: bool = False
    intersection: bool = False

    def __post_init__(self) -> None:
        if len(self.codes) and not (self.codes.min() >= -1 and self.codes.max() < len(self.names)):
            raise UsageError(f"feature {self.feature!r}: group codes outside of -1..{len(self.names) - 1}")
        if len(set(self.names)) != len(self.names):
            raise UsageError(f"feature {self.feature!r}: two groups have the same name")

    def known(self) -> Grouping:
        """Return the groups that occur, recoded 0, 1, ... in their order; unknown stays -1."""
        present = np.unique(self.codes[self.codes >= 0])
        recode = np.full(len(self.names) + 1, -1, dtype=np.intp)
        recode[present] = np.arange(len(present))
        return replace(self, codes=recode[self.codes], names=tuple(self.names[g] for g in present))

    def at(self, rows: NDArray[np.bool_]) -> Grouping:
        """Return the grouping of some of the images."""
        return replace(self, codes=self.codes[rows])

    def with_unknown(self) -> Grouping:
        """Return the groups that occur with unknown as a group of its own, last, where there is any."""
        known = self.known()
        if not (known.codes < 0).any():
            return known
        codes = np.where(known.codes < 0, len(known.names), known.codes)
        return replace(known, codes=codes, names=(*known.names, UNKNOWN))


def everyone(n_samples: int) -> Grouping:
    """Return the grouping that puts all images into one group."""
    return Grouping("overall", np.zeros(n_samples, dtype=np.intp), ("all",))


def group_tally(sample: Sample, grouping: Grouping) -> Tally:
    """Count true, predicted and correct images of each group and class; unknown groups are left out.

    Returns
    -------
    Tally
        Arrays of shape (n_groups, n_classes).
    """
    shape = (len(grouping.names), sample.n_classes)
    known = grouping.codes >= 0

    def count(classes: NDArray[np.intp], rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        codes = grouping.codes[rows] * shape[1] + classes[rows]
        return np.bincount(codes, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)

    return Tally(
        support=count(sample.y_true, known),
        predicted=count(sample.y_pred, known),
        correct=count(sample.y_true, known & sample.hit),
    )


def eligible_classes(support: NDArray[np.float64], *, minimum: int = ELIGIBLE) -> NDArray[np.intp]:
    """Return the classes with at least ``minimum`` true cases in every group.

    Parameters
    ----------
    support
        True cases, shape (n_groups, n_classes).
    minimum
        Smallest number of true cases of an eligible (group, class) cell.
    """
    return np.flatnonzero((support >= minimum).all(axis=0))
