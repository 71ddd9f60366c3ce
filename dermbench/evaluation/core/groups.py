"""Sensitive features: from the columns of a truth table to named groups of images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.columns import UNITS
from dermbench.artifacts.skin import BANDS, FST_NAMES, UNKNOWN, band_name, fst_name
from dermbench.artifacts.text_form import to_text
from dermbench.errors import UsageError
from dermbench.evaluation.core.metric import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from dermbench.artifacts.truth import Truth
    from dermbench.evaluation.core.sample import Sample

SMALL = 30
"""Groups with fewer images are marked: an interval for a proportion is then wider than about .3."""
MAX_GROUPS = 100
"""Groups that a feature may have; more means that the column is an id or a measurement."""
CUTS: dict[str, tuple[tuple[float, ...], tuple[str, ...]]] = {
    "age": ((30, 50, 70), ("<30", "30-49", "50-69", "70+")),
    "ita": (
        (-30, 10, 28, 41, 55),
        ("dark", "brown", "tan", "intermediate", "light", "very light"),
    ),
}
"""Measurements that are cut into bands: lower ends of all bands but the first, and the bands' names.

``age`` in years, the lower end included; ``ita`` (individual typology angle) in degrees, the upper end
included, after Chardon et al. 1991.
"""
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
        random numbers, so that the numbers of one feature do not depend on which others are evaluated.
    codes
        Group of each image, shape (n_samples,); -1 where it is unknown.
    names
        Name of each group, in the order of the codes. An ordered feature has all groups of its scale, also those
        without an image, so that a trend can be tested and labellings compared.
    ordered
        Whether the order of the groups means something (skin type, age band).
    intersection
        Whether the groups are crossings of several features: then none is called best or worst while one has
        fewer than 30 images.

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
        """Return the groups that occur with unknown as a group of its own, last, where there is any."""
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

    Skin type by further annotators (``fst_<name>``) is left out where there is an ``fst``: it becomes a band
    beside the gap, see :func:`further_annotators`. Without an ``fst``, every annotator's column is a feature.
    """
    known = [name for name in truth.sensitive if _have(truth, name)]
    if "fst" in known:
        return tuple(name for name in known if not _is_annotator(name))
    return tuple(dict.fromkeys([*known, *_annotators(truth)]))


def further_annotators(truth: Truth, groupings: Sequence[Grouping]) -> list[Grouping]:
    """Return skin type by annotators whose columns are no features themselves."""
    taken = {grouping.feature for grouping in groupings}
    return [group(truth, name) for name in _annotators(truth) if name not in taken] if "fst" in taken else []


def _annotators(truth: Truth) -> list[str]:
    columns = map(str, truth.table.columns)
    return [name for name in columns if _is_annotator(name) and truth.table[name].notna().any()]


def _is_annotator(name: str) -> bool:
    return name.startswith("fst_") and name != "fst_band"


def group(truth: Truth, feature: str) -> Grouping:
    """Group the images of ``truth`` by a sensitive feature.

    ``fst`` and ``fst_<annotator>`` give I to VI, ``fst_band`` I-II, III-IV and V-VI; ``age`` and ``ita``
    bands (:data:`CUTS`); any other column its values as text. Columns joined by commas, ``fst,sex``, give
    the intersection, named like "V x female" with a multiplication sign. An ordered feature has all groups
    of its scale, any other those with an image. A missing value, in an intersection of any part, makes the
    group of an image unknown: such images are reported and never compared.

    Raises
    ------
    UsageError
        When the table lacks a column, or the column has more than :data:`MAX_GROUPS` groups.
    """
    parts = [feature] if _have(truth, feature) else [part.strip() for part in feature.split(",")]
    absent = [part for part in parts if not _have(truth, part)]
    if absent:
        there = [str(c) for c in truth.table.columns if c not in NOT_SENSITIVE]
        raise UsageError(
            f"no sensitive feature {', '.join(map(repr, absent))}; "
            f"columns of the truth: {', '.join(there) or 'none besides ids and labels'}"
        )
    columns = [_named(truth, part) for part in parts]
    combined = columns[0] if len(columns) == 1 else reduce(_cross, columns)
    names = tuple(str(name) for name in combined.cat.categories if (combined == name).any())
    if len(names) > MAX_GROUPS:
        raise UsageError(
            f"sensitive feature {feature!r} has {len(names):,} groups, at most {MAX_GROUPS} are compared",
            remedy="Add a column that puts its values into bands.",
        )
    crossed = len(parts) > 1
    ordered = bool(combined.cat.ordered) and not crossed
    if ordered:
        names = tuple(map(str, combined.cat.categories))
    codes = combined.cat.set_categories(names).cat.codes.to_numpy().astype(np.intp)
    return Grouping(feature, codes, names, ordered=ordered, intersection=crossed)


def group_all(truth: Truth, features: Sequence[str] | None) -> list[Grouping]:
    """Group by each feature, by default those of :func:`default_features`; repeated ones count once."""
    chosen: Iterable[str] = default_features(truth) if features is None else features
    return [group(truth, feature) for feature in dict.fromkeys(chosen)]


def _have(truth: Truth, column: str) -> bool:
    return column in truth.table or (column == "fst_band" and "fst" in truth.table)


def _named(truth: Truth, name: str) -> pd.Series:
    """Return a categorical column, missing where the value is unknown."""
    if name == "fst_band":
        bands = truth.table["fst_band"] if "fst_band" in truth.table else band_name(truth.table["fst"])
        return _category(bands, BANDS)
    column = truth.table[name]
    if name == "fst" or name.startswith("fst_"):
        return _category(fst_name(column), FST_NAMES)
    if name in CUTS and pd.api.types.is_numeric_dtype(column):
        edges, labels = CUTS[name]
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        band = np.searchsorted(edges, values, side="left" if name == "ita" else "right")
        names = pd.Series([labels[b] for b in band], dtype=object, index=column.index)
        return _category(names.where(~np.isnan(values)), labels)
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return _numbers(column)
    text = to_text(column).str.strip().astype(object)
    text = text.where(text.str.lower() != UNKNOWN)
    return text.astype(pd.CategoricalDtype(sorted(text.dropna().unique())))


def _numbers(column: pd.Series) -> pd.Series:
    values = column.astype("Float64")
    distinct = sorted(values.dropna().unique())
    if len(distinct) > MAX_GROUPS:
        raise UsageError(
            f"sensitive feature {column.name!r} has {len(distinct):,} different numbers",
            remedy="Add a column that puts its values into bands.",
        )
    names = {value: f"{value:g}" for value in distinct}
    text = values.astype(object).map(names, na_action="ignore")
    return text.astype(pd.CategoricalDtype(list(names.values()), ordered=True))


def _category(text: pd.Series, names: Sequence[str]) -> pd.Series:
    """Return an ordered category in which a value other than ``names`` is missing."""
    values = text.astype(object).where(text.isin(names).to_numpy(dtype=bool))
    return values.astype(pd.CategoricalDtype(list(names), ordered=True))


def _cross(left: pd.Series, right: pd.Series) -> pd.Series:
    names = [f"{a}{CROSS}{b}" for a in left.cat.categories for b in right.cat.categories]
    joined = left.astype(object).str.cat(right.astype(object), sep=CROSS)
    return joined.astype(object).astype(pd.CategoricalDtype(names))
