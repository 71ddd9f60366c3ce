"""Sentences about the images, splits and skin types of a dataset folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from pandas.api.types import is_numeric_dtype

from dermbench.artifacts.columns import SPLITS, UNITS
from dermbench.artifacts.duplicates import dataset_duplicates
from dermbench.artifacts.skin import BANDS, FST_NAMES, UNKNOWN, fst_name
from dermbench.artifacts.wording import counted, enumerated

if TYPE_CHECKING:
    from dermbench.artifacts.manifest import Dataset

UNIT_NAMES = {"patient_id": "patient", "lesion_id": "lesion", "duplicate_group": "duplicate group"}
DEMOGRAPHY = ("sex", "age", "site")
"""Columns that describe patients, besides the skin type."""
MOST = 8
"""Maximum number of values of a column that are counted one by one."""


def source(dataset: Dataset) -> list[str]:
    """Return what the data are and where they come from."""
    info = dataset.info
    said = [f"Dataset {info.title or info.task} (task {info.task}, source {info.source})."]
    said += [f"Citation: {info.citation}."] if info.citation else []
    return [*said, f"Licence of the data: {info.licence}."]


def left_out(dataset: Dataset) -> list[str]:
    """Return which images of the release were left out of the dataset."""
    return [f"{n:,} of the release left out: {reason}." for reason, n in dataset.info.left_out.items()]


def sizes(dataset: Dataset) -> list[str]:
    """Return the numbers of images and units per split."""
    rows = dataset.manifest
    parts = [f"{split} {int((rows['split'] == split).sum()):,}" for split in SPLITS]
    said = [f"Images: {', '.join(parts)}; {len(rows):,} in all, in {counted(len(dataset.classes), 'class')}."]
    for name in UNITS[:2]:
        if name in rows and rows[name].notna().any():
            units = [f"{split} {rows.loc[rows['split'] == split, name].nunique():,}" for split in SPLITS]
            said.append(f"{UNIT_NAMES[name].capitalize()}s: {', '.join(units)}.")
    return said


def partition(dataset: Dataset) -> list[str]:
    """Return how images were assigned to splits, and the resulting shares."""
    told, rows = dataset.info.split, dataset.manifest
    shares = [f"{split} {100 * float((rows['split'] == split).mean()):.0f} %" for split in SPLITS]
    said = [f"Splits: {told.get('scheme', 'by a scheme that is not recorded')}; shares {', '.join(shares)}."]
    if "unit" in told:
        said.append(f"Unit that stays in one split: {told['unit']}.")
    return [*said, f"Seed of the split: {told['seed']}."] if "seed" in told else said


def crossing(dataset: Dataset) -> tuple[list[str], bool]:
    """Return which ids occur in several splits, and whether the splits are known to be disjoint.

    Returns
    -------
    list of str
        The sentences.
    bool
        True if every image has a patient id, and no patient and no known group of near-duplicates is in several
        splits.
    """
    rows, said = dataset.manifest, []
    for name in UNITS:
        if name not in rows or not rows[name].notna().any():
            continue
        n, total = _crossing(rows["split"], rows[name]), rows[name].nunique()
        said.append(f"Known by {name}, {n:,} of {counted(total, UNIT_NAMES[name])} have images in several splits.")
    patients = rows["patient_id"] if "patient_id" in rows else pd.Series(dtype="string")
    apart = len(patients) > 0 and bool(patients.notna().all()) and _crossing(rows["split"], patients) == 0
    if not patients.notna().any():
        said.append("The data hold no patient ids, so that images of one patient may be in several splits.")
    elif not patients.notna().all():
        said.append(f"{int(patients.isna().sum()):,} images have no patient id.")
    text, n_groups = _duplicates(dataset)
    return [*said, text], apart and not n_groups


def _crossing(splits: pd.Series, units: pd.Series) -> int:
    known = units.notna()
    found = pd.DataFrame({"split": splits[known], "unit": units[known]}).drop_duplicates()
    return int((found["unit"].value_counts() > 1).sum())


def _duplicates(dataset: Dataset) -> tuple[str, int]:
    found = dataset_duplicates(dataset)
    if found is None:
        return "Near-duplicate photographs across splits were not looked for.", 0
    groups = dataset.manifest["image_id"].map(found.group_of())
    n = _crossing(dataset.manifest["split"], groups)
    return f"Groups of near-duplicate photographs with images in several splits: {n:,}.", n


def characteristics(dataset: Dataset) -> list[str]:
    """Return the distribution of skin type, sex, age and body site in each split."""
    rows = dataset.manifest
    said = []
    for split in SPLITS:
        part = rows[rows["split"] == split]
        if len(part):
            found = [_tones(part), *(_spread(part, name) for name in DEMOGRAPHY)]
            said.append(f"{split} ({len(part):,} images): {'; '.join(text for text in found if text)}.")
    return said


def lacking(dataset: Dataset) -> list[str]:
    """Return what the data do not record about patients."""
    rows = dataset.manifest
    known = [name for name in DEMOGRAPHY if name in rows and rows[name].notna().any()]
    absent = [name for name in DEMOGRAPHY if name not in known]
    return [f"The data do not record {enumerated(absent)}."] if absent else []


def _tones(part: pd.DataFrame) -> str:
    if "fst" in part and part["fst"].notna().any():
        return "skin type " + _counts(fst_name(part["fst"]), FST_NAMES)
    if "fst_band" in part and part["fst_band"].notna().any():
        return "skin type " + _counts(part["fst_band"].fillna(UNKNOWN), BANDS)
    return "no skin type known"


def _counts(values: pd.Series, order: tuple[str, ...]) -> str:
    counts = values.value_counts()
    return ", ".join(f"{name} {int(counts.get(name, 0)):,}" for name in (*order, UNKNOWN))


def _spread(part: pd.DataFrame, name: str) -> str:
    if name not in part or not part[name].notna().any():
        return ""
    values = part[name].dropna()
    missing = len(part) - len(values)
    if is_numeric_dtype(values):
        middle = f"median {values.median():g}, {values.min():g} to {values.max():g}"
        return f"{name} {middle}, unknown {missing:,}"
    counts = values.astype("string").value_counts()
    if len(counts) > MOST:
        return f"{name} of {len(counts):,} kinds, unknown {missing:,}"
    shown = ", ".join(f"{value} {int(n):,}" for value, n in sorted(counts.items()))
    return f"{name} {shown}, unknown {missing:,}"


def classes(dataset: Dataset, split: str) -> list[str]:
    """Return the numbers of images per class in a split, for the :data:`MOST` most frequent classes."""
    counts = dataset.part(split)["label"].value_counts()
    order = sorted(dataset.classes, key=lambda name: -int(counts.get(name, 0)))
    shown = ", ".join(f"{name} {int(counts.get(name, 0)):,}" for name in order[:MOST])
    more = len(order) - MOST
    return [f"{split}: {shown}" + (f" and {more:,} rarer classes." if more > 0 else ".")]
