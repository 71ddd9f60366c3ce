"""Diverse Dermatology Images 2 (DDI-2).

Input: 665 clinical photographs of biopsied lesions of Asian patients, named ``photo_id`` and a suffix.
Label: malignant or benign by biopsy; or one of 170 general diagnoses.
Metadata: patient (550), Fitzpatrick skin type (2 to 5; "3, 4" for 169 images is unknown, with its band and text),
site, sex, race and ethnicity, language.
Publication: Stanford AIMI.
Licence: Stanford's research use agreement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.labels import spellings
from dermbench.data.reading import at_least_one, choice, id_problems, match_classes, refuse, with_skin_type
from dermbench.data.release_table import open_table
from dermbench.data.source import SOURCES, Release
from dermbench.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from dermbench.data.source import Request

TABLE = ("final_DDI2_Asian_spreadsheet.xlsx", "final_DDI2_Asian_spreadsheet.csv")
COLUMNS = (
    "deidentified_patient_id",
    "photo_id",
    "fitzpatrick_skin_type",
    "anatomical_site_general",
    "diagnosis_general",
    "benign/malignant",
    "sex",
)
NAMES = {
    "photo_id": "image_id",
    "deidentified_patient_id": "patient_id",
    "anatomical_site_general": "site",
    "benign/malignant": "malignancy",
}
LABELS = ("malignant", "diagnosis_general")
MIN_IMAGES = 10


@SOURCES.register("ddi-2")
def ddi_2(request: Request) -> Release:
    """Read the release: its spreadsheet in ``root`` or up to two folders down, images anywhere below.

    Options
    -------
    images
        Folder of the photographs, ``root`` by default.
    label
        ``malignant`` (default) or ``diagnosis_general``.
    min_images
        With ``label=diagnosis_general``: images that a diagnosis needs to be a class, 10 by default; images of
        other diagnoses are left out and counted.
    """
    options = request.known("images", "label", "min_images")
    label = choice(options, "label", LABELS)
    if "min_images" in options and label == LABELS[0]:
        raise UsageError("--set min_images is for --set label=diagnosis_general")
    found = open_table(request, TABLE, COLUMNS, ids="photo_id")
    table, problems = _columns(found.raw, request)
    if label == LABELS[0]:
        refuse(found.path, problems, classes=request.task.classes, task=request.task)
        table["label"] = table["malignancy"]
        table["path"] = found.files.locate(table["image_id"])
        return Release(table, found.files.root, request.task.classes, options={**options})
    minimum = at_least_one(options, "min_images", MIN_IMAGES)
    refuse(found.path, problems, classes=(), task=request.task)
    table["diagnosis_general"], notes = _one_spelling(table["diagnosis_general"])
    counts = table["diagnosis_general"].value_counts()
    classes = tuple(sorted(counts.index[counts >= minimum]))
    kept = table["diagnosis_general"].isin(classes)
    table = table[kept].reset_index(drop=True).rename(columns={"diagnosis_general": "label"})
    table["path"] = found.files.locate(table["image_id"])
    return Release(
        table,
        found.files.root,
        classes,
        left_out={f"image of a diagnosis with fewer than {minimum} images": int((~kept).sum())},
        options={**options},
        interpreted=notes,
        variant=(f"label={label}", f"min_images={minimum}"),
    )


def _one_spelling(diagnoses: pd.Series) -> tuple[pd.Series, tuple[str, ...]]:
    """Give diagnoses that differ only in spelling the most frequent spelling; say which."""
    counts = diagnoses.value_counts()
    groups = [group for group in spellings(counts.index) if len(group) > 1]
    chosen = {name: max(group, key=lambda n: (counts[n], n)) for group in groups for name in group}
    notes = [f"{', '.join(map(repr, group))} are read as {chosen[group[0]]!r}." for group in groups]
    return diagnoses.replace(chosen), tuple(notes)


def _columns(raw: pd.DataFrame, request: Request) -> tuple[pd.DataFrame, list[str]]:
    """Return the columns under standard names, and their problems."""
    problems = id_problems(raw["photo_id"], "photo_id")
    table = raw.rename(columns=NAMES)
    table["malignancy"], wrong = match_classes(table["malignancy"], request.task, request.task.classes)
    table = with_skin_type(table, "fst", table["fitzpatrick_skin_type"]).drop(columns="fitzpatrick_skin_type")
    table["sex"] = table["sex"].str.lower()
    return table.assign(modality="clinical"), [*problems, *wrong]
