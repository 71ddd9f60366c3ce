"""Facts about a dataset for its export: counts, skin types, licence, and known defects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dermbench.artifacts.columns import SPLITS, UNITS
from dermbench.artifacts.duplicates import dataset_duplicates
from dermbench.artifacts.skin import BANDS, FST_NAMES, UNKNOWN, fst_name
from dermbench.data.counts import UNIT_NAMES, crossing, lacking
from dermbench.tasks import load_task, task_names

if TYPE_CHECKING:
    import pandas as pd

    from dermbench.artifacts.manifest import Dataset

LICENCES = {
    "CC BY 4.0": ("cc-by-4.0", "https://creativecommons.org/licenses/by/4.0/"),
    "CC BY-NC 4.0": ("cc-by-nc-4.0", "https://creativecommons.org/licenses/by-nc/4.0/"),
    "CC BY-NC-SA 3.0": ("cc-by-nc-sa-3.0", "https://creativecommons.org/licenses/by-nc-sa/3.0/"),
    "CC BY-SA 4.0": ("cc-by-sa-4.0", "https://creativecommons.org/licenses/by-sa/4.0/"),
    "CC0 1.0": ("cc0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "MIT": ("mit", "https://opensource.org/license/mit"),
}
"""Licences with an identifier on dataset hubs: the identifier, and the address of the text."""


@dataclass(frozen=True)
class Row:
    """A row of a table: its name, and numbers of images."""

    name: str
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Counts:
    """A table of numbers of images.

    Attributes
    ----------
    of
        What the rows are.
    columns, rows
        Names of the columns, and the rows; the last row is the sum.
    n_groups
        Number of leading columns that are groups with a known value.
    """

    of: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    n_groups: int


def licence_id(licence: str) -> str | None:
    """Return the identifier of a licence on dataset hubs, None where there is none."""
    return LICENCES[licence][0] if licence in LICENCES else None


def licence_url(licence: str) -> str:
    """Return the address of a licence's text, or the licence as stated if it has none."""
    return LICENCES[licence][1] if licence in LICENCES else licence


def homepage(dataset: Dataset) -> str:
    """Return the address of the release's page, empty if unknown."""
    name = dataset.info.task.split("+")[0]
    return load_task(name).homepage if name in task_names() else ""


def counts_of_splits(dataset: Dataset) -> Counts:
    """Count images by class and split."""
    rows = dataset.manifest
    return _table("class", rows["label"], dataset.classes, rows["split"], SPLITS)


def class_tones(dataset: Dataset) -> Counts | None:
    """Count images by class and skin type, or band of types; None when no type is known."""
    known = tones(dataset)
    if known is None:
        return None
    names, groups = known
    return _table("class", dataset.manifest["label"], dataset.classes, groups, names)


def split_tones(dataset: Dataset) -> Counts | None:
    """Count images by split and skin type, or band of types; None when no type is known."""
    known = tones(dataset)
    if known is None:
        return None
    names, groups = known
    return _table("split", dataset.manifest["split"], SPLITS, groups, names)


def tones(dataset: Dataset) -> tuple[tuple[str, ...], pd.Series] | None:
    """Return the skin types or bands that occur, and that of each image; None when none is known."""
    rows = dataset.manifest
    if "fst" in rows and rows["fst"].notna().any():
        return FST_NAMES, fst_name(rows["fst"])
    if "fst_band" in rows and rows["fst_band"].notna().any():
        return BANDS, rows["fst_band"].fillna(UNKNOWN)
    return None


def tone_sentence(dataset: Dataset) -> str:
    """Say how many images of each skin type there are."""
    known = tones(dataset)
    total = len(dataset.manifest)
    if known is None:
        return f"Fitzpatrick skin type is known for none of the {total:,} images."
    names, groups = known
    counts = groups.value_counts()
    shown = ", ".join(f"{name} {int(counts.get(name, 0)):,}" for name in names)
    lost = int(counts.get(UNKNOWN, 0))
    return f"Images by Fitzpatrick skin type: {shown}, unknown {lost:,} of {total:,}."


def defects(dataset: Dataset) -> list[str]:
    """Return sentences about known defects and missing values."""
    rows = dataset.manifest
    notes = [f"{n:,} of the release left out: {reason}." for reason, n in dataset.info.left_out.items()]
    known = tones(dataset)
    if known is None:
        notes.append("The skin type of no image is known.")
    elif lost := int((known[1] == UNKNOWN).sum()):
        notes.append(f"The skin type of {lost:,} of {len(rows):,} images is unknown.")
    notes += [f"{text}." for text in lacking(rows, dataset.classes)]
    for name in UNITS:
        if name in rows:
            notes += _crossing(rows["split"], rows[name], UNIT_NAMES[name])
    return [*notes, *_duplicates(dataset)]


def reading(dataset: Dataset) -> list[str]:
    """Return sentences about how the release was read."""
    return list(dataset.info.interpreted)


def _duplicates(dataset: Dataset) -> list[str]:
    """Say what ``data audit`` found, or that it was not run."""
    found = dataset_duplicates(dataset)
    if found is None:
        return ["Near-duplicates were not looked for (dermbench data audit DATASET --write-groups does)."]
    groups = dataset.manifest["image_id"].map(found.group_of())
    notes = _crossing(dataset.manifest["split"], groups, "groups of near-duplicates")
    return notes or ["Near-duplicates were looked for; none is in two splits."]


def _crossing(splits: pd.Series, units: pd.Series, what: str) -> list[str]:
    found = crossing(splits, units, what)
    return [f"{found} are in more than one split."] if found else []


def _table(
    of: str, values: pd.Series, names: tuple[str, ...], groups: pd.Series, columns: tuple[str, ...]
) -> Counts:
    """Count images by two columns; groups outside ``columns`` count as unknown."""
    counts = groups.groupby([values, groups]).size().to_dict()
    every = (*columns, UNKNOWN) if groups.eq(UNKNOWN).any() else columns
    rows = []
    for name in names:
        numbers = [int(counts.get((name, group), 0)) for group in every]
        rows.append(Row(name, (*numbers, sum(numbers))))
    total = Row("all", tuple(sum(column) for column in zip(*(row.numbers for row in rows), strict=True)))
    return Counts(of, (*every, "all"), (*rows, total), len(columns))
