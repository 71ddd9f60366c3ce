"""Columns of a user's own table: the options that name them, and the values that are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.columns import is_monk, is_skin_type
from dermbench.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pandas as pd

NAMED = {
    "id": "image_id",
    "label": "label",
    "fst": "fst",
    "fst_band": "fst_band",
    "patient_id": "patient_id",
    "lesion_id": "lesion_id",
    "duplicate_group": "duplicate_group",
    "malignancy": "malignancy",
    "split": "split",
    "sex": "sex",
    "age": "age",
    "site": "site",
    "modality": "modality",
}
"""Options that name a column, with the standard name of that column."""
PATHS = ("path", "image_path", "filepath", "file_path", "file", "file_name", "filename", "image", "image_id")
"""Columns that may hold the path of an image, the preferred one first; ids are matched by file name."""
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
IN_TEST_ALONE = "image of a class that only test has"


def tone_options(options: Iterable[str]) -> list[str]:
    """Return the options that name further tone columns: ``fst_<source>``, ``mst`` and ``mst_<source>``."""
    return [name for name in options if name not in NAMED and (is_skin_type(name) or is_monk(name))]


def named_columns(options: Mapping[str, str]) -> dict[str, str]:
    """Return the columns that the user named, by standard name."""
    given = {NAMED[option]: column for option, column in options.items() if option in NAMED}
    return given | {name: options[name] for name in tone_options(options)}


def one_column_each(table: pd.DataFrame, chosen: Mapping[str, str]) -> tuple[pd.DataFrame, dict[str, str]]:
    """Copy columns that were named more than once, so that each standard name has its own column."""
    columns: dict[str, str] = {}
    for name, column in chosen.items():
        own = column
        if column in columns.values():
            own = f"{column} ({name})"
            table = table.assign(**{own: table[column]})
        columns[name] = own
    return table, columns


def in_test_alone(source: Path | str, table: pd.DataFrame, *, allow_missing: bool) -> pd.Series:
    """Return which test images belong to a class that train and val lack; none without a train split.

    Raises
    ------
    InputError
        When there are such images and they may not be left out.
    """
    test = (table["split"] == "test").fillna(value=False).astype(bool)
    if not (table["split"] == "train").any():
        return test & False
    unlearnt = test & ~table["label"].isin(table["label"][~test])
    if unlearnt.any() and not allow_missing:
        counts = table["label"][unlearnt].value_counts().sort_index()
        raise InputError(
            source,
            [f"test/{label}: {n:,} images of a class that only test has" for label, n in counts.items()],
            remedy="Move them to a class of train, or use --allow-missing, which leaves them out and counts them.",
        )
    return unlearnt
