"""A user's own table: one row an image, with path, label and further columns.

Input: images at the paths of the table, relative to its folder or to ``--set images=DIR``.
Label: column ``label`` or another name of :data:`dermbench.artifacts.columns.ALIASES`.
Metadata: any column; those of :data:`dermbench.data.own_columns.NAMED` are understood.
Publication, licence: the user's.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dermbench.artifacts.column_types import standardise
from dermbench.artifacts.columns import ALIASES, choose_columns, describe_columns, find_column, fold_header
from dermbench.artifacts.labels import not_one_label
from dermbench.artifacts.tables import read_table
from dermbench.artifacts.text_form import to_text
from dermbench.data.custom import ABOUT, class_set
from dermbench.data.index import FileIndex, scan
from dermbench.data.own_columns import (
    IN_TEST_ALONE,
    NAMED,
    PATHS,
    SPLIT_NAMES,
    in_test_alone,
    named_columns,
    one_column_each,
    tone_options,
)
from dermbench.data.reading import id_problems, labels_of, rows_of
from dermbench.data.skipped import is_image
from dermbench.data.source import SOURCES, Release
from dermbench.errors import InputError, UsageError, name_some

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from dermbench.artifacts.tables import Table
    from dermbench.data.source import Request

DRIVE = re.compile(r"^[A-Za-z]:")


@SOURCES.register("table")
def table(request: Request) -> Release:
    """Read a CSV, TSV or parquet table; ``root`` is the file, or a data frame.

    Options
    -------
    images
        Folder that the paths are relative to, the folder of the table by default; needed with a data frame.
    image, id, label, split, malignancy, patient_id, lesion_id, duplicate_group
        Columns of the table, where they have other names than :data:`dermbench.artifacts.columns.ALIASES`.
    fst, fst_band, fst_<source>, mst, mst_<source>, sex, age, site, modality
        Likewise.
    task, title, licence, citation, classes
        What ``dataset.toml`` says about the data.
    """
    options = request.known("images", "image", *NAMED, *tone_options(request.options), *ABOUT)
    read, images = _read(request, options)
    path, raw = read.source, read.frame
    if raw.empty:
        raise InputError(path, ["has no rows"])
    files, chosen = _columns(raw, path, options)
    index = scan(images, skip=request.out)
    clean = _clean(read, files, chosen)
    problems = _problems(raw, clean, chosen)
    places, leads_out = _places(to_text(raw[files]).str.strip(), index)
    problems += leads_out
    if problems:
        raise InputError(path, problems)
    classes = class_set(clean["label"], request.task, path)
    clean["label"] = labels_of(clean["label"], request.task, classes, path)
    clean["path"] = places
    left_out = {}
    if "split" in clean:
        unlearnt = in_test_alone(path, clean, allow_missing=request.allow_missing)
        left_out = {IN_TEST_ALONE: int(unlearnt.sum())} if unlearnt.any() else {}
        clean = clean[~unlearnt].reset_index(drop=True)
        classes = tuple(name for name in classes if request.task.classes or (clean["label"] == name).any())
    kept = {k: v for k, v in options.items() if k not in ABOUT}
    notes = (*read.interpreted, *_mapping(raw, files, chosen))
    return Release(clean, index.root, classes, left_out=left_out, options=kept, interpreted=notes)


def _read(request: Request, options: Mapping[str, str]) -> tuple[Table, Path]:
    """Return the table, and the folder of its images."""
    if request.table is not None:
        if "images" not in options:
            raise UsageError(
                "a data frame does not say where its images are", remedy='Give options={"images": FOLDER}.'
            )
        return read_table(request.table), Path(options["images"])
    path = request.raw()
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; --root is the table itself, or use the source 'folder'")
    return read_table(path), Path(options["images"]) if "images" in options else path.parent


def _columns(raw: pd.DataFrame, path: Path | str, options: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return the column of the paths, and the column of each standard name."""
    chosen = choose_columns(raw, source=path, given=named_columns(options))
    by_fold = {fold_header(column): str(column) for column in reversed(list(raw.columns))}
    named = next((by_fold[fold_header(name)] for name in PATHS if fold_header(name) in by_fold), None)
    if "image" in options:
        named = choose_columns(raw, source=path, given={"path": options["image"]})["path"]
    named = named or chosen.get("image_id")
    problems = []
    if named is None:
        problems.append(f"no column for the image (accepted: {', '.join(dict.fromkeys(PATHS))})")
    if "label" not in chosen:
        problems.append(f"no column for the label (accepted: {', '.join(ALIASES['label'])})")
    if named is None or problems:
        raise InputError(
            path,
            problems,
            remedy="Name the columns: --set image=COL, --set label=COL.\n"
            f"Found: {', '.join(map(str, raw.columns))}",
        )
    if chosen.get("image_id") == named and "id" not in options:
        del chosen["image_id"]
        other = find_column(raw.drop(columns=named), "image_id", source=path)
        if other is not None and other not in chosen.values():
            chosen["image_id"] = other
    return named, chosen


def _clean(read: Table, files: str, chosen: Mapping[str, str]) -> pd.DataFrame:
    raw = read.frame
    if "image_id" in chosen:
        others = raw if chosen["image_id"] == files else raw.drop(columns=files)
    else:
        others = raw.drop(columns=files).assign(image_id=raw[files])
    others, columns = one_column_each(others, {"image_id": "image_id", **chosen})
    clean = standardise(others, columns, decimal_comma=read.decimal_comma)
    clean["image_id"] = clean["image_id"].str.strip()
    if "split" in clean:
        clean["split"] = clean["split"].str.strip().str.lower().map(SPLIT_NAMES).astype("string")
    return clean


def _mapping(raw: pd.DataFrame, files: str, chosen: Mapping[str, str]) -> tuple[str, ...]:
    """Say which column each standard column was read from."""
    own = {name: name for name in NAMED.values() if name in raw}
    every = {"path": files, "image_id": files, **own, **chosen}
    named = ", ".join(f"{name} from {column!r}" for name, column in every.items())
    return (f"{named}.", *describe_columns(raw, every, shown=()))


def _problems(raw: pd.DataFrame, clean: pd.DataFrame, chosen: Mapping[str, str]) -> list[str]:
    problems = id_problems(clean["image_id"], "image_id")
    if clean["label"].isna().any():
        problems.append(f"no label in {rows_of(clean['label'].isna())}")
    if "split" in clean:
        given = to_text(raw[chosen.get("split", "split")])
        wrong = given.notna() & clean["split"].isna()
        if wrong.any():
            names = name_some(given[wrong].unique())
            problems.append(f"split is train, val, test or empty, not {names} ({rows_of(wrong)})")
    lists = not_one_label(clean["label"])
    if lists.any():
        problems.append(f"label cells hold lists ({rows_of(lists)}); one label an image is needed")
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
    """Return a path below ``root`` in its shortest form, or ``..`` when it leads out of ``root``."""
    path = value.replace("\\", "/")
    if path.startswith("/"):
        base = root.as_posix().rstrip("/") + "/"
        path = posixpath.normpath(path)
        return path.removeprefix(base) if path.startswith(base) else ".."
    path = posixpath.normpath(path)
    return ".." if path == ".." or path.startswith("../") or DRIVE.match(path) else path
