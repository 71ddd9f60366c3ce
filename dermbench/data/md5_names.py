"""Find image files whose content differs from their name, in releases that name files by md5."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dermbench.artifacts.files import Inside
from dermbench.data.inspect import on_threads
from dermbench.data.reading import choice
from dermbench.errors import InputError, name_some

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from dermbench.data.source import Request

OPTION = "md5"
CHECKED, UNCHECKED = "checked", "unchecked"
BLOCK = 1 << 20


@dataclass(frozen=True)
class Md5Check:
    """Paths of the images whose content matches their name, ``<NA>`` for the others; and remarks."""

    paths: pd.Series
    remarks: tuple[str, ...]


def check_md5(request: Request, root: Path, ids: pd.Series, paths: pd.Series) -> Md5Check:
    """Compare the md5 of every existing image file with its id.

    Parameters
    ----------
    request
        Its option ``md5`` is ``checked`` (default), or ``unchecked`` for photographs that were resized or
        re-encoded. With ``allow_missing``, files that match no image of the release are left out.
    root
        Folder that ``paths`` are relative to.
    ids, paths
        Id of each image, and its file; ``<NA>`` where there is none.

    Raises
    ------
    InputError
        When a file holds another image of the release, or differs from the release and may not be left out.
    """
    if choice(request.options, OPTION, (CHECKED, UNCHECKED)) == UNCHECKED:
        return Md5Check(
            paths, (f"The md5 of the files was not compared with their names ({OPTION}={UNCHECKED}).",)
        )
    there = paths.dropna()
    files = list(map(Inside(root), there))
    md5s = on_threads(_md5, files, workers=request.workers, title="Comparing md5")
    found = dict(zip(there.index, md5s, strict=True))
    names = ids.str.lower()
    known = set(names)
    wrong = {i: md5 for i, md5 in found.items() if md5 is not None and md5 != names[i]}
    swapped = [f"{paths[i]} holds the image {md5}" for i, md5 in wrong.items() if md5 in known]
    altered = [str(paths[i]) for i, md5 in wrong.items() if md5 not in known]
    problems = []
    if swapped:
        problems.append(f"{len(swapped):,} files hold another image of the release: {name_some(swapped)}")
    if altered and not (request.allow_missing and not swapped):
        problems.append(
            f"{len(altered):,} files are not as released (their md5 is not their name): {name_some(altered)}"
        )
    if problems:
        remedy = (
            "Unpack or download these files again. Photographs that were resized or re-encoded are read with "
            f"--set {OPTION}={UNCHECKED}, which does not notice exchanged files."
        )
        raise InputError(root, problems, remedy=remedy)
    remarks = (f"left out, not as released (md5): {name_some(altered)}",) if altered else ()
    return Md5Check(paths.mask(paths.index.isin(wrong)), remarks)


def _md5(path: Path) -> str | None:
    """Return the md5 of a file; None when it cannot be read, which decoding reports later."""
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with path.open("rb") as stream:
            while block := stream.read(BLOCK):
                digest.update(block)
    except OSError:
        return None
    return digest.hexdigest()
