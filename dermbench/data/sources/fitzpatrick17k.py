"""Fitzpatrick17k.

Input: 16,577 clinical photographs out of two dermatology atlases, ``<md5hash>.jpg``.
Label: 114 conditions, 9 or 3 groups of them (``fitzpatrick17k-114``, ``-9``, ``-3``).
Metadata: Fitzpatrick skin type by two crowds of annotators (``fst_scale``, ``fst_centaur``), -1 unknown.
Publication: Groh et al. 2021.
Licence: annotations CC BY-NC-SA 3.0; the photographs belong to the atlases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.column_types import KEPT
from dermbench.artifacts.skin import read_skin
from dermbench.data.index import image_index, scan
from dermbench.data.reading import labels_of, read_columns
from dermbench.data.source import SOURCES, Release
from dermbench.errors import InputError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from dermbench.data.source import Request
    from dermbench.tasks import Task

TABLE = "fitzpatrick17k.csv"
COLUMNS = (
    "md5hash",
    "fitzpatrick_scale",
    "fitzpatrick_centaur",
    "label",
    "nine_partition_label",
    "three_partition_label",
)


@SOURCES.register("fitzpatrick17k")
def fitzpatrick17k(request: Request) -> Release:
    """Read the release: ``fitzpatrick17k.csv`` in ``root`` or one folder down, images anywhere below.

    Options: ``images``, the folder of the photographs. Rows whose photograph is not there and has no
    address in the table either can be obtained by nobody: they are left out and counted.
    """
    options = request.known("images")
    root = request.raw()
    index = scan(root, skip=request.out)
    path = index.named(TABLE)
    if path is None:
        raise UsageError(f"{root}: no {TABLE} there or one folder down", remedy=request.task.where)
    raw = read_columns(path, COLUMNS, key="md5hash")
    if "images" in options:
        index = image_index(root, options["images"], skip=request.out)
    table, classes = _labelled(raw, request.task, path)
    table["path"] = index.locate(table["image_id"])
    lost = table["path"].isna() & table["url"].isna() if "url" in table else table["path"].isna() & False
    return Release(
        table=table[~lost].drop(columns=["url", "url_alphanum"], errors="ignore").reset_index(drop=True),
        image_root=index.root,
        classes=classes,
        left_out={"no address in the release": int(lost.sum())} if lost.any() else {},
        options={**options},
    )


def read_annotations(raw: pd.DataFrame) -> pd.DataFrame:
    """Return ids, skin types and further columns of a table with Fitzpatrick17k's column names.

    ``fitzpatrick_scale`` becomes ``fst`` and ``fst_scale``, ``fitzpatrick_centaur`` becomes
    ``fst_centaur``, ``three_partition_label`` becomes ``malignancy``; -1 becomes ``<NA>``.
    """
    table = raw.rename(columns={"md5hash": "image_id", "three_partition_label": "malignancy"})
    for column, name in (("fitzpatrick_scale", "fst"), ("fitzpatrick_centaur", "fst_centaur")):
        skin = read_skin(table[column])
        table[name] = skin.fst
        if skin.text.notna().any():
            table[f"{name}{KEPT}"] = skin.text
    table["fst_scale"] = table["fst"]
    return table.drop(columns=["fitzpatrick_scale", "fitzpatrick_centaur", "label"], errors="ignore")


def _labelled(raw: pd.DataFrame, task: Task, path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    column = task.label_column or "label"
    if not task.n_classes:
        raise UsageError(f"{task.name}: prepare a task of this release, see: dermbench data list")
    classes = task.classes or tuple(sorted(raw[column].dropna().unique()))
    if len(classes) != task.n_classes:
        raise InputError(
            path,
            [f"{len(classes)} different labels in column {column}, {task.name} has {task.n_classes}"],
            remedy="Part of a release is prepared with: dermbench data prepare table",
        )
    labels = labels_of(raw[column], task, classes, path)
    return read_annotations(raw).assign(label=labels), classes
