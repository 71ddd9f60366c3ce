"""Collections of the ISIC archive, one table of columns for all: tasks hiba, bcn20000, derm12345 and mskcc.

Input: dermoscopic and clinical images, ``ISIC_<number>.jpg``.
Label: one level of the archive's diagnosis, ``diagnosis_1`` (Benign, Indeterminate, Malignant) by default.
Metadata: age, sex, site, kind of image, and whatever else the collection has.
Skin type: ``fitzpatrick_skin_type``, in HIBA.
Ids that group images: patient and lesion, where the collection has them.
Publication: one a collection, see its task.
Licence: one an image, column ``licence``.
Obtain: the archive's page of the collection gives its table and its images.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from dermbench.artifacts.labels import spelling_conflicts
from dermbench.data.custom import ABOUT
from dermbench.data.index import image_index, scan
from dermbench.data.isic_labels import Choice, choose_rows
from dermbench.data.reading import (
    contradictions,
    id_problems,
    labels_of,
    read_columns,
    rows_of,
    with_skin_type,
    without_unknown,
)
from dermbench.data.release_table import DEPTH
from dermbench.data.source import SOURCES, Release
from dermbench.errors import InputError, UsageError, name_some

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dermbench.data.index import FileIndex
    from dermbench.data.source import Request

TABLE = re.compile(r"(?:.*[_-])?metadata(?:[_-]\d{4}-\d\d-\d\d)?\.csv", re.IGNORECASE)
"""``metadata.csv``, or a name such as ``bcn20000_metadata_2025-05-22.csv``."""
COLUMNS = ("isic_id", "attribution", "copyright_license", "diagnosis_1", "image_type")
RENAMED = {
    "isic_id": "image_id",
    "copyright_license": "licence",
    "age_approx": "age",
    "anatom_site_general": "site",
}
SKIN_TYPE = "fitzpatrick_skin_type"
GROUPS = {"Benign": "benign", "Malignant": "malignant", "Indeterminate": "indeterminate"}
"""Malignancy of each value of ``diagnosis_1``."""


@SOURCES.register("isic")
def isic(request: Request) -> Release:
    """Read a collection: its table in ``root`` or up to two folders down, images anywhere below.

    Options
    -------
    label
        ``diagnosis_1`` (default) to ``diagnosis_5``, or ``leaf``: the deepest level that is filled in.
    image_type
        ``dermoscopic``, ``clinical`` or another kind that occurs; all kinds by default.
    min_images
        Classes with fewer images are left out, and counted.
    table
        File of the metadata, where ``root`` has several.
    images
        Folder of the photographs.
    attribution
        Institution that every row must name; by default that of the task.
    """
    options = request.known("label", "image_type", "min_images", "table", "images", "attribution", *ABOUT)
    index = scan(request.raw(), skip=request.out)
    path = _table(request, index, options)
    raw = read_columns(path, COLUMNS, ids="isic_id")
    problems = [*id_problems(raw["isic_id"], "isic_id"), *_problems(raw, options.get("attribution"))]
    if problems:
        raise InputError(path, problems)
    choice = choose_rows(raw, options)
    classes = _classes(request, choice, path)
    labels = labels_of(choice.labels, request.task, classes, path)
    if "images" in options:
        index = image_index(index.root, options["images"], skip=request.out)
    table = _renamed(choice.rows).assign(label=labels).reset_index(drop=True)
    table["path"] = index.locate(table["image_id"])
    return Release(
        table=table,
        image_root=index.root,
        classes=classes,
        left_out=choice.left_out,
        options={k: v for k, v in options.items() if k not in {"table", *ABOUT}},
        interpreted=_malignancy_notes(choice.rows),
        variant=(*choice.variant, *_other_attribution(request)),
    )


def _table(request: Request, index: FileIndex, options: Mapping[str, str]) -> Path:
    if "table" in options:
        return index.root / options["table"]
    named = [f for f in index.files if f.count("/") <= DEPTH and TABLE.fullmatch(Path(f).name)]
    level = [f for f in named if f.count("/") == named[0].count("/")]
    if not level:
        problem = f"{index.root}: no metadata.csv or *_metadata_*.csv there or up to {DEPTH} folders down"
        raise UsageError(problem, remedy=request.task.where)
    if len(level) > 1:
        raise UsageError(
            f"{index.root}: {len(level)} tables could be that of {request.task.name}: {name_some(level)}",
            remedy="Name the right one with --set table=FILE.",
        )
    return index.root / level[0]


def _problems(raw: pd.DataFrame, attribution: str | None) -> list[str]:
    """Return the problems of a table, except those of its ids."""
    problems = []
    other = raw["attribution"].ne(attribution).fillna(value=True) if attribution else pd.Series(dtype=bool)
    if other.any():
        names = name_some(raw["attribution"][other].fillna("").unique())
        problems.append(
            f"attributed to {names} ({rows_of(other)}), not to {attribution!r}: is this another collection? "
            f"--set attribution=NAME accepts another name"
        )
    wrong = raw["diagnosis_1"].notna() & ~raw["diagnosis_1"].isin(list(GROUPS))
    if wrong.any():
        names = name_some(raw["diagnosis_1"][wrong].unique())
        problems.append(f"values of diagnosis_1 that are none of {', '.join(GROUPS)}: {names} ({rows_of(wrong)})")
    if "lesion_id" in raw:
        same = [c for c in map(str, raw) if re.fullmatch(r"diagnosis_\d|patient_id", c)]
        problems += [text for column in same for text in contradictions(raw, "lesion_id", column)]
    return problems


def _classes(request: Request, choice: Choice, path: Path) -> tuple[str, ...]:
    """Return the classes of the task if its label is used, else those that occur, sorted."""
    if request.task.classes and choice.is_usual_label:
        return tuple(name for name in request.task.classes if name not in choice.dropped)
    problems = spelling_conflicts(choice.labels)
    names = tuple(sorted(choice.labels.unique()))
    if len(names) < 2:
        problems.append(f"needs at least 2 classes, found {name_some(names) or 'none'}")
    if problems:
        raise InputError(path, problems, remedy="Choose another --set label, image_type or min_images.")
    return names


def _other_attribution(request: Request) -> tuple[str, ...]:
    given, usual = (request.options.get("attribution"), request.task.settings.get("attribution"))
    return (f"attribution={given}",) if usual is not None and given != usual else ()


def _renamed(raw: pd.DataFrame) -> pd.DataFrame:
    table = raw.rename(columns=RENAMED)
    table["malignancy"] = raw["diagnosis_1"].map(GROUPS).astype("string")
    table["modality"] = raw["image_type"].str.split(":").str[0].str.strip().str.lower()
    for name in ("sex", "site"):
        if name in table:
            table[name] = without_unknown(table[name])
    if SKIN_TYPE in table:
        table = with_skin_type(table, "fst", table[SKIN_TYPE]).drop(columns=SKIN_TYPE)
    return table


def _malignancy_notes(raw: pd.DataFrame) -> tuple[str, ...]:
    """Say how malignancy was read, and how often the column ``benign_malignant`` differs."""
    note = "Malignancy is that of diagnosis_1."
    if "benign_malignant" in raw:
        level, other = raw["diagnosis_1"].map(GROUPS), raw["benign_malignant"].str.lower()
        empty = int((level.eq("malignant") & other.isna()).sum())
        differs = int((level.ne(other) & level.notna() & other.notna()).sum())
        if empty:
            note += f" The column benign_malignant is empty in {empty:,} rows that diagnosis_1 calls Malignant."
        if differs:
            note += f" The column benign_malignant says otherwise in {differs:,} rows."
    return (note,)
