"""``audit``: what in a dataset would make its numbers wrong: duplicates, leakage, conflicting labels and tones.

Definitions. *Exact duplicates* are images with equal bytes; *near-duplicates* look the same
(:func:`dermbench.data.audit.find_pairs`); verified pairs are joined to groups in a chain. A *leak* is a patient,
lesion, duplicate group of the release, or group of duplicates with images in more than one split. A *label
conflict* is a group of duplicates, or a lesion, with more than one label; a *tone conflict* is a group of
duplicates, a lesion or a patient with more than one known skin type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dermbench.artifacts.columns import UNITS
from dermbench.artifacts.files import write_json
from dermbench.artifacts.manifest import Dataset, read_dataset
from dermbench.artifacts.outputs import sole_writer_of
from dermbench.artifacts.tables import write_table
from dermbench.data.audit.pairs import EXACT, Pairs, find_pairs, groups

SCHEMA = "dermbench.audit/1"
REPORT = "audit.json"
TABLE = "duplicates.csv"
DUPLICATES = "duplicates"
SHOWN = ("image_id", "path", "split", "label", "fst", *UNITS)


@dataclass(frozen=True)
class Finding:
    """Images that share something and differ where they should not.

    Attributes
    ----------
    shares
        ``patient_id``, ``lesion_id``, ``duplicate_group`` or ``duplicates``.
    group
        The id they share.
    found
        The splits, labels or skin types that differ, sorted.
    images
        Ids of the images, sorted.
    """

    shares: str
    group: str
    found: tuple[str, ...]
    images: tuple[str, ...]


@dataclass(frozen=True)
class AuditResult:
    """What an audit found.

    Attributes
    ----------
    images
        Number of images compared.
    exact, near
        Number of images that have an exact duplicate, or a near-duplicate that is no exact one.
    duplicates
        One row an image that is a duplicate: ``group``, ``kind`` (``exact`` or ``near``) and its columns.
    leaks, label_conflicts, tone_conflicts
        Findings, see the text of the module.
    about
        Task, content hash of the dataset and the settings.
    """

    images: int
    exact: int
    near: int
    duplicates: pd.DataFrame
    leaks: tuple[Finding, ...] = ()
    label_conflicts: tuple[Finding, ...] = ()
    tone_conflicts: tuple[Finding, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def leaking(self) -> bool:
        """Whether something is shared between splits."""
        return bool(self.leaks)

    def leaked_images(self) -> dict[str, int]:
        """Return how many images of each split share something with another split."""
        ids = {i for finding in self.leaks for i in finding.images}
        split = self.about["split_of"]
        counts: dict[str, int] = {}
        for image in sorted(ids):
            counts[split[image]] = counts.get(split[image], 0) + 1
        return counts


def audit(dataset: Dataset | Path | str, *, workers: int | None = None, verify: bool = True) -> AuditResult:
    """Compare every image with every other, and every split with the others.

    Parameters
    ----------
    dataset
        Dataset, or its folder.
    workers
        Number of threads; by default one for each processor.
    verify
        Whether images that look the same are confirmed by local features; without, only equal bytes count.

    Returns
    -------
    AuditResult
        Findings, in an order that depends on the content alone.

    Raises
    ------
    InputError
        When images are missing or unreadable.
    """
    if not isinstance(dataset, Dataset):
        dataset = read_dataset(dataset)
    rows = dataset.manifest
    pairs = find_pairs(dataset, verify=verify, workers=workers)
    marked = rows.assign(**{DUPLICATES: groups(pairs).reindex(rows["image_id"]).to_numpy()})
    duplicates = _table(marked, pairs)
    return AuditResult(
        images=len(rows),
        exact=int((duplicates["kind"] == "exact").sum()),
        near=int((duplicates["kind"] == "near").sum()),
        duplicates=duplicates,
        leaks=_differing(marked, "split", (*UNITS, DUPLICATES)),
        label_conflicts=_differing(marked, "label", ("lesion_id", "duplicate_group", DUPLICATES)),
        tone_conflicts=_differing(marked, "fst", (*UNITS, DUPLICATES)),
        about={
            "task": dataset.info.task,
            "dataset_digest": dataset.info.digest,
            "pairs": vars(pairs.settings),
            "split_of": dict(zip(rows["image_id"], rows["split"], strict=True)),
        },
    )


def audit_document(result: AuditResult) -> dict[str, Any]:
    """Return the content of ``audit.json``."""
    kinds = ("leaks", "label_conflicts", "tone_conflicts")
    return {
        "schema": SCHEMA,
        **{key: value for key, value in result.about.items() if key != "split_of"},
        "images": result.images,
        "exact_duplicates": result.exact,
        "near_duplicates": result.near,
        "leaking": result.leaking,
        "leaked_images": result.leaked_images(),
        **{kind: [vars(finding) for finding in getattr(result, kind)] for kind in kinds},
    }


def write_audit(folder: Path | str, result: AuditResult) -> None:
    """Write ``audit.json`` and ``duplicates.csv`` into ``folder``, atomically."""
    out = Path(folder)
    with sole_writer_of(out / REPORT, TABLE):
        write_table(out / TABLE, result.duplicates)
        write_json(out / REPORT, audit_document(result))


def _table(marked: pd.DataFrame, pairs: Pairs) -> pd.DataFrame:
    same = pairs.table[pairs.table["kind"] == EXACT]
    again = marked["image_id"].isin(pd.concat([same["first"], same["second"]]))
    shown = [name for name in SHOWN if name in marked]
    table = marked[["duplicates", *shown]].rename(columns={DUPLICATES: "group"})
    table.insert(1, "kind", np.where(again, "exact", "near"))
    return table[table["group"].notna()].sort_values(["group", "image_id"], ignore_index=True)


def _differing(rows: pd.DataFrame, column: str, shared: tuple[str, ...]) -> tuple[Finding, ...]:
    """Return every group of each column of ``shared`` in which ``column`` has more than one known value."""
    found: list[Finding] = []
    if column not in rows:
        return ()
    for name in shared:
        if name not in rows:
            continue
        given = rows[rows[name].notna() & rows[column].notna()]
        differing = given.groupby(name)[column].transform("nunique") > 1
        for group, members in given[differing].groupby(name, sort=True):
            values = tuple(sorted({str(v) for v in members[column]}))
            images = tuple(sorted(members["image_id"]))
            if not (name == DUPLICATES and any(images == known.images for known in found)):
                found.append(Finding(name, str(group), values, images))
    return tuple(found)
