"""A folder of one's own: ``root/<label>/…`` or ``root/<split>/<label>/…``.

Input: every image file below a label's folder; the path is the id.
Label: name of the folder. Split: train, val or test, by the names of the outer folders.
Metadata: none. Publication, licence: the user's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from dermbench.data.custom import ABOUT, class_set
from dermbench.data.index import scan
from dermbench.data.reading import labels_of
from dermbench.data.source import SOURCES, Release
from dermbench.data.table import SPLIT_NAMES
from dermbench.errors import InputError, name_some

if TYPE_CHECKING:
    from dermbench.data.source import Request


@SOURCES.register("folder")
def folder(request: Request) -> Release:
    """Read a folder of labelled folders; ``root`` is the folder.

    Options: ``task``, ``title``, ``licence``, ``citation``, ``classes``: what ``dataset.toml`` says.
    """
    request.known(*ABOUT)
    root = request.raw()
    index = scan(root, skip=request.out)
    if not index.images:
        raise InputError(
            root, ["no image below it"], remedy="Expected: root/<label>/*.jpg or root/<split>/<label>/*.jpg"
        )
    table = pd.DataFrame({"image_id": index.images, "path": index.images}).astype("string")
    parts = [path.split("/") for path in index.images]
    first = pd.Series([names[0] for names in parts])
    outer = first.str.lower()
    split_layout = outer.isin(list(SPLIT_NAMES)).all()
    depth = 1 if split_layout else 0
    stray = pd.Series([len(names) <= depth + 1 for names in parts])
    if stray.any():
        raise InputError(
            root, [f"{int(stray.sum()):,} images lie in no label's folder: {name_some(table['path'][stray])}"]
        )
    if not split_layout and outer.isin(list(SPLIT_NAMES)).any():
        others = sorted(set(first[~outer.isin(list(SPLIT_NAMES))]))
        raise InputError(root, [f"folders of splits beside other folders: {name_some(others)}"])
    table["label"] = pd.array([names[depth] for names in parts], dtype="string")
    if split_layout:
        table["split"] = outer.map(SPLIT_NAMES).astype("string")
    classes = class_set(table["label"], request.task, root)
    table["label"] = labels_of(table["label"], request.task, classes, root)
    return Release(table, index.root, classes)
