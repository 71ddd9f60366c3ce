"""Write the images that a source makes: all of them, or the older folder stays."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dermbench.artifacts.manifest import IMAGES, INFO
from dermbench.errors import UsageError, name_some

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator


@contextmanager
def made_images(out: Path, ours: re.Pattern[str], maker: str) -> Iterator[Path]:
    """Yield an empty folder for images; when the block succeeds, it becomes ``out/images``.

    An older set of images is replaced as a whole, and stays after a crash. The older ``dataset.toml`` is removed
    just before the replacement: until ``prepare`` ends, the folder is not a dataset.

    Parameters
    ----------
    out
        Dataset folder.
    ours
        Names of files that may be replaced.
    maker
        Name of the source, for messages.

    Raises
    ------
    UsageError
        When ``out`` cannot be written to, or ``out/images`` holds files with other names than ``ours``.
    """
    target = out / IMAGES
    _refuse_foreign(target, ours, maker)
    try:
        out.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(dir=out, prefix=f".{IMAGES}-"))
    except OSError as error:
        raise UsageError(f"{out}: cannot write there ({error.strerror})") from error
    try:
        (stage / "new").mkdir()
        yield stage / "new"
        (out / INFO).unlink(missing_ok=True)
        if target.exists():
            target.rename(stage / "old")
        (stage / "new").rename(target)
    except OSError as error:
        raise UsageError(f"{target}: cannot write ({error.strerror or error})") from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _refuse_foreign(folder: Path, ours: re.Pattern[str], maker: str) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{folder}: is no plain folder", remedy="Choose another --out.")
    foreign = sorted(p.name for p in folder.iterdir() if not ours.fullmatch(p.name)) if folder.exists() else []
    if foreign:
        raise UsageError(
            f"{folder}: would be replaced, but holds files that {maker} did not make: {name_some(foreign)}",
            remedy="Choose another --out, or move these files away.",
        )
