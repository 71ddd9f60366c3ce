"""Columns of a manifest, and the names that releases and users give them."""

from __future__ import annotations

import pandas as pd

from dermbench.artifacts.skin import parse_fst
from dermbench.artifacts.text_form import to_text

REQUIRED = ("image_id", "path", "label", "split")
SPLITS = ("train", "val", "test")
JOINED = "+"
"""Joins the names of splits that are looked at together: ``train+val``."""
UNITS = ("patient_id", "lesion_id", "duplicate_group")
"""Ids that group images, highest first: what is resampled, permuted and kept within one split."""
NUMBER = r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?"
"""A number as programs write it; ``010`` and ``1,5`` are text."""
TEXT = (*REQUIRED, *UNITS, "sex", "site", "malignancy", "fst_band", "sha256")

ALIASES = {
    "image_id": ("image_id", "md5hash", "isic_id", "img_id", "image", "ddi_file", "id", "filename"),
    "label": ("label", "diagnosis", "diagnostic", "dx", "class", "target", "disease"),
    "pred": ("pred", "prediction", "predicted", "label", "class"),
    "fst": ("fst", "fitzpatrick_scale", "fitzpatrick", "fitspatrick", "fitzpatrick_skin_type", "skin_type"),
    "sex": ("sex", "gender"),
    "age": ("age", "age_approx"),
    "site": ("site", "region", "anatom_site_general", "localization"),
    "patient_id": ("patient_id", "patient"),
    "lesion_id": ("lesion_id", "lesion"),
}
"""Accepted names of a column, the preferred one first; matched without regard to case."""


def find_column(table: pd.DataFrame, name: str) -> str | None:
    """Return the column of ``table`` that holds ``name`` under its own name or an alias, if any."""
    by_fold = {str(column).strip().lower(): str(column) for column in reversed(list(table.columns))}
    return next((by_fold[alias] for alias in ALIASES.get(name, (name,)) if alias in by_fold), None)


def standardise(table: pd.DataFrame) -> pd.DataFrame:
    """Return ``table`` with standard column names and types.

    ``fst`` and ``fst_<source>`` become ``Int64`` 1-6 and ``mst_<source>`` ``Int64``, ``age`` and ``ita``
    ``Float64``; ids, labels and the other columns of :data:`TEXT` are text. Any further column holds numbers when
    all its values are plain numbers (``10`` and ``2.5``, not ``010``), and text otherwise, so that CSV and
    parquet files of one table give the same. Empty cells become ``<NA>``. A column whose standard name is already
    there keeps its own name.
    """
    renames: dict[str, str] = {}
    for name in ALIASES:
        found = find_column(table, name)
        if found and name != "pred" and name not in table.columns and found not in renames:
            renames[found] = name
    renamed = table.rename(columns=renames)
    return pd.DataFrame({name: _typed(str(name), renamed[name]) for name in renamed.columns})


def _typed(name: str, column: pd.Series) -> pd.Series:
    if name == "fst" or (name.startswith("fst_") and name != "fst_band"):
        return parse_fst(column).set_axis(column.index)
    if name in {"age", "ita"} or name.startswith("mst_"):
        numbers = pd.to_numeric(column, errors="coerce")
        return numbers.astype("Float64") if name in {"age", "ita"} else numbers.astype("Int64")
    if name in TEXT:
        return to_text(column)
    return column if pd.api.types.is_numeric_dtype(column) else _numbers_or_text(to_text(column))


def _numbers_or_text(text: pd.Series) -> pd.Series:
    present = text.dropna()
    if present.empty or not present.str.fullmatch(NUMBER).all():
        return text
    numbers = pd.to_numeric(present.astype(object))
    if not pd.api.types.is_signed_integer_dtype(numbers) and not pd.api.types.is_float_dtype(numbers):
        return text  # whole numbers beyond 64 bits
    return numbers.astype("Float64" if pd.api.types.is_float_dtype(numbers) else "Int64").reindex(text.index)
