"""Fitzpatrick17k.

Input: 16,577 clinical photographs out of two dermatology atlases, ``<md5 of the file>.jpg``.
Label: 114 conditions, 9 or 3 groups of them (``fitzpatrick17k-114``, ``-9``, ``-3``).
Metadata: Fitzpatrick skin type by two crowds of annotators (``fst_scale``, ``fst_centaur``), -1 unknown;
``atlas``, from the photograph's address; ``qc``, two dermatologists' opinion of 504 labels.
Ids that group images: none; 21 % have a near-duplicate.
Publication: Groh et al. 2021.
Licence: annotations CC BY-NC-SA 3.0; the photographs belong to the atlases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.data.md5_names import OPTION as MD5
from dermbench.data.md5_names import check_md5
from dermbench.data.reading import choice, id_problems, match_classes, refuse, with_skin_type
from dermbench.data.release_table import open_table
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
ATLASES = {"www.dermaamin.com": "dermaamin", "atlasdermatologico.com.br": "atlasdermatologico"}
"""Name of each atlas, by the host of its addresses."""
MISLABELLED = "3 Wrongly labelled"
"""Value of ``qc``."""


@SOURCES.register("fitzpatrick17k")
def fitzpatrick17k(request: Request) -> Release:
    """Read the release: ``fitzpatrick17k.csv`` in ``root`` or up to two folders down, images anywhere below.

    Options
    -------
    images
        Folder of the photographs, ``root`` by default.
    mislabelled
        ``keep`` (default) or ``drop`` the images that ``qc`` calls wrongly labelled.
    md5
        ``checked`` (default): the md5 of a file is its name. ``unchecked`` for photographs that were resized.
    """
    options = request.known("images", "mislabelled", MD5)
    drop = choice(options, "mislabelled", ("keep", "drop")) == "drop"
    found = open_table(request, (TABLE,), COLUMNS, ids="md5hash")
    table, classes = _labelled(found.raw, request.task, found.path)
    excused = {}
    if "url" in table:
        table["atlas"] = atlas_of(table["url"])
        excused = dict.fromkeys(table["image_id"][table["url"].isna()], "no address in the release")
    check = check_md5(request, found.files.root, table["image_id"], found.files.locate(table["image_id"]))
    table["path"] = check.paths
    if drop and "qc" in table:
        wrong = (table["qc"] == MISLABELLED).fillna(value=False).astype(bool)
        table["path"] = table["path"].mask(wrong)
        excused |= dict.fromkeys(table["image_id"][wrong], "image marked as wrongly labelled (qc)")
    return Release(
        table=table.drop(columns=["url", "url_alphanum"], errors="ignore"),
        image_root=found.files.root,
        classes=classes,
        excused=excused,
        options={**options},
        interpreted=check.remarks,
        variant=("mislabelled=drop",) if drop else (),
    )


def atlas_of(addresses: pd.Series) -> pd.Series:
    """Return the atlas of each photograph by the host in its address, ``<NA>`` where there is no address."""
    hosts = addresses.str.extract(r"^\w+://([^/]+)", expand=False).str.lower()
    return hosts.replace(ATLASES)


def read_annotations(raw: pd.DataFrame) -> pd.DataFrame:
    """Return ids, skin types and further columns of a table with Fitzpatrick17k's column names.

    ``fitzpatrick_scale`` becomes ``fst`` and ``fst_scale``, ``fitzpatrick_centaur`` becomes
    ``fst_centaur``, ``three_partition_label`` becomes ``malignancy``; -1 becomes ``<NA>``. All are clinical
    photographs.
    """
    table = raw.rename(columns={"md5hash": "image_id", "three_partition_label": "malignancy"})
    for column, name in (("fitzpatrick_scale", "fst"), ("fitzpatrick_centaur", "fst_centaur")):
        table = with_skin_type(table, name, table[column])
    table = table.assign(fst_scale=table["fst"], modality="clinical")
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
    labels, problems = match_classes(raw[column], task, classes)
    refuse(path, [*id_problems(raw["md5hash"], "md5hash"), *problems], classes=classes, task=task)
    return read_annotations(raw).assign(label=labels), classes
