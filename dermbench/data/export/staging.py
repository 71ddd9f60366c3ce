"""Put an export in place: files of others stay, and an incomplete export has no table."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from dermbench.artifacts.columns import SPLITS
from dermbench.data.export.tree import FILE_NAME, METADATA, OF_SPLIT
from dermbench.errors import UsageError, name_some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dermbench.data.export.tree import Tree

CROISSANT = "croissant.json"
RECORDS = "records.parquet"
"""Table that the format ``croissant`` adds to the images."""
IMAGE_FILE = "image_file"
"""Column of the records that joins them to the files."""
ORDER = {RECORDS: 1, METADATA: 2, CROISSANT: 3}
"""Order of tables and documents after the folders of images: each shows that what comes before it is complete."""


def refuse_others(out: Path, tree: Tree) -> None:
    """Refuse to replace folders and tables with content that the export does not write.

    Raises
    ------
    UsageError
        When there are any.
    """
    planned = {*tree.table[FILE_NAME], *(f"{split}/{OF_SPLIT}" for split in SPLITS)}
    others = []
    for split in SPLITS:
        top = out / split
        if top.is_symlink() or (top.exists() and not top.is_dir()):
            others.append(split)
        others += [
            path.relative_to(out).as_posix()
            for path in sorted(top.rglob("*"))
            if path.is_symlink() or (not path.is_dir() and path.relative_to(out).as_posix() not in planned)
        ]
    if others:
        raise UsageError(
            f"{out}: would be replaced, but holds files that this export does not write: {name_some(others)}",
            remedy="Choose another --out, or move these files away.",
        )
    _refuse_other_table(out / METADATA)


def refuse_other_records(path: Path) -> None:
    """Refuse to replace a ``records.parquet`` that no export wrote.

    Raises
    ------
    UsageError
        When there is one.
    """
    if not path.exists() and not path.is_symlink():
        return
    names: list[str] = []
    if path.is_file() and not path.is_symlink():
        with suppress(pa.ArrowException, OSError):
            names = pq.read_schema(path, memory_map=False).names
    if names[:2] != [FILE_NAME, IMAGE_FILE]:
        problem = f"{path}: exists and is not a table of an export"
        raise UsageError(problem, remedy="Choose another --out, or move it away.")


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """Yield an empty folder in ``out``; when the block succeeds, its content moves to ``out``.

    Older tables and documents are removed first and new ones moved last, so that a tree that a crash leaves
    incomplete has none.

    Raises
    ------
    UsageError
        When ``out`` cannot be written to.
    """
    try:
        stage = Path(tempfile.mkdtemp(dir=out, prefix=".export-"))
    except OSError as error:
        raise UsageError(f"{out}: cannot write there ({error.strerror})") from error
    new, old = stage / "new", stage / "old"
    try:
        new.mkdir()
        old.mkdir()
        yield new
        made = sorted(new.iterdir(), key=lambda path: (ORDER.get(path.name, 0), path.name))
        gone = {name for name in SPLITS if (out / name).is_dir() and (new / METADATA).exists()}
        for name in [*(path.name for path in reversed(made)), *sorted(gone - {path.name for path in made})]:
            if (out / name).exists() or (out / name).is_symlink():
                (out / name).rename(old / name)
        for path in made:
            path.rename(out / path.name)
    except OSError as error:
        raise UsageError(f"{out}: cannot write ({error.strerror or error})") from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _refuse_other_table(path: Path) -> None:
    if not path.exists() and not path.is_symlink():
        return
    header = b""
    if path.is_file() and not path.is_symlink():
        with path.open("rb") as file:
            header = file.readline(1 << 16)
    if not header.startswith(f"{FILE_NAME},".encode()) or b",sha256" not in header:
        problem = f"{path}: exists and is not a table of an export"
        raise UsageError(problem, remedy="Choose another --out, or move it away.")
