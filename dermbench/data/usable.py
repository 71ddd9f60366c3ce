"""Find the usable images of a release: look for each file, hash it and decode it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from dermbench.artifacts.files import Inside
from dermbench.data.audit.pairs import groups, pairs_of, require_opencv
from dermbench.data.duplicates import same_bytes, smallest_id
from dermbench.data.fingerprint_cache import take_fingerprints, write_cache
from dermbench.data.index import scan
from dermbench.data.skipped import blocking, counted, linked_folders, reasons_of, remarks
from dermbench.errors import InputError, name_some

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dermbench.data.source import Release, Request

MISSING = "missing image file"
UNREADABLE = "unreadable image file"
FOUND = "_duplicate_group"
SHOWN = 20
GO_ON = "Complete the release, or use --allow-missing, which leaves them out and counts them."


@dataclass(frozen=True)
class Usable:
    """The images of a release that can be used.

    Attributes
    ----------
    table
        Rows of the release with ``sha256`` and :data:`FOUND`, the group of images that are copies.
    image_root
        Folder that ``path`` is relative to.
    left_out
        Number of images and files that are left out, by reason.
    """

    table: pd.DataFrame
    image_root: Path
    left_out: Mapping[str, int]


def usable_images(release: Release, request: Request, *, near: bool) -> Usable:
    """Look for every image of a release, hash it and decode it; find copies.

    Parameters
    ----------
    release, request
        Result of a source, and its arguments.
    near
        Whether images of the same photograph count as copies, not only those with equal bytes.

    Raises
    ------
    InputError
        When images are missing or unreadable and may not be left out.
    """
    return _decoded(_existing(release, request), release, request, near=near)


def _existing(release: Release, request: Request) -> Usable:
    table, root = release.table, release.image_root
    lost = table["path"].isna()
    if not lost.any():
        return Usable(table, root, {**release.left_out, **counted(release.skipped)})
    names = table["image_id"][lost & ~table["image_id"].isin(release.excused)]
    skipped = scan(root, skip=request.out).skipped
    reasons = dict(zip(names, reasons_of(names, skipped, MISSING), strict=True))
    why = [*_why_missing(reasons), *remarks(linked_folders(skipped))]
    if lost.all():
        problem = f"none of the {len(table):,} images is there: {name_some(table['image_id'])}"
        raise InputError(root, [problem, *why], remedy=request.task.where)
    if reasons and not request.allow_missing:
        problem = f"{len(reasons):,} of {len(table):,} images are missing: {name_some(names)}"
        raise InputError(root, [problem, *why], remedy=GO_ON)
    excused = {image: release.excused[image] for image in table["image_id"][lost] if image in release.excused}
    left_out = {**release.left_out, **counted(release.skipped), **counted({**reasons, **excused})}
    return Usable(table[~lost].reset_index(drop=True), root, left_out)


def _why_missing(reasons: Mapping[str, str]) -> list[str]:
    """Name the images whose file was left out, and the reason."""
    return _shown([f"{image}: {why}" for image, why in reasons.items() if why != MISSING])


def _shown(problems: list[str]) -> list[str]:
    more = [f"and {len(problems) - SHOWN:,} more"] if len(problems) > SHOWN else []
    return [*problems[:SHOWN], *more]


def _decoded(found: Usable, release: Release, request: Request, *, near: bool) -> Usable:
    if near:
        require_opencv()
    paths = list(map(Inside(found.image_root), found.table["path"]))
    prints = take_fingerprints(paths, workers=request.workers)
    problems = [
        f"{path}: {problem}"
        for path, problem in zip(found.table["path"], prints.problem, strict=True)
        if problem is not None
    ]
    other = [f"{path}: {why}" for path, why in sorted(blocking(release.skipped).items())]
    broken = sorted([*problems, *other])
    if broken and (not request.allow_missing or len(problems) == len(paths)):
        remedy = f"{len(broken):,} of {len(paths) + len(other):,} images are unreadable. {GO_ON}"
        raise InputError(found.image_root, _shown(broken), remedy=remedy)
    write_cache(request.out, prints)
    ids = found.table["image_id"]
    if near:
        twins = groups(pairs_of(ids, paths, prints, verify=True, workers=request.workers)).reindex(ids).to_numpy()
    else:
        twins = smallest_id(ids, same_bytes(prints.sha256)).to_numpy()
    table = found.table.assign(
        sha256=pd.array(list(prints.sha256), dtype="string"),
        **{FOUND: pd.array(twins, dtype="string")},
    )
    left_out = dict(found.left_out) | ({UNREADABLE: len(problems)} if problems else {})
    return replace(found, table=table[prints.decoded].reset_index(drop=True), left_out=left_out)
