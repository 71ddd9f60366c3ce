"""From a user's name of a sensitive feature to the name in a truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.columns import ALIASES, fold_header

if TYPE_CHECKING:
    from collections.abc import Sequence


def standard_feature(columns: Sequence[str], feature: str) -> str:
    """Return a sensitive feature by the names of the truth: ``Skin type,Gender`` becomes ``fst,sex``.

    Parameters
    ----------
    columns
        Columns of the truth.
    feature
        A column, or columns joined by commas. A name without a column in the truth is returned unchanged.
    """
    if feature in columns:
        return feature
    return ",".join(_standard_part(columns, part.strip()) for part in feature.split(","))


def _standard_part(columns: Sequence[str], name: str) -> str:
    if name in columns or name == "fst_band":
        return name
    key = fold_header(name)
    same = [column for column in columns if fold_header(column) == key]
    meant = [column for column in columns if key in map(fold_header, ALIASES.get(column, ()))]
    return same[0] if len(same) == 1 else meant[0] if meant else name
