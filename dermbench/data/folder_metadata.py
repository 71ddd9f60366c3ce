"""Read the metadata table of a user's folder of images: patients, skin types and other columns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dermbench.artifacts.column_types import standardise
from dermbench.artifacts.columns import ALIASES, choose_columns, describe_columns, fold_header
from dermbench.artifacts.tables import read_table
from dermbench.artifacts.text_form import to_text
from dermbench.data.index import stem_of
from dermbench.data.own_columns import PATHS, named_columns, one_column_each
from dermbench.data.reading import id_problems
from dermbench.errors import InputError, name_some

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

FROM_FOLDERS = ("image_id", "path", "label", "split")
"""Columns that the folders define."""


@dataclass(frozen=True)
class Metadata:
    """Further columns of the images, one row an image in their order, and how they were read."""

    columns: pd.DataFrame
    interpreted: tuple[str, ...]


def read_metadata(path: Path, images: pd.Series, options: Mapping[str, str]) -> Metadata:
    """Join a table to the images of a folder, by path, else by file name, else by file name without suffix.

    Parameters
    ----------
    path
        The table.
    images
        Paths of the images relative to the folder.
    options
        ``id`` names the column of the paths or file names; others name columns as for a table.

    Raises
    ------
    InputError
        When no column holds paths or names, one of them is repeated, or none matches an image.
    """
    read = read_table(path)
    raw = read.frame
    given = named_columns(options)
    key = _key(raw, path, given.pop("image_id", None))
    chosen = choose_columns(raw[[c for c in raw if c != key and not _is_label(c)]], source=path, given=given)
    rows = _rows(path, to_text(raw[key]), key, images)
    table, columns = one_column_each(raw.drop(columns=key), {k: v for k, v in chosen.items() if k != "image_id"})
    clean = standardise(table, columns, decimal_comma=read.decimal_comma)
    unused = [name for name in FROM_FOLDERS if name in clean]
    named = ", ".join(f"{name} from {column!r}" for name, column in columns.items() if name not in unused)
    notes = [f"{path.name}, joined by {key!r}: {named}." if named else f"{path.name}, joined by {key!r}."]
    if unused:
        notes.append(f"{path.name}: {', '.join(unused)} not used: the folders define it.")
    notes += describe_columns(raw, {**chosen, "image_id": key}, shown=())
    counts = {"images without a row": int(rows.isna().sum()), "rows without an image": len(raw) - rows.nunique()}
    notes += [f"{path.name}: {n:,} {what}." for what, n in counts.items() if n]
    joined = clean.drop(columns=unused).reindex(rows.fillna(-1)).set_axis(images.index)
    return Metadata(joined, (*read.interpreted, *notes))


def _is_label(column: object) -> bool:
    return fold_header(column) in {fold_header(alias) for alias in ALIASES["label"]}


def _key(raw: pd.DataFrame, path: Path, given: str | None) -> str:
    """Return the column of the paths or file names."""
    if given is not None:
        return choose_columns(raw[[c for c in raw if not _is_label(c)]], source=path, given={"key": given})["key"]
    by_fold = {fold_header(column): str(column) for column in reversed(list(raw.columns))}
    found = next((by_fold[fold_header(name)] for name in PATHS if fold_header(name) in by_fold), None)
    if found is None:
        problem = (
            f"no column for the image (accepted: {', '.join(PATHS)}); found {', '.join(map(str, raw.columns))}"
        )
        raise InputError(path, [problem], remedy="Name it with --set id=COL.")
    return found


def _rows(path: Path, keys: pd.Series, name: str, images: pd.Series) -> pd.Series:
    """Return the row of each image, by the first kind of name (path, file name, stem) that matches any."""
    keys = keys.str.strip().str.replace("\\", "/", regex=False).str.removeprefix("./")
    if problems := id_problems(keys, name):
        raise InputError(path, problems)
    for form in (str, lambda p: PurePosixPath(p).name, stem_of):
        ours, theirs = images.map(form), keys.map(form)
        fits = ours.isin(theirs)
        if not fits.any():
            continue
        doubled = ours[fits & ours.duplicated(keep=False)]
        several = theirs[theirs.duplicated() & theirs.isin(ours)]
        if len(doubled) or len(several):
            both = [*doubled.unique(), *several.unique()]
            problem = f"{name!r} names several images of the folder: {name_some(both)}"
            raise InputError(path, [problem], remedy="Write the paths relative to the folder.")
        found: pd.Series = ours.map(dict(zip(theirs, keys.index, strict=True))).astype("Int64")
        return found
    raise InputError(path, [f"{name!r} names no image of the folder, for example {keys.iloc[0]!r}"])
