"""Sensitive features: named groups of images from the columns of a truth table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.column_types import KEPT
from dermbench.artifacts.columns import UNITS, is_skin_type
from dermbench.artifacts.skin import UNKNOWN
from dermbench.errors import UsageError
from dermbench.evaluation.core.group_names import MAX_GROUPS, named_groups
from dermbench.evaluation.core.metric import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from dermbench.artifacts.truth import Truth
    from dermbench.evaluation.core.sample import Sample

SMALL = 30
"""Groups with fewer images are marked: an interval for a proportion is then wider than about .3."""
CROSS = " \N{MULTIPLICATION SIGN} "
"""Between the parts of an intersection's group names."""
NOT_SENSITIVE = ("image_id", "label", "path", "split", "sha256", *UNITS)


@dataclass(frozen=True)
class Grouping:
    """Groups of images by one sensitive feature.

    Attributes
    ----------
    feature
        Name in the report: a column, or columns joined by commas for an intersection. It also names the stream of
        random numbers, so results do not depend on the other features that are evaluated.
    codes
        Group of each image, shape (n_samples,); -1 if unknown.
    names
        Name of each group, in the order of the codes. An ordered feature has all groups of its scale, even those
        without an image.
    ordered
        Whether the order of the groups means something (skin type, age band).
    intersection
        Whether the groups cross several features. Such groups are not ranked if one has fewer than 30 images.

    Raises
    ------
    UsageError
        When a code has no name, or two groups have the same name.
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

    @property
    def sizes(self) -> NDArray[np.intp]:
        """Number of images of each group, shape (n_groups,); images of unknown group are not counted."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.names))

    def rows(self, group: int) -> NDArray[np.intp]:
        """Return the positions of the images of one group."""
        return np.flatnonzero(self.codes == group)

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
        """Return the groups that occur; images of unknown group, if any, form a last group."""
        known = self.known()
        if not (known.codes < 0).any():
            return known
        codes = np.where(known.codes < 0, len(known.names), known.codes)
        return replace(known, codes=codes, names=(*known.names, UNKNOWN))


def everyone(n_samples: int) -> Grouping:
    """Return the grouping ``overall`` that puts all images into one group."""
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


def default_features(truth: Truth) -> tuple[str, ...]:
    """Return the task's sensitive features that the table has.

    If the table has ``fst``, skin type by further annotators (``fst_<name>``) is no feature: it gives a range for
    the gap, see :func:`further_annotators`. Without ``fst``, the column of each annotator is a feature.
    """
    known = [name for name in truth.sensitive if _have(truth, name)]
    if "fst" in known:
        return tuple(name for name in known if not _is_annotator(name))
    return tuple(dict.fromkeys([*known, *_annotators(truth)]))


def further_annotators(truth: Truth, groupings: Sequence[Grouping]) -> list[Grouping]:
    """Return skin type by the annotators whose columns are not features themselves."""
    taken = {grouping.feature for grouping in groupings}
    return [group(truth, name) for name in _annotators(truth) if name not in taken] if "fst" in taken else []


def _annotators(truth: Truth) -> list[str]:
    columns = map(str, truth.table.columns)
    return [name for name in columns if _is_annotator(name) and truth.table[name].notna().any()]


def _is_annotator(name: str) -> bool:
    return name != "fst" and is_skin_type(name)


def group(truth: Truth, feature: str) -> Grouping:
    """Group the images of ``truth`` by a sensitive feature.

    ``fst`` and ``fst_<annotator>`` give I to VI; ``fst_band`` gives I-II, III-IV and V-VI; ``mst_<source>`` gives
    the tones that occur. ``age`` and ``ita`` are put into bands
    (:data:`~dermbench.evaluation.core.group_names.AGE_BINS`, :data:`~dermbench.artifacts.skin.ITA_SIX`). Any other
    column gives one group per value, in the order of numbers or of the alphabet. Numbers are categories unless
    ``truth.scales`` declares the column as ordered or puts it into bands. Columns joined by commas (``fst,sex``)
    give their intersection, with names like "V x female" but a multiplication sign. An ordered feature has all
    groups of its scale; any other feature has the groups with an image. An image whose value is unknown
    (:func:`~dermbench.artifacts.skin.is_unknown`) in any of the columns has no group: it is counted but never
    compared.

    Raises
    ------
    UsageError
        When the table lacks a column, or the column has more than :data:`MAX_GROUPS` groups.
    """
    parts = [feature] if _have(truth, feature) else [part.strip() for part in feature.split(",")]
    absent = [part for part in parts if not _have(truth, part)]
    if absent:
        there = [str(c) for c in truth.table.columns if c not in NOT_SENSITIVE and not str(c).endswith(KEPT)]
        raise UsageError(
            f"no sensitive feature {', '.join(map(repr, absent))}; "
            f"columns of the truth: {', '.join(there) or 'none besides ids and labels'}"
        )
    columns = [named_groups(truth, part) for part in parts]
    combined = columns[0] if len(columns) == 1 else reduce(_cross, columns)
    names = tuple(str(name) for name in combined.cat.categories if (combined == name).any())
    if len(names) > MAX_GROUPS:
        raise UsageError(
            f"sensitive feature {feature!r} has {len(names):,} groups, at most {MAX_GROUPS} are compared",
            remedy="Put numbers into bands with --bins COL=A,B; for text, add a column with fewer values.",
        )
    crossed = len(parts) > 1
    ordered = bool(combined.cat.ordered) and not crossed
    if ordered:
        names = tuple(map(str, combined.cat.categories))
    codes = combined.cat.set_categories(names).cat.codes.to_numpy().astype(np.intp)
    return Grouping(feature, codes, names, ordered=ordered, intersection=crossed)


def group_all(truth: Truth, features: Sequence[str] | None) -> list[Grouping]:
    """Group by each feature, by default :func:`default_features`; duplicates are dropped."""
    chosen: Iterable[str] = default_features(truth) if features is None else features
    return [group(truth, feature) for feature in dict.fromkeys(chosen)]


def _have(truth: Truth, column: str) -> bool:
    return column in truth.table or (column == "fst_band" and "fst" in truth.table)


def _cross(left: pd.Series, right: pd.Series) -> pd.Series:
    names = [f"{a}{CROSS}{b}" for a in left.cat.categories for b in right.cat.categories]
    joined = left.astype(object).str.cat(right.astype(object), sep=CROSS)
    return joined.astype(object).astype(pd.CategoricalDtype(names))
