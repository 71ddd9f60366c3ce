"""Show that missing image files do not move other images to another split.

    python benchmarks/missing_files.py TASK --root RAW [--drawn] [--set key=value ...]

The release is prepared as it is, and with 1, 50 and 500 image files removed from a copy. ``--drawn`` draws a tiny
image for each row of the table, for a release without its images.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from dermbench.cli.output import say
from dermbench.data import prepare
from dermbench.data.source import Request
from dermbench.data.sources import load_source
from dermbench.tasks import load_task

LOST = (1, 50, 500)


def main() -> None:
    """Prepare the release four times and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--drawn", action="store_true")
    parser.add_argument("--set", nargs="*", default=[], help="options of the source")
    options = parser.parse_args()
    settings = dict(text.split("=", 1) for text in options.set)
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw"
        shutil.copytree(
            options.root, raw, copy_function=os.link if same_disk(options.root, folder) else shutil.copy
        )
        if options.drawn:
            draw(options.task, raw, settings)
        whole = splits(options.task, raw, Path(folder) / "whole", settings)
        say(f"{options.task}: {len(whole):,} images with all files")
        files = sorted(p for p in raw.rglob("*") if p.suffix in {".jpg", ".png"})
        random.Random(0).shuffle(files)
        for lost in LOST:
            for file in files[:lost]:
                file.unlink(missing_ok=True)
            part = splits(options.task, raw, Path(folder) / f"without-{lost}", settings)
            moved = int((part != whole.reindex(part.index)).sum())
            say(f"{lost} files removed: {len(part):,} images, {moved} of them in another split")


def same_disk(one: Path, other: str) -> bool:
    """Return whether hard links between two folders are possible."""
    return one.stat().st_dev == Path(other).stat().st_dev


def draw(task: str, raw: Path, settings: dict[str, str]) -> None:
    """Write a tiny, unique image for each row of the release's table."""
    definition = load_task(task)
    request = Request(definition, raw, raw.parent / "unused", {**definition.settings, **settings})
    ids = load_source(definition.source)(request).table["image_id"]
    for number, image in enumerate(ids):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(raw / f"{image}.png")


def splits(task: str, raw: Path, out: Path, settings: dict[str, str]):
    """Prepare the release and return the split of each image."""
    made = prepare(task, root=raw, out=out, allow_missing=True, options=settings)
    return made.manifest.set_index("image_id")["split"]


if __name__ == "__main__":
    main()
