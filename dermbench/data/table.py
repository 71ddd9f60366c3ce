"""A table of one's own: one row an image, with its path, its label and whatever else is known.

Input: images at the paths of the table, relative to its folder or to ``--set images=DIR``.
Label: column ``label`` or another name of :data:`dermbench.artifacts.columns.ALIASES`.
Metadata: any column; ``split``, ``fst``, ``patient_id``, ``lesion_id``, ``duplicate_group`` are understood.
Publication, licence: the user's.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dermbench.artifacts.columns import ALIASES, find_column, standardise
from dermbench.artifacts.skin import parse_fst
from dermbench.artifacts.tables import read_table
from dermbench.artifacts.text_form import to_text
from dermbench.data.custom import ABOUT, class_set
from dermbench.data.index import FileIndex, scan
from dermbench.data.reading import id_problems, labels_of, rows_of
from dermbench.data.skipped import is_image
from dermbench.data.source import SOURCES, Release
from dermbench.errors import InputError, UsageError, name_some

if TYPE_CHECKING:
    import pandas as pd

    from dermbench.data.source import Request

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
NO_SKIN_TYPE = frozenset({"", "-1", "0", "na", "nan", "none", "null", "unknown", "not available"})
"""Spellings of an unknown skin type, in lower case."""
DRIVE = re.compile(r"^[A-Za-z]:")


@SOURCES.register("table")
def table(request: Request) -> Release:
    """Read a CSV, TSV or parquet table; ``root`` is the file.

    Options
    -------
    images
        Folder that the paths are relative to, the folder of the table by default.
    task, title, licence, citation, classes
        What ``dataset.toml`` says about the data.
    """
    options = request.known("images", *ABOUT)
    path = request.raw()
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; --root is the table itself, or use the source 'folder'")
    raw = read_table(path).frame
    if raw.empty:
        raise InputError(path, ["has no rows"])
    files = _path_column(raw, path)
    index = scan(Path(options["images"]) if "images" in options else path.parent, skip=request.out)
    clean = _clean(raw, files)
    problems = _problems(raw, clean)
    places, leads_out = _places(to_text(raw[files]).str.strip(), index)
    problems += leads_out
    if problems:
        raise InputError(path, problems)
    classes = class_set(clean["label"], request.task, path)
    clean["label"] = labels_of(clean["label"], request.task, classes, path)
    clean["path"] = places
    return Release(clean, index.root, classes)


def _path_column(raw: pd.DataFrame, path: Path) -> str:
    by_fold = {str(c).strip().lower(): str(c) for c in reversed(list(raw.columns))}
    named = next((by_fold[name] for name in PATHS if name in by_fold), find_column(raw, "image_id"))
    problems = []
    if named is None:
        problems.append(f"no column for the image (accepted: {', '.join(dict.fromkeys(PATHS))})")
    if find_column(raw, "label") is None:
        problems.append(f"no column for the label (accepted: {', '.join(ALIASES['label'])})")
    if named is None or problems:
        raise InputError(path, problems, remedy=f"Found: {', '.join(map(str, raw.columns))}")
    return named


def _clean(raw: pd.DataFrame, files: str) -> pd.DataFrame:
    others = raw.drop(columns=files)
    if find_column(others, "image_id") is None:
        others = others.assign(image_id=raw[files])
    clean = standardise(others)
    clean["image_id"] = clean["image_id"].str.strip()
    clean["label"] = clean["label"].str.strip()
    if "split" in clean:
        clean["split"] = clean["split"].str.strip().str.lower().map(SPLIT_NAMES).astype("string")
    return clean


def _problems(raw: pd.DataFrame, clean: pd.DataFrame) -> list[str]:
    problems = id_problems(clean["image_id"], "image_id")
    if clean["label"].isna().any():
        problems.append(f"no label in {rows_of(clean['label'].isna())}")
    if "split" in clean:
        wrong = to_text(raw["split"]).notna() & clean["split"].isna()
        if wrong.any():
            names = name_some(raw["split"][wrong].unique())
            problems.append(f"split is train, val, test or empty, not {names} ({rows_of(wrong)})")
    skin = find_column(raw, "fst")
    if skin is not None:
        given = raw[skin].astype("string").fillna("").str.strip()
        wrong = parse_fst(given).set_axis(given.index).isna() & ~given.str.lower().isin(NO_SKIN_TYPE)
        if wrong.any():
            problems.append(
                f"{skin} is 1-6, I-VI or empty, not {name_some(given[wrong].unique())} ({rows_of(wrong)})"
            )
    return problems


def _places(values: pd.Series, index: FileIndex) -> tuple[pd.Series, list[str]]:
    places = values.map(lambda value: _relative(value, index.root), na_action="ignore")
    empty, outside = values.isna(), places == ".."
    problems = [f"no path in {rows_of(empty)}"] if empty.any() else []
    if outside.any():
        problems.append(
            f"paths that lead outside of {index.root}: {name_some(values[outside])} ({rows_of(outside)})"
        )
    found = places.where(places.isin(list(index.present)))
    bare = (
        found.isna() & places.notna() & ~places.map(is_image, na_action="ignore").fillna(value=True).astype(bool)
    )
    if bare.any() and not problems:
        names = places[bare].map(lambda p: PurePosixPath(p).name)
        found[bare] = index.locate(names).to_numpy()
    return found.astype("string"), problems


def _relative(value: str, root: Path) -> str:
    """Return a path below ``root`` in its shortest form, or ``..`` when it leads outside."""
    path = value.replace("\\", "/")
    if path.startswith("/"):
        base = root.as_posix().rstrip("/") + "/"
        path = posixpath.normpath(path)
        return path.removeprefix(base) if path.startswith(base) else ".."
    path = posixpath.normpath(path)
    return ".." if path == ".." or path.startswith("../") or DRIVE.match(path) else path
