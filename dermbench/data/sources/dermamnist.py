"""DermaMNIST: HAM10000 made small, as arrays.

Input: 10,015 dermoscopic images at 28, 64, 128 or 224 px, in one ``.npz`` file a size.
Label: the seven diagnoses of HAM10000, 0 to 6 in the file.
Metadata: none; no skin type, no lesion, no patient.
Ids that group images: none. The official split (7,007 / 1,003 / 2,005) ignores lesions.
Publication: Yang et al. 2023 (MedMNIST), Tschandl et al. 2018 (HAM10000).
Licence: CC BY-NC 4.0.
Obtain: Zenodo record 10519652, ``dermamnist.npz`` or ``dermamnist_64.npz``, ``_128``, ``_224``.
"""

from __future__ import annotations

import hashlib
import re
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
from PIL import Image

from dermbench.artifacts.columns import SPLITS
from dermbench.artifacts.guarded import open_plain
from dermbench.artifacts.hashing import BLOCK
from dermbench.artifacts.manifest import IMAGES
from dermbench.data.arrays import read_arrays
from dermbench.data.index import scan
from dermbench.data.inspect import on_threads
from dermbench.data.made_images import made_images
from dermbench.data.release_table import DEPTH
from dermbench.data.source import SOURCES, Release
from dermbench.errors import UsageError, name_some

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from dermbench.data.arrays import Arrays
    from dermbench.data.source import Request

MD5 = {28: "0744692d", 64: "b70a2f56", 128: "2defd784", 224: "8974907d"}
"""First eight digits of the MD5 sum of the file of each size, in pixels."""
USUAL = 28
NAMES = {("dermamnist.npz" if size == USUAL else f"dermamnist_{size}.npz"): size for size in MD5}
OURS = re.compile(r"(?:train|val|test)-\d{5}\.png")
LEAKY = (
    "The official split is kept. It ignores lesions: photographs of one lesion of HAM10000 can be in train and in "
    "test, and the file has no lesion ids to check this. Results on test can be too good."
)
CONVENTION = (
    "Melanoma, basal cell carcinoma and actinic keratoses with intraepithelial carcinoma count as malignant, as "
    "in ham10000. This is a convention: an actinic keratosis can become a carcinoma but is not one."
)


@SOURCES.register("dermamnist")
def dermamnist(request: Request) -> Release:
    """Read the arrays and write each image into ``request.out/images``, as PNG.

    ``root`` is the ``.npz`` file, or a folder that has it. Options: ``size``, in pixels, where there are several.
    """
    options = request.known("size")
    path = _file(request, options.get("size"))
    arrays = read_arrays(path, len(request.task.classes), NAMES.get(path.name.lower()))
    begins = _md5(path)[:8]
    table = _table(arrays, request.task.classes)
    _write(request, arrays)
    differs = begins != MD5.get(arrays.size)
    notes = [f"{path.name} is not the file of the release: its MD5 sum begins with {begins}."] if differs else []
    variant = [f"size={arrays.size}"] if arrays.size != USUAL else []
    return Release(
        table=table,
        image_root=request.out.resolve(),
        classes=request.task.classes,
        options={"size": arrays.size},
        interpreted=(*notes, LEAKY, CONVENTION),
        variant=(*variant, *([f"md5={begins}"] if differs else [])),
    )


def _file(request: Request, size: str | None) -> Path:
    if size is not None and size not in map(str, MD5):
        raise UsageError(f"--set size={size}: write {', '.join(map(str, MD5))}")
    root = request.raw()
    if not root.is_dir():
        return root
    index = scan(root, skip=request.out)
    found = {name: path for name in NAMES if (path := index.named(name, depth=DEPTH)) is not None}
    if size is not None:
        found = {name: path for name, path in found.items() if NAMES[name] == int(size)}
    if not found:
        wanted = " or ".join(name for name in NAMES if size is None or NAMES[name] == int(size))
        raise UsageError(f"{root}: no {wanted} there or up to {DEPTH} folders down", remedy=request.task.where)
    if len(found) > 1:
        raise UsageError(f"{root}: has {name_some(found)}", remedy="Choose one with --set size=PIXELS.")
    return next(iter(found.values()))


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with open_plain(path) as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _table(arrays: Arrays, classes: tuple[str, ...]) -> pd.DataFrame:
    labels = [classes[number] for split in SPLITS for number in arrays.labels[split]]
    ids = [_image_id(split, number) for split in SPLITS for number in range(len(arrays.labels[split]))]
    return pd.DataFrame(
        {
            "image_id": pd.array(ids, dtype="string"),
            "path": pd.array([f"{IMAGES}/{name}.png" for name in ids], dtype="string"),
            "label": pd.array(labels, dtype="string"),
            "split": pd.array([name.split("-")[0] for name in ids], dtype="string"),
            "modality": "dermoscopic",
        }
    )


def _image_id(split: str, number: int) -> str:
    return f"{split}-{number:05d}"


def _write(request: Request, arrays: Arrays) -> None:
    with made_images(request.out, OURS, request.task.source) as folder:
        for split in SPLITS:
            images = arrays.images(split)
            write = partial(_write_one, folder, split, images)
            on_threads(write, range(len(images)), workers=request.workers, title=f"writing {split}")


def _write_one(folder: Path, split: str, images: NDArray[np.uint8], number: int) -> None:
    Image.fromarray(images[number]).save(folder / f"{_image_id(split, number)}.png")
