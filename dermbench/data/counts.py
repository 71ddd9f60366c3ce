"""Compare counts of a release with the published ones, and name classes and types that splits lack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.columns import SPLITS
from dermbench.artifacts.skin import fst_name
from dermbench.artifacts.wording import counted
from dermbench.errors import name_some

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

    from dermbench.data.source import Release
    from dermbench.tasks import Task

UNIT_NAMES = {"patient_id": "patients", "lesion_id": "lesions", "duplicate_group": "groups of duplicates"}
TONES = ("I", "II", "III", "IV", "V", "VI")


def differences(table: pd.DataFrame, task: Task, release: Release) -> list[str]:
    """Name the counts in which a release's whole table differs from the published ones.

    Empty when the user asked for a variant of the task.
    """
    if release.variant:
        return []
    found = {**_of_splits(table, task), "all": len(table)}
    notes = _differing("images", task.images, found)
    if task.fst and "fst" in table:
        tones = fst_name(table["fst"]).value_counts()
        found = {name: int(tones.get(name, 0)) for name in (*TONES, "unknown")}
        notes += _differing("images of skin type", task.fst, found)
    if task.bands and "fst_band" in table:
        bands = {str(name): int(n) for name, n in table["fst_band"].value_counts().items()}
        notes += _differing("images of skin types", task.bands, dict.fromkeys(task.bands, 0) | bands)
    return [f"the release is not as {task.name} was published: {'; '.join(notes)}"] if notes else []


def lacking(rows: pd.DataFrame, classes: Iterable[str]) -> list[str]:
    """Name the classes and skin types that the dataset has but a split lacks."""
    notes = []
    for split in SPLITS:
        part = rows[rows["split"] == split]
        if part.empty:
            continue
        lost = [name for name in classes if name not in set(part["label"])]
        tones: list[str] = []
        if "fst" in rows:
            here = set(fst_name(part["fst"]))
            everywhere = set(fst_name(rows["fst"]))
            tones = [name for name in TONES if name in everywhere and name not in here]
        words = [f"of {counted(len(lost), 'class')} ({name_some(lost)})"] if lost else []
        words += [f"of skin type {' or '.join(tones)}"] if tones else []
        if words:
            notes.append(f"{split} has no image {' and none '.join(words)}")
    return notes


def crossing(splits: pd.Series, units: pd.Series, what: str) -> str:
    """Count units with images in several splits: ``5 patients (12 images)``; empty for none.

    Parameters
    ----------
    splits, units
        Split and unit of each image; images without a unit are not counted.
    what
        What the units are, in the plural.
    """
    known = units.notna()
    crosses = splits[known].groupby(units[known]).transform("nunique") > 1
    if not crosses.any():
        return ""
    return f"{units[known][crosses].nunique():,} {what} ({int(crosses.sum()):,} images)"


def _of_splits(table: pd.DataFrame, task: Task) -> dict[str, int]:
    if "split" not in table:
        return {}
    return {name: int((table["split"] == name).sum()) for name in SPLITS if name in task.images}


def _differing(what: str, expected: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    return [
        f"{found[name]:,} {what}{_named(name)} instead of {n:,}"
        for name, n in expected.items()
        if name in found and found[name] != n
    ]


def _named(name: str) -> str:
    if name == "all":
        return ""
    return f" in {name}" if name in SPLITS else f" {name}"
