"""Write a dataset as folders ``<split>/<label>/<file>`` with tables of metadata, for image loaders."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from dermbench.artifacts.columns import SPLITS
from dermbench.artifacts.guarded import check_plain
from dermbench.artifacts.hashing import file_digest
from dermbench.artifacts.skin import UNKNOWN_SPELLINGS
from dermbench.artifacts.tables import write_table
from dermbench.data.export.names import safe_names
from dermbench.data.index import stem_of
from dermbench.data.inspect import on_threads
from dermbench.errors import DermbenchError, InputError, name_some

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    import pandas as pd

    from dermbench.artifacts.manifest import Dataset

METADATA = "metadata.csv"
"""Table of all images."""
OF_SPLIT = "metadata.parquet"
"""Table of a split, in its folder. Parquet, because loaders guess the types of CSV columns for each split anew."""
FILE_NAME = "file_name"
FIRST = (FILE_NAME, "image_id", "label", "split")
"""First columns of a table."""
TAKEN = frozenset({FILE_NAME, "file_names", "image", "images"})
"""Columns of ``metadata.csv`` with a special meaning to loaders."""


@dataclass(frozen=True)
class Tree:
    """Plan of the files of an export.

    Attributes
    ----------
    table
        The manifest without ``path``, with ``file_name`` first: ``<split>/<label>/<file>``.
    said
        Sentences about labels, ids and columns that are renamed.
    """

    table: pd.DataFrame
    said: tuple[str, ...]

    @property
    def splits(self) -> tuple[str, ...]:
        """Splits that have images."""
        present = set(self.table["split"])
        return tuple(name for name in SPLITS if name in present)


def plan_tree(dataset: Dataset) -> Tree:
    """Choose a folder for each label and a file name for each image."""
    rows = dataset.manifest
    folders = safe_names(map(str, dataset.classes))
    stems = _stems(list(map(str, rows["image_id"])))
    names = safe_names(stems.values())
    suffixes = [PurePosixPath(path).suffix.lower() for path in rows["path"]]
    files = [
        f"{split}/{folders[str(label)]}/{names[stems[str(image)]]}{suffix}"
        for split, label, image, suffix in zip(
            rows["split"], rows["label"], rows["image_id"], suffixes, strict=True
        )
    ]
    columns = {str(name): _free(str(name), list(map(str, rows.columns))) for name in rows.columns}
    table = rows.drop(columns="path").rename(columns=columns)
    table.insert(0, FILE_NAME, files)
    table = table[[*FIRST, *(name for name in table if name not in FIRST)]]
    named = (("labels as folders", folders), ("ids as files", names), ("columns", columns))
    said = [text for what, found in named for text in _renamed(what, found)]
    return Tree(table, (*said, *_read_as_missing(dataset.classes)))


def write_tree(dataset: Dataset, tree: Tree, folder: Path) -> None:
    """Write every image and the tables into an empty folder.

    Images are hard links where the file system supports them, else copies; they are never symbolic links.
    There is one table of all images in ``folder``, and one of each split in the split's folder.

    Raises
    ------
    InputError
        When images are missing or have changed since they were prepared.
    """
    places = [folder / name for name in tree.table[FILE_NAME]]
    for parent in sorted({place.parent for place in places}):
        parent.mkdir(parents=True)
    jobs = list(zip(dataset.paths(dataset.manifest), dataset.manifest["sha256"], places, strict=True))
    problems = [text for text in on_threads(_put, jobs, title="exporting") if text]
    if problems:
        shown = [*problems[:20], *([f"and {len(problems) - 20:,} more"] if len(problems) > 20 else [])]
        raise InputError(
            dataset.image_root,
            [f"{len(problems):,} of {len(jobs):,} images are not as they were prepared", *shown],
            remedy=f"Look at them with: dermbench data check {dataset.root}",
        )
    for split in tree.splits:
        part = tree.table[tree.table["split"] == split]
        part = part.assign(**{FILE_NAME: part[FILE_NAME].str.removeprefix(f"{split}/")})
        write_table(folder / split / OF_SPLIT, part)
    write_table(folder / METADATA, tree.table)


def _put(job: tuple[Path, str, Path]) -> str:
    """Link or copy one image; return what is wrong with it."""
    source, digest, place = job
    try:
        check_plain(source)
        try:
            os.link(source, place, follow_symlinks=False)
        except OSError:  # another file system, or one without hard links
            shutil.copyfile(source, place)
        found = file_digest(place)
    except (DermbenchError, OSError) as error:
        return str(error)
    return "" if found == digest else f"{source}: has changed since it was prepared"


def _stems(ids: list[str]) -> dict[str, str]:
    """Return each id without the suffix of an image, if all remain different."""
    stems = {name: stem_of(name) for name in ids}
    return stems if len(set(stems.values())) == len(stems) else {name: name for name in ids}


def _free(name: str, names: list[str]) -> str:
    """Return a name for a column that has no special meaning to loaders."""
    if name not in TAKEN and not name.endswith(("_file_name", "_file_names")):
        return name
    return free_name(f"{name}_column", names)


def free_name(name: str, names: Collection[str]) -> str:
    """Return ``name``, with underscores appended until it is not among ``names``."""
    while name in names:
        name += "_"
    return name


def _read_as_missing(classes: Sequence[str]) -> list[str]:
    found = [name for name in classes if name.strip().lower() in UNKNOWN_SPELLINGS]
    if not found:
        return []
    names = name_some(found)
    return [f"Programs that read {METADATA} may take {names} for a missing label; the parquet tables keep it."]


def _renamed(what: str, names: dict[str, str]) -> list[str]:
    changed = {old: new for old, new in names.items() if old != new}
    if not changed:
        return []
    shown = ", ".join(f"{old!r} is {new!r}" for old, new in list(changed.items())[:5])
    more = f" and {len(changed) - 5:,} more" if len(changed) > 5 else ""
    return [f"{len(changed):,} {what} have another name: {shown}{more}."]
