"""Designs of test sets: images, units and groups, without outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import geom

from dermbench.evaluation.core.groups import Grouping
from dermbench.evaluation.core.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Metric


@dataclass(frozen=True)
class Design:
    """Images of known groups whose outcomes are simulated.

    Attributes
    ----------
    sample, grouping
        The images. Predicted classes are not used.
    metric
        A proportion of right images, such as accuracy or sensitivity.
    """

    sample: Sample
    grouping: Grouping
    metric: Metric

    @classmethod
    def of(cls, sample: Sample, grouping: Grouping, metric: Metric) -> Design:
        """Leave out the images of unknown groups."""
        known = grouping.known()
        rows = known.codes >= 0
        return cls(sample.take(rows), known.at(rows), metric)

    @cached_property
    def enters(self) -> NDArray[np.bool_]:
        """Whether each image counts for the metric, shape (n_images,)."""
        return np.isfinite(self.sample.image_scores(self.metric))

    @cached_property
    def layout(self) -> Layout:
        """Counts for the closed form."""
        sample, codes, inside = self.sample, self.grouping.codes, self.enters
        n_groups, n_classes = len(self.grouping.names), int(sample.stratum.max(initial=0)) + 1
        cells = codes[inside] * n_classes + sample.stratum[inside]
        counts = np.bincount(cells, minlength=n_groups * n_classes).reshape(n_groups, n_classes)
        parts, size = np.unique(codes[inside] * sample.n_units + sample.units[inside], return_counts=True)
        of_part = parts // max(1, sample.n_units)
        images = np.bincount(of_part, weights=size, minlength=n_groups)
        squares = np.bincount(of_part, weights=size.astype(np.float64) ** 2, minlength=n_groups)
        return Layout(
            counts.astype(np.float64),
            np.bincount(of_part, minlength=n_groups).astype(np.float64),
            squares / np.maximum(images, 1),
            ordered=self.grouping.ordered,
            clustered=sample.clustered,
        )


@dataclass(frozen=True)
class Layout:
    """Counts of a test set.

    Attributes
    ----------
    counts
        Images of each group and class that count for the metric, shape (n_groups, n_classes).
    units
        Units of each group with such an image, shape (n_groups,).
    per_unit
        Mean over images of the size of their unit, shape (n_groups,): the sum of squared unit sizes over images.
    ordered
        Whether the groups have an order.
    clustered
        Whether any unit has several images.
    """

    counts: NDArray[np.float64]
    units: NDArray[np.float64]
    per_unit: NDArray[np.float64]
    ordered: bool
    clustered: bool

    def design_effects(self, correlation: float) -> NDArray[np.float64]:
        """Return the factor by which correlated images raise the variance of each group's mean."""
        return 1 + correlation * np.maximum(self.per_unit - 1, 0)


@dataclass(frozen=True)
class PerUnit:
    """Numbers of images per unit.

    Attributes
    ----------
    mean
        Mean number of images per unit, at least 1.
    vary
        Whether the numbers follow the geometric distribution; else they are as equal as possible.
    """

    mean: float = 1.0
    vary: bool = False

    def images(self, n_units: int) -> NDArray[np.intp]:
        """Return the number of images of each unit: 1, 2, 1, 2, ... for 1.5, or geometric quantiles."""
        if self.vary and self.mean > 1:
            places = (np.arange(n_units) + 0.5) / n_units
            return np.asarray(geom.ppf(places, 1 / self.mean), dtype=np.intp)
        ends = np.floor(np.arange(n_units + 1) * self.mean + 1e-9)
        return np.asarray(np.diff(ends), dtype=np.intp)


def new_layout(sizes: Mapping[str, int], per_unit: PerUnit, *, ordered: bool) -> Layout:
    """Return the counts of a new study; arguments as in :func:`new_study`."""
    images = [per_unit.images(n).astype(np.float64) for n in sizes.values()]
    total = np.array([each.sum() for each in images])
    squares = np.array([(each**2).sum() for each in images])
    return Layout(
        total[:, None],
        np.array(list(sizes.values()), dtype=np.float64),
        squares / np.maximum(total, 1),
        ordered=ordered,
        clustered=bool(max(each.max(initial=0) for each in images) > 1),
    )


def new_study(
    feature: str, sizes: Mapping[str, int], per_unit: PerUnit, metric: Metric, *, ordered: bool
) -> Design:
    """Return a new study in which every group has the same mix of classes.

    Parameters
    ----------
    feature
        Name of the feature that defines the groups.
    sizes
        Number of units of each group.
    per_unit
        Number of images per unit.
    metric
        The metric; every image of the study counts for it.
    ordered
        Whether the groups have an order.
    """
    images = np.concatenate([per_unit.images(n) for n in sizes.values()])
    codes = np.repeat(np.repeat(np.arange(len(sizes)), list(sizes.values())), images)
    unit = np.repeat(np.arange(len(images)), images)
    one_class = np.full(len(codes), 0 if metric.name == "accuracy" else _counted_class(metric), dtype=np.intp)
    sample = Sample(one_class, one_class, 2, unit=unit, positive=(False, True))
    return Design(sample, Grouping(feature, codes, tuple(sizes), ordered=ordered), metric)


def _counted_class(metric: Metric) -> int:
    """Return the class whose images count for the metric: 1 for positive images, 0 for the others."""
    both = np.array([0, 1], dtype=np.intp)
    assert metric.image_score is not None
    return int(np.flatnonzero(np.isfinite(metric.image_score(both, both)))[-1])
