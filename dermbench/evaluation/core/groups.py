"""Sensitive features: from the columns of a truth table to named groups of images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.columns import UNITS
from dermbench.artifacts.skin import BANDS, FST_NAMES, UNKNOWN, band_name, fst_name
from dermbench.artifacts.tables import to_text
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from dermbench.artifacts.truth import Truth

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
        Name in the report: a column, or columns joined by commas for an intersection.
    names
        Group names in order; :data:`dermbench.artifacts.skin.UNKNOWN`, where there is one, is last.
    codes
        Index into ``names`` for each image, shape (n_samples,).
    scale
        All groups of an ordered feature in their order, also those without an image, so that a trend can be
        tested and labellings compared; empty for a feature without order.
    intersection
        Whether the groups are crossings of several features.
    """

    feature: str
    names: tuple[str, ...]
    codes: NDArray[np.intp]
    scale: tuple[str, ...] = ()
    intersection: bool = False

    @property
    def known(self) -> tuple[int, ...]:
        """Indices of the groups that are compared: all but the unknown one."""
        return tuple(i for i, name in enumerate(self.names) if name != UNKNOWN)

    @property
    def sizes(self) -> NDArray[np.intp]:
        """Number of images of each group, shape (n_groups,)."""
        return np.bincount(self.codes, minlength=len(self.names))

    def rows(self, group: int) -> NDArray[np.intp]:
        """Return the rows of one group."""
        return np.flatnonzero(self.codes == group)


def everyone(n_samples: int) -> Grouping:
    """Return the grouping with all images in one group, ``overall``."""
    return Grouping("overall", ("overall",), np.zeros(n_samples, dtype=np.intp))


def default_features(truth: Truth) -> tuple[str, ...]:
    """Return the task's sensitive features that the table has, then its further skin-type columns with values."""
    known = [name for name in truth.sensitive if _have(truth, name)]
    table = truth.table
    further = [str(c) for c in table.columns if str(c).startswith("fst_") and table[c].notna().any()]
    return tuple(dict.fromkeys([*known, *further]))


def group(truth: Truth, feature: str) -> Grouping:
    """Group the images of ``truth`` by a sensitive feature.

    ``fst`` and ``fst_<annotator>`` give I to VI, ``fst_band`` I-II, III-IV and V-VI; ``age`` and ``ita``
    bands (:data:`CUTS`); any other column its values as text. Columns joined by commas, ``fst,sex``, give
    the intersection, named like "V x female" with a multiplication sign. Only groups with an image are
    there. A missing value, in an intersection of any part, puts an image into the group "unknown", which
    is reported and never compared.

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
    full = (*names, UNKNOWN) if combined.isna().any() else names
    codes = combined.cat.set_categories(names).cat.codes.to_numpy()
    crossed = len(parts) > 1
    scale = tuple(map(str, combined.cat.categories)) if combined.cat.ordered and not crossed else ()
    filled: NDArray[np.intp] = np.where(codes < 0, len(names), codes).astype(np.intp)
    return Grouping(feature, full, filled, scale, intersection=crossed)


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
