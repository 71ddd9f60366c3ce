"""Standard names of the columns of a table, and the names that releases and people use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dermbench.artifacts.skin import read_skin
from dermbench.errors import InputError, UsageError, name_some

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

REQUIRED = ("image_id", "path", "label", "split")
SPLITS = ("train", "val", "test")
ALL = "all"
"""Split of a table that is evaluated as a whole."""
JOINED = "+"
"""Joins the names of splits that are used together: ``train+val``."""
UNITS = ("patient_id", "lesion_id", "duplicate_group")
"""Ids that group images, highest first. Units are resampled and permuted as a whole, and lie within one split."""
TABLE = "<table>"
"""Name of a table of unknown origin in messages."""

ALIASES = {
    "image_id": (
        "image_id",
        "md5hash",
        "isic_id",
        "img_id",
        "image_name",
        "image",
        "ddi_file",
        "photo_id",
        "id",
        "filename",
        "file_name",
    ),
    "label": (
        "label",
        "true_label",
        "ground_truth",
        "y_true",
        "diagnosis",
        "diagnostic",
        "dx",
        "class",
        "target",
        "disease",
    ),
    "pred": ("pred", "prediction", "predicted", "predicted_label", "predicted_class", "y_pred", "label", "class"),
    "fst": (
        "fst",
        "fitzpatrick_scale",
        "fitzpatrick",
        "fitspatrick",
        "fitzpatrick_skin_type",
        "fitzpatrick_type",
        "skin_type",
        "phototype",
    ),
    "sex": ("sex", "gender"),
    "age": ("age", "age_approx"),
    "site": ("site", "region", "anatom_site_general", "localization"),
    "patient_id": ("patient_id", "patient"),
    "lesion_id": ("lesion_id", "lesion"),
}
"""Accepted names of a column, the preferred one first; matched by :func:`fold_header`."""

_SEPARATORS = re.compile(r"[\s_\-]+")
_TONE = re.compile(r"fitz|fitspatrick|monk|skin_?(?:tone|type)|phototype|^(?:fst|mst)(?:_|$)")
_LABEL = re.compile(r"label|diagnos|ground_truth")


def fold_header(name: object) -> str:
    """Return a spelling-insensitive key of a column name: equal for ``Image ID``, ``image-id`` and ``imageid``."""
    return _SEPARATORS.sub("", str(name)).casefold()


def find_column(table: pd.DataFrame, name: str, *, source: Path | str = TABLE) -> str | None:
    """Return the column of ``table`` for a standard name, by this name or an alias; None if there is none.

    Raises
    ------
    InputError
        When two columns have this name in different spellings.
    """
    found = _candidates(table, name, source)
    return found[0] if found else None


def choose_columns(
    table: pd.DataFrame, *, source: Path | str = TABLE, given: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return {standard name: column} for the standard names that the table has.

    Parameters
    ----------
    table
        A table with its original column names.
    source
        Origin of the table, for messages.
    given
        {standard name: column} as the user named them.

    Raises
    ------
    UsageError
        When the table lacks a column that the user named.
    InputError
        When two different columns could be the label or the skin type.
    """
    chosen = {name: _given(table, column, name, source) for name, column in (given or {}).items()}
    problems = []
    for name in ALIASES:
        if name in chosen or name == "pred":
            continue
        found = [c for c in _candidates(table, name, source) if c not in chosen.values()]
        if not found:
            continue
        chosen[name] = found[0]
        if fold_header(found[0]) != fold_header(name) and name in {"label", "fst"}:
            rivals = [c for c in found[1:] if _differs(table, name, found[0], c)]
            problems += [
                f"takes {found[0]!r} as {name} while {c!r} exists, which could be the {name} as well"
                for c in rivals
            ]
    if problems:
        raise InputError(
            source,
            problems,
            remedy="Name the column that is meant: --label COL, --fst COL (data prepare: --set label=COL).",
        )
    return chosen


def describe_columns(
    table: pd.DataFrame, chosen: Mapping[str, str], *, shown: Sequence[str] = ("image_id", "label", "fst")
) -> tuple[str, ...]:
    """Name the columns read under another name, and unread ones that look like a label or a skin tone."""
    named = [f"{name} from {chosen[name]!r}" for name in shown if name in chosen and chosen[name] != name]
    said = [f"{', '.join(named)}."] if named else []
    others = [str(c) for c in table.columns if c not in chosen.values()]
    keys = {c: _SEPARATORS.sub("_", c).casefold() for c in others}
    labels = {fold_header(alias) for alias in ALIASES["label"]}
    rivals = [c for c in others if fold_header(c) in labels or _LABEL.search(keys[c])]
    tones = [c for c in others if _TONE.search(keys[c]) and not is_read_as_tone(keys[c])]
    rivals = [c for c in rivals if c not in tones and _n_values(table[c]) > 1]
    if "label" in chosen and rivals:
        said.append(f"Not read as the label: {name_some(rivals)}.")
    if tones:
        said.append(f"Not read as a skin tone: {name_some(tones)}.")
    return tuple(said)


def is_skin_type(name: str) -> bool:
    """Return whether a column holds Fitzpatrick types: ``fst`` or ``fst_<source>``."""
    return name == "fst" or (name.startswith("fst_") and name != "fst_band" and not name.endswith("_text"))


def is_monk(name: str) -> bool:
    """Return whether a column holds Monk skin tones: ``mst`` or ``mst_<source>``."""
    return name == "mst" or (name.startswith("mst_") and not name.endswith("_text"))


def is_read_as_tone(name: str) -> bool:
    """Return whether a column is read as a skin tone, or keeps what could not be read."""
    return is_skin_type(name) or is_monk(name) or name == "fst_band" or name.startswith(("fst_", "mst_"))


def _candidates(table: pd.DataFrame, name: str, source: Path | str) -> list[str]:
    by_fold: dict[str, list[str]] = {}
    for column in table.columns:
        by_fold.setdefault(fold_header(column), []).append(str(column))
    keys = dict.fromkeys(fold_header(alias) for alias in ALIASES.get(name, (name,)))
    found: list[str] = []
    for key in keys:
        columns = by_fold.get(key, [])
        if len(columns) > 1 and not found:
            both = " and ".join(map(repr, columns))
            raise InputError(source, [f"columns {both} have one name, {name}; keep one of them"])
        found += columns
    return found


def _given(table: pd.DataFrame, column: str, name: str, source: Path | str) -> str:
    if column in table:
        return column
    found = [str(c) for c in table.columns if fold_header(c) == fold_header(column)]
    if len(found) == 1:
        return found[0]
    raise UsageError(
        f"{source}: no column {column!r}, which was named for {name}; found {', '.join(map(str, table.columns))}"
    )


def _differs(table: pd.DataFrame, name: str, first: str, second: str) -> bool:
    """Return whether a second column differs from the first and could be meant instead of it."""
    if name == "fst":
        a, b = read_skin(table[first]), read_skin(table[second])
        return bool(b.band.notna().any()) and not (a.fst.equals(b.fst) and a.band.equals(b.band))
    pairs = _n_values(table[first].astype(str) + "\0" + table[second].astype(str))
    return _n_values(table[second]) > 1 and not pairs == _n_values(table[first]) == _n_values(table[second])


def _n_values(column: pd.Series) -> int:
    return len(column.astype(str).unique())
