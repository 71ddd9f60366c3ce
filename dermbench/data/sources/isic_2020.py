"""ISIC 2020, the training images of the SIIM-ISIC melanoma challenge.

Input: 33,126 dermoscopic images, ``ISIC_<number>.jpg``.
Label: column ``target``: malignant (584, all of them melanoma) or benign.
Metadata: patient (2,056), age, sex, site, and ``diagnosis``, which is "unknown" for 27,124; no skin type.
Ids that group images: patient.
Publication: Rotemberg et al. 2021.
Licence: CC BY-NC 4.0.
Obtain: the challenge's page, or Kaggle, where the table is called ``train.csv``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.data.reading import id_problems, match_classes, refuse, rows_of, without_unknown
from dermbench.data.release_table import open_table
from dermbench.data.source import SOURCES, Release
from dermbench.errors import name_some

if TYPE_CHECKING:
    import pandas as pd

    from dermbench.data.source import Request

TABLES = ("ISIC_2020_Training_GroundTruth_v2.csv", "ISIC_2020_Training_GroundTruth.csv", "train.csv")
"""Names of the table, the one with most columns first."""
COLUMNS = (
    "image_name",
    "patient_id",
    "sex",
    "age_approx",
    "anatom_site_general_challenge",
    "diagnosis",
    "benign_malignant",
    "target",
)
RENAMED = {"image_name": "image_id", "age_approx": "age", "anatom_site_general_challenge": "site"}
DUPLICATES = (
    "The challenge lists duplicates in a separate file, which is not read, so duplicates are unknown here. "
    "dermbench data audit looks for them."
)


@SOURCES.register("isic-2020")
def isic_2020(request: Request) -> Release:
    """Read the release: its table in ``root`` or up to two folders down, images anywhere below.

    The label is ``target``; the column ``diagnosis`` is kept but not used. Options: ``images``, the folder of the
    photographs.
    """
    options = request.known("images")
    task = request.task
    found = open_table(request, TABLES, COLUMNS, ids="image_name")
    raw = found.raw
    labels, wrong = match_classes(raw["target"], task, task.classes)
    problems = [*id_problems(raw["image_name"], "image_name"), *_contradictory(raw), *wrong]
    refuse(found.path, problems, classes=task.classes, task=task)
    table = raw.drop(columns=["target", "benign_malignant"]).rename(columns=RENAMED)
    table = table.assign(
        label=labels,
        sex=without_unknown(table["sex"]),
        site=without_unknown(table["site"]),
        modality="dermoscopic",
        path=found.files.locate(table["image_id"], prefer=("train",)),
    )
    notes = (*_against_target(raw), DUPLICATES)
    return Release(table, found.files.root, task.classes, options=options, interpreted=notes)


def _contradictory(raw: pd.DataFrame) -> list[str]:
    """Say where the two columns of the outcome contradict each other."""
    expected = raw["target"].map({"0": "benign", "1": "malignant"})
    stated = raw["benign_malignant"].str.lower()
    wrong = (expected.notna() & stated.notna() & expected.ne(stated)).fillna(value=False)
    if not wrong.any():
        return []
    return [f"benign_malignant contradicts target: {name_some(raw['image_name'][wrong])} ({rows_of(wrong)})"]


def _against_target(raw: pd.DataFrame) -> list[str]:
    """Count rows in which ``diagnosis`` and ``target`` disagree about melanoma."""
    melanoma = raw["diagnosis"].str.lower().eq("melanoma").fillna(value=False)
    differs = melanoma.ne(raw["target"].eq("1")) & raw["diagnosis"].notna()
    n = int(differs.sum())
    return [f"The label is target, although diagnosis says otherwise in {n:,} rows."] if n else []
