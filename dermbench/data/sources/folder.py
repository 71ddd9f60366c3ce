"""A user's own folder: ``root/<label>/…`` or ``root/<split>/<label>/…``.

Input: every image file below a label's folder; the path is the id. Other files are counted by reason.
Label: name of the folder. Split: train, val or test, by the names of the outer folders, which may be
doubled (``train/train/<label>``).
Metadata: from an optional table, joined by path or file name. Publication, licence: the user's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from dermbench.artifacts.text_form import id_problems
from dermbench.data.custom import ABOUT, class_set
from dermbench.data.folder_metadata import read_metadata
from dermbench.data.index import scan
from dermbench.data.own_columns import IN_TEST_ALONE, NAMED, SPLIT_NAMES, in_test_alone, tone_options
from dermbench.data.reading import labels_of
from dermbench.data.skipped import remarks
from dermbench.data.source import SOURCES, Release
from dermbench.errors import InputError, UsageError, name_some

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.data.source import Request

COLUMNS = tuple(name for name in NAMED if name not in {"label", "split"})
EXPECTED = "root/<label>/*.jpg or root/<split>/<label>/*.jpg"


@dataclass(frozen=True)
class _Layout:
    """Labels and splits of the images, read from their paths; shape (n_images,)."""

    labels: list[str]
    splits: list[str] | None


@SOURCES.register("folder")
def folder(request: Request) -> Release:
    """Read a folder of labelled folders; ``root`` is the folder.

    Options
    -------
    metadata
        A table with more about the images, joined by path or file name.
    id, fst, patient_id, …
        Columns of that table, as for the source ``table``; ``id`` holds the path or file name.
    task, title, licence, citation, classes
        What ``dataset.toml`` says about the data.
    """
    options = request.known("metadata", *COLUMNS, *tone_options(request.options), *ABOUT)
    named = sorted(set(options) - {"metadata", *ABOUT})
    if named and "metadata" not in options:
        raise UsageError(f"--set {named[0]} names a column of a table: give the table with --set metadata=FILE")
    root = request.raw()
    index = scan(root, skip=request.out)
    if not index.images:
        problems = ["has no images", *remarks(index.skipped)]
        raise InputError(root, problems, remedy=f"Expected: {EXPECTED}")
    layout = _layout(root, index.images)
    table = pd.DataFrame({"image_id": index.images, "path": index.images, "label": layout.labels}).astype("string")
    if problems := id_problems(table["image_id"]):
        raise InputError(root, problems, remedy="The path of an image is its id: rename these files.")
    left_out = {}
    if layout.splits is not None:
        table["split"] = pd.array(layout.splits, dtype="string")
        unlearnt = in_test_alone(root, table, allow_missing=request.allow_missing)
        left_out = {IN_TEST_ALONE: int(unlearnt.sum())} if unlearnt.any() else {}
        table = table[~unlearnt].reset_index(drop=True)
    classes = class_set(table["label"], request.task, root)
    table["label"] = labels_of(table["label"], request.task, classes, root)
    notes: tuple[str, ...] = ()
    skipped = index.skipped
    if "metadata" in options:
        metadata = Path(options["metadata"])
        more = read_metadata(metadata, table["path"], options)
        table, notes = table.join(more.columns), more.interpreted
        skipped = {file: why for file, why in skipped.items() if index.root / file != metadata.resolve()}
    kept = {k: v for k, v in options.items() if k not in ABOUT}
    return Release(table, index.root, classes, left_out=left_out, options=kept, interpreted=notes, skipped=skipped)


def _layout(root: Path, images: Sequence[str]) -> _Layout:
    """Tell folders of splits and of labels apart.

    A folder of a split that holds nothing but a folder of the same split counts once.
    """
    parts = [path.split("/") for path in images]
    splits = [SPLIT_NAMES.get(names[0].lower()) for names in parts]
    if not any(splits):
        return _Layout(_labels(root, images, parts), None)
    others = sorted({names[0] for names, split in zip(parts, splits, strict=True) if split is None})
    if others:
        raise InputError(root, [f"folders of splits beside other folders: {name_some(others)}"])
    inner = [SPLIT_NAMES.get(names[1].lower()) if len(names) > 2 else None for names in parts]
    single = {outer for outer, second in zip(splits, inner, strict=True) if outer != second}
    rest = [names[1:] if split in single else names[2:] for names, split in zip(parts, splits, strict=True)]
    labels = _labels(root, images, rest)
    nested = {
        "/".join(names[:-1]) for names, label in zip(parts, labels, strict=True) if label.lower() in SPLIT_NAMES
    }
    if nested:
        raise InputError(
            root,
            [f"folders of splits inside folders of splits: {name_some(sorted(nested))}"],
            remedy=f"Give the inner folder with --root. Expected: {EXPECTED}",
        )
    return _Layout(labels, [str(split) for split in splits])


def _labels(root: Path, images: Sequence[str], parts: list[list[str]]) -> list[str]:
    stray = [image for image, names in zip(images, parts, strict=True) if len(names) < 2]
    if stray:
        raise InputError(root, [f"{len(stray):,} images are not in the folder of a label: {name_some(stray)}"])
    return [names[0] for names in parts]
