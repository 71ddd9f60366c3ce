"""ajl-21, the Kaggle competition set ``bttai-ajl-2025``: 21 classes of Fitzpatrick17k.

Input: 2,860 + 1,227 clinical photographs, ``<md5 of the file>.jpg``, in per-label or flat folders.
Label: 21 conditions. ``test.csv`` has none: they are joined from ``fitzpatrick17k.csv`` by md5hash.
Metadata: skin type, ``atlas`` and ``qc`` as in Fitzpatrick17k, and DDI's bands of two types (``ddi_band``).
Ids that group images: none; 130 of the 1,227 test images have a twin in train.
Publication: Groh et al. 2021.
Licence: annotations CC BY-NC-SA 3.0; the photographs belong to the atlases; the competition's terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from dermbench.artifacts.labels import fold
from dermbench.artifacts.skin import read_skin
from dermbench.data.index import FileIndex, image_index, scan
from dermbench.data.md5_names import OPTION as MD5
from dermbench.data.md5_names import check_md5
from dermbench.data.reading import id_problems, match_classes, read_columns, refuse
from dermbench.data.release_table import DEPTH, find_table
from dermbench.data.source import SOURCES, Release
from dermbench.data.sources.fitzpatrick17k import TABLE as FULL_TABLE
from dermbench.data.sources.fitzpatrick17k import atlas_of, read_annotations
from dermbench.errors import InputError, UsageError, name_some

if TYPE_CHECKING:
    from dermbench.data.source import Request
    from dermbench.tasks import Task

COLUMNS = ("md5hash", "fitzpatrick_scale", "fitzpatrick_centaur")
NO_LABELS = "none"


@dataclass(frozen=True)
class _FullTable:
    """Table of Fitzpatrick17k, with the labels of the test images and the address of every photograph."""

    path: Path
    raw: pd.DataFrame


@SOURCES.register("ajl-21")
def ajl_21(request: Request) -> Release:
    """Read the release: ``train.csv`` and ``test.csv`` up to two folders below ``root``, images anywhere below.

    The test split is Kaggle's test split; validation images are cut out of Kaggle's training images.

    Options
    -------
    images
        Folder of the photographs, ``root`` by default.
    labels
        ``fitzpatrick17k.csv``; by default it is looked for below ``root`` and beside it. ``none`` leaves out the
        unlabelled test images; train, val and test are then made from the training images.
    md5
        ``checked`` (default): the md5 of a file is its name. ``unchecked`` for photographs that were resized.
    """
    options = request.known("images", "labels", MD5)
    root = request.raw()
    index = scan(root, skip=request.out)
    without_test = options.get("labels") == NO_LABELS
    full = None if without_test else _full_table(request, index)
    train = _train(request, index)
    parts = [train] if without_test else [train, _test(request, index, full)]
    table = pd.concat(parts, ignore_index=True)
    _refuse_shared(root, table)
    refuse_part(request, table)
    if full is not None and "url" in full.raw:
        addresses = full.raw.drop_duplicates("md5hash").set_index("md5hash")["url"]
        table["atlas"] = atlas_of(table["image_id"].map(addresses).astype("string"))
    if "images" in options:
        index = image_index(root, options["images"], skip=request.out)
    paths = [
        index.locate(rows["image_id"], prefer=[name]) for name, rows in zip(("train", "test"), parts, strict=False)
    ]
    check = check_md5(request, index.root, table["image_id"], pd.concat(paths, ignore_index=True))
    table["path"] = check.paths
    if without_test:
        table = table.drop(columns="split")
    return Release(
        table=table,
        image_root=index.root,
        classes=request.task.classes,
        left_out=_unlabelled(index) if without_test else {},
        options={k: v for k, v in options.items() if k != "labels" or v == NO_LABELS},
        interpreted=check.remarks,
        variant=(f"labels={NO_LABELS}",) if without_test else (),
    )


def _train(request: Request, index: FileIndex) -> pd.DataFrame:
    path = find_table(request, index, ("train.csv",))
    raw = read_columns(path, (*COLUMNS, "label"), ids="md5hash")
    return _columns(raw, request.task, path).assign(split="train")


def _test(request: Request, index: FileIndex, full: _FullTable | None) -> pd.DataFrame:
    path = find_table(request, index, ("test.csv",))
    raw = read_columns(path, COLUMNS, key="md5hash")
    if "label" not in raw or raw["label"].isna().any():
        if full is None:
            raise UsageError(
                f"{request.raw()}: no {FULL_TABLE} there, up to two folders down or beside it; test.csv has no "
                f"labels, they are joined from that table by md5hash",
                remedy=f"Get {FULL_TABLE} from https://github.com/mattgroh/fitzpatrick17k and name it with --set "
                f"labels=PATH, or leave the test images out with --set labels={NO_LABELS}.",
            )
        raw, path = _joined(raw, full), full.path
    return _columns(raw, request.task, path).assign(split="test")


def _joined(raw: pd.DataFrame, full: _FullTable) -> pd.DataFrame:
    lost = raw["md5hash"][~raw["md5hash"].isin(full.raw["md5hash"])]
    problems = id_problems(full.raw["md5hash"], "md5hash")
    if len(lost):
        problems.append(f"no row for {len(lost):,} test images: {name_some(lost)}")
    if problems:
        raise InputError(full.path, problems)
    new = [n for n in ("md5hash", "label", "nine_partition_label", "three_partition_label") if n in full.raw]
    base = raw.drop(columns=[n for n in new if n != "md5hash"], errors="ignore")
    joined: pd.DataFrame = base.merge(full.raw[new], on="md5hash", how="left", validate="one_to_one")
    return joined


def _unlabelled(index: FileIndex) -> dict[str, int]:
    path = index.named("test.csv", depth=DEPTH)
    return {} if path is None else {"test image without a label": len(read_columns(path, COLUMNS, key="md5hash"))}


def _columns(raw: pd.DataFrame, task: Task, path: Path) -> pd.DataFrame:
    """Return a table under standard names, or refuse it with all its problems."""
    labels, problems = match_classes(raw["label"], task, task.classes)
    refuse(path, [*id_problems(raw["md5hash"], "md5hash"), *problems], classes=task.classes, task=task)
    table = read_annotations(raw).assign(label=labels)
    if "ddi_scale" in table:
        table["ddi_band"] = read_skin(table["ddi_scale"]).band
    if "nine_partition_label" in table:
        table["nine_partition_label"] = table["nine_partition_label"].map(fold, na_action="ignore")
    return table.drop(columns="ddi_scale", errors="ignore")


def _full_table(request: Request, index: FileIndex) -> _FullTable | None:
    """Return Fitzpatrick17k's table if there is one."""
    given = request.options.get("labels")
    beside = index.root.parent / FULL_TABLE
    path = Path(given) if given else index.named(FULL_TABLE, depth=DEPTH) or beside
    if path.is_file():
        return _FullTable(path, read_columns(path, ("md5hash", "label")))
    if given:
        raise UsageError(f"{given}: no such file (--set labels=…)")
    return None


def refuse_part(request: Request, table: pd.DataFrame) -> None:
    """Refuse incomplete tables of the competition, unless images may be missing.

    Raises
    ------
    InputError
        When the number of rows of train or test differs from the published one; it names both numbers.
    """
    rows = table["split"].value_counts().to_dict()
    wrong = [
        f"{name}.csv has {rows[name]:,} rows instead of {published:,}"
        for name, published in request.task.images.items()
        if name in rows and rows[name] != published
    ]
    if wrong and not request.allow_missing:
        raise InputError(
            request.raw(),
            wrong,
            remedy="Use the whole tables. --allow-missing prepares the part, but the board of ajl-21 refuses it.",
        )


def _refuse_shared(root: Path, table: pd.DataFrame) -> None:
    shared = table["image_id"][table["image_id"].duplicated()]
    if len(shared):
        raise InputError(root, [f"ids both in train.csv and test.csv: {name_some(shared)}"])
