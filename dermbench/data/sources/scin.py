"""Skin Condition Image Network (SCIN).

Input: 5,033 cases of one to three photographs that people took of themselves; 10,407 paths.
Label: the condition with the largest weight in ``weighted_skin_condition_label``, which keeps all weights.
Cases without a label (1,972) and with several conditions of the largest weight (925) are left out and counted.
Metadata: Fitzpatrick type by the contributor (``fst_self``) and by up to three dermatologists (``fst_derm1`` to
``fst_derm3``), Monk tone by two crowds (``mst_india``, ``mst_us``), age group, sex, parts of the body, symptoms.
Skin type: ``fst`` is that of the first dermatologist, or the contributor's with ``fst=self``; never a mixture.
Ids that group images: ``patient_id`` is the case, since persons are not known; a photograph that several cases
share is a ``duplicate_group``.
Publication: Ward et al. 2024.
Licence: SCIN Data Use License.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from dermbench.artifacts.column_types import KEPT
from dermbench.artifacts.skin import read_monk
from dermbench.data.index import scan
from dermbench.data.reading import at_least_one, choice, id_problems, read_columns, refuse, rows_of, with_skin_type
from dermbench.data.release_table import find_table, open_table
from dermbench.data.scin_labels import TIE, top_conditions
from dermbench.data.source import SOURCES, Release
from dermbench.errors import name_some

if TYPE_CHECKING:
    from pathlib import Path

    from dermbench.data.source import Request

CASES, LABELS = "scin_cases.csv", "scin_labels.csv"
WEIGHTS = "weighted_skin_condition_label"
TYPE = "fitzpatrick_skin_type"
NUMBERS = (1, 2, 3)
CASE_COLUMNS = ("case_id", "age_group", "sex_at_birth", TYPE, *(f"image_{n}_path" for n in NUMBERS))
LABEL_COLUMNS = (
    "case_id",
    WEIGHTS,
    *(f"dermatologist_{TYPE}_label_{n}" for n in NUMBERS),
    "monk_skin_tone_label_india",
    "monk_skin_tone_label_us",
)
ANNOTATORS = ("derm", "self")
"""Values of the option ``fst``, the default first."""
LABEL = ("top",)
"""Values of the option ``label``."""
MIN_IMAGES = 50
UNLABELLED = "image of a case without a dermatologist's label"
TIED = "image of a case in which several conditions have the largest weight"


@dataclass(frozen=True)
class _Labelled:
    """Images with a class, the classes, and the number of images left out, by reason."""

    table: pd.DataFrame
    classes: tuple[str, ...]
    left_out: dict[str, int]


@SOURCES.register("scin")
def scin(request: Request) -> Release:
    """Read the release: ``scin_cases.csv`` and ``scin_labels.csv`` up to two folders down, images anywhere below.

    Options
    -------
    images
        Folder of the photographs, ``root`` by default.
    label
        ``top``: the condition with the largest weight; ties are left out.
    min_images
        Images that a condition needs to be a class, 50 by default.
    fst
        Whose skin type is ``fst``: ``derm`` (the first dermatologist, default) or ``self`` (the contributor).
    """
    options = request.known("images", "label", "min_images", "fst")
    choice(options, "label", LABEL)
    whose = choice(options, "fst", ANNOTATORS)
    minimum = at_least_one(options, "min_images", MIN_IMAGES)
    found = open_table(request, (CASES,), CASE_COLUMNS, ids="case_id")
    tables = scan(request.raw(), skip=request.out)
    label_path = find_table(request, tables, (LABELS,))
    labels = read_columns(label_path, LABEL_COLUMNS)
    _refuse_odd_cases(found.path, found.raw, labels, request)
    conditions, problems = top_conditions(labels[WEIGHTS])
    refuse(label_path, problems, classes=(), task=request.task)
    joined = found.raw.merge(labels.assign(label=conditions), on="case_id", how="left", validate="one_to_one")
    images = _tones(_images(joined), whose)
    chosen = _with_classes(images, request, minimum)
    table = chosen.table.assign(path=found.files.locate(chosen.table["image_path"]))
    source = {"derm": "the first dermatologist's (fst_derm1)", "self": "the contributor's own (fst_self)"}[whose]
    return Release(
        table,
        found.files.root,
        chosen.classes,
        left_out=chosen.left_out,
        options={**options},
        interpreted=(f"fst is {source}; the others are kept beside it.",),
        variant=(
            *([f"min_images={minimum}"] if minimum != MIN_IMAGES else []),
            *([f"fst={whose}"] if whose != ANNOTATORS[0] else []),
        ),
    )


def _refuse_odd_cases(path: Path, cases: pd.DataFrame, labels: pd.DataFrame, request: Request) -> None:
    problems = [f"{CASES}: {problem}" for problem in id_problems(cases["case_id"], "case_id")]
    problems += [f"{LABELS}: {problem}" for problem in id_problems(labels["case_id"], "case_id")]
    empty = cases[[f"image_{n}_path" for n in NUMBERS]].isna().all(axis=1)
    if empty.any():
        problems.append(f"{CASES}: no path of an image in {rows_of(empty)}")
    for name, ours, other, theirs in ((CASES, cases, LABELS, labels), (LABELS, labels, CASES, cases)):
        alone = ours["case_id"][~ours["case_id"].isin(theirs["case_id"])].dropna()
        if len(alone):
            problems.append(f"{len(alone):,} cases of {name} are not in {other}: {name_some(alone)}")
    refuse(path, problems, classes=(), task=request.task)


def _images(cases: pd.DataFrame) -> pd.DataFrame:
    """Return one row an image; ``image_id`` is case and number."""
    per_image = [f"image_{n}_{what}" for n in NUMBERS for what in ("path", "shot_type")]
    shared = cases.drop(columns=per_image, errors="ignore")
    parts = []
    for n in NUMBERS:
        part = shared.assign(image_path=cases[f"image_{n}_path"], image_id=cases["case_id"] + f"_{n}")
        if f"image_{n}_shot_type" in cases:
            part["shot_type"] = cases[f"image_{n}_shot_type"]
        parts.append(part)
    images = pd.concat(parts, ignore_index=True).dropna(subset="image_path").reset_index(drop=True)
    repeated = images["image_path"].duplicated(keep=False)
    if repeated.any():
        first = images.groupby("image_path")["image_id"].transform("min")
        images["duplicate_group"] = first.where(repeated).astype("string")
    return images.rename(columns={"case_id": "patient_id", "sex_at_birth": "sex"}).assign(modality="clinical")


def _tones(images: pd.DataFrame, whose: str) -> pd.DataFrame:
    """Name every tone column by its source, and add the chosen skin type as ``fst``."""
    sources = {"self": TYPE, **{f"derm{n}": f"dermatologist_{TYPE}_label_{n}" for n in NUMBERS}}
    for name, column in sources.items():
        images = with_skin_type(images, f"fst_{name}", images[column])
    images = with_skin_type(images, "fst", images[sources["derm1" if whose == "derm" else whose]])
    for crowd in ("india", "us"):
        column = f"monk_skin_tone_label_{crowd}"
        images[f"mst_{crowd}"], lost = read_monk(images[column])
        if lost.notna().any():
            images[f"mst_{crowd}{KEPT}"] = lost
        images = images.drop(columns=column)
    images["sex"] = images["sex"].str.lower()
    images["age_group"] = images["age_group"].mask(images["age_group"] == "AGE_UNKNOWN")
    return images.drop(columns=list(sources.values()))


def _with_classes(images: pd.DataFrame, request: Request, minimum: int) -> _Labelled:
    """Leave out images without a class, counted by reason."""
    unlabelled, tied = images["label"].isna(), images["label"] == TIE
    counts = images["label"][~unlabelled & ~tied].value_counts()
    frequent = tuple(sorted(counts.index[counts >= minimum]))
    classes = request.task.classes if minimum == MIN_IMAGES else frequent
    rare = ~unlabelled & ~tied & ~images["label"].isin(classes)
    reasons = {UNLABELLED: unlabelled, TIED: tied, f"image of a condition with fewer than {minimum} images": rare}
    kept = images[~unlabelled & ~tied & ~rare].reset_index(drop=True)
    return _Labelled(kept, classes, {reason: int(rows.sum()) for reason, rows in reasons.items() if rows.any()})
