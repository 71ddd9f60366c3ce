"""ajl-21, the Kaggle competition set ``bttai-ajl-2025``: 21 classes of Fitzpatrick17k.

Input: 2,860 + 1,227 clinical photographs, ``<md5hash>.jpg``, in per-label or flat folders.
Label: 21 conditions. ``test.csv`` has none: they are joined from ``fitzpatrick17k.csv`` by md5hash.
Metadata: skin type as in Fitzpatrick17k, and DDI's bands of two types (``ddi_band``).
Publication: Groh et al. 2021.
Licence: annotations CC BY-NC-SA 3.0; the photographs belong to the atlases; the competition's terms.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from dermbench.artifacts.labels import fold
from dermbench.artifacts.skin import read_skin
from dermbench.data.index import FileIndex, image_index, scan
from dermbench.data.reading import labels_of, read_columns
from dermbench.data.source import SOURCES, Release
from dermbench.data.sources.fitzpatrick17k import TABLE as FULL_TABLE
from dermbench.data.sources.fitzpatrick17k import read_annotations
from dermbench.errors import InputError, UsageError, name_some

if TYPE_CHECKING:
    from dermbench.data.source import Request

COLUMNS = ("md5hash", "fitzpatrick_scale", "fitzpatrick_centaur")
NO_LABELS = "none"


@SOURCES.register("ajl-21")
def ajl_21(request: Request) -> Release:
    """Read the release: ``train.csv`` and ``test.csv`` in ``root`` or one folder down, images anywhere below.

    The test split is Kaggle's test split; validation images are cut out of Kaggle's training images.

    Options
    -------
    images
        Folder of the photographs, ``root`` by default.
    labels
        ``fitzpatrick17k.csv``; by default it is looked for in ``root``, one folder down and beside ``root``.
        ``none`` leaves the unlabelled test images out, and the training images are cut in three.
    """
    options = request.known("images", "labels")
    root = request.raw()
    index = scan(root, skip=request.out)
    train = _train(request, index)
    without_test = options.get("labels") == NO_LABELS
    parts = [train] if without_test else [train, _test(request, index)]
    table = pd.concat(parts, ignore_index=True)
    _refuse_shared(root, table)
    if "images" in options:
        index = image_index(root, options["images"], skip=request.out)
    table["path"] = pd.concat(
        [
            index.locate(rows["image_id"], prefer=[name])
            for name, rows in zip(("train", "test"), parts, strict=False)
        ],
        ignore_index=True,
    )
    if without_test:
        table = table.drop(columns="split")
    return Release(
        table=table,
        image_root=index.root,
        classes=request.task.classes,
        left_out=_unlabelled(index) if without_test else {},
        options={k: v for k, v in options.items() if k == "images" or v == NO_LABELS},
    )


def _train(request: Request, index: FileIndex) -> pd.DataFrame:
    path = _needed(request, index, "train.csv")
    raw = read_columns(path, (*COLUMNS, "label"), key="md5hash")
    labels = labels_of(raw["label"], request.task, request.task.classes, path)
    return _columns(raw).assign(label=labels, split="train")


def _test(request: Request, index: FileIndex) -> pd.DataFrame:
    path = _needed(request, index, "test.csv")
    raw = read_columns(path, COLUMNS, key="md5hash")
    if "label" not in raw or raw["label"].isna().any():
        path = _full_table(request, index)
        raw = _joined(raw, path)
    labels = labels_of(raw["label"], request.task, request.task.classes, path)
    return _columns(raw).assign(label=labels, split="test")


def _joined(raw: pd.DataFrame, path: Path) -> pd.DataFrame:
    full = read_columns(path, ("md5hash", "label"), key="md5hash")
    lost = raw["md5hash"][~raw["md5hash"].isin(full["md5hash"])]
    if len(lost):
        raise InputError(path, [f"no row for {len(lost):,} test images: {name_some(lost)}"])
    new = [n for n in ("md5hash", "label", "nine_partition_label", "three_partition_label") if n in full]
    base = raw.drop(columns=[n for n in new if n != "md5hash"], errors="ignore")
    joined: pd.DataFrame = base.merge(full[new], on="md5hash", how="left", validate="one_to_one")
    return joined


def _unlabelled(index: FileIndex) -> dict[str, int]:
    path = index.named("test.csv")
    return {} if path is None else {"test image without a label": len(read_columns(path, COLUMNS, key="md5hash"))}


def _columns(raw: pd.DataFrame) -> pd.DataFrame:
    table = read_annotations(raw)
    if "ddi_scale" in table:
        table["ddi_band"] = read_skin(table["ddi_scale"]).band
    if "nine_partition_label" in table:
        table["nine_partition_label"] = table["nine_partition_label"].map(fold, na_action="ignore")
    return table.drop(columns="ddi_scale", errors="ignore")


def _full_table(request: Request, index: FileIndex) -> Path:
    given = request.options.get("labels")
    candidates = [Path(given)] if given else [index.named(FULL_TABLE), index.root.parent / FULL_TABLE]
    for path in candidates:
        if path is not None and path.is_file():
            return path
    if given:
        raise UsageError(f"{given}: no such file (--set labels=…)")
    raise UsageError(
        f"{request.root}: no {FULL_TABLE} there, one folder down or beside it; test.csv has no labels, they are "
        f"joined from that table by md5hash",
        remedy=f"Get {FULL_TABLE} from https://github.com/mattgroh/fitzpatrick17k and name it with --set "
        f"labels=PATH, or leave the test images out with --set labels={NO_LABELS}.",
    )


def _needed(request: Request, index: FileIndex, name: str) -> Path:
    path = index.named(name)
    if path is None:
        raise UsageError(f"{request.root}: no {name} there or one folder down", remedy=request.task.where)
    return path


def _refuse_shared(root: Path, table: pd.DataFrame) -> None:
    shared = table["image_id"][table["image_id"].duplicated()]
    if len(shared):
        raise InputError(root, [f"ids both in train.csv and test.csv: {name_some(shared)}"])
