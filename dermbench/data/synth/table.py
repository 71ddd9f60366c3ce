"""Make the release's table: ids, noisy labels, annotated skin types, and the truth about each image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.data.synth.colour import draw_skin, typology_angle
from dermbench.data.synth.plan import image_name
from dermbench.data.synth.streams import Stream, stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.data.synth.dials import Dials
    from dermbench.data.synth.plan import Shot

SITES = ("arm", "back", "chest", "face", "foot", "hand", "leg", "neck", "scalp")
OLDEST = 89


def make_table(shots: Sequence[Shot], dials: Dials, classes: Sequence[str]) -> pd.DataFrame:
    """Return one row per image with every column of the release except ``path``.

    Only a synthetic set can have the columns ``label_clean`` (morphology that was drawn), ``lesion_contrast``
    (exact multiplier that the dials set for this image), ``planted_duplicate_of`` and ``planted_edit``.
    """
    table = pd.DataFrame(
        {
            "image_id": [s.image_id for s in shots],
            "label": _observed(shots, dials, classes),
            "label_clean": [s.morphology for s in shots],
            "fst": pd.array([s.fst for s in shots], dtype="Int64"),
            "fst_centaur": pd.array(_second_opinion(shots, dials), dtype="Int64"),
            "patient_id": [f"p{s.patient_number:05d}" for s in shots],
            "lesion_id": [f"l{s.lesion_number:05d}" for s in shots],
            **_about_people(shots, dials.seed),
            "lesion_contrast": [round(dials.contrast_of(s.fst), 6) for s in shots],
            "planted_duplicate_of": _text([image_name(s.image) if s.edit else None for s in shots]),
            "planted_edit": _text([s.edit or None for s in shots]),
        }
    )
    if dials.reveal_duplicates:
        doubled = {s.image for s in shots if s.edit}
        table["duplicate_group"] = _text([image_name(s.image) if s.image in doubled else None for s in shots])
    return table


def _text(values: list[str | None]) -> pd.Series:
    return pd.Series(values, dtype="string")


def _about_people(shots: Sequence[Shot], seed: int) -> dict[str, list[object]]:
    """Return sex, age, body site and ITA of each image; the first three do not depend on type or morphology."""
    person = stream(seed, Stream.PERSON).random((1 + max(s.patient for s in shots), 2))
    place = stream(seed, Stream.SITE).integers(0, len(SITES), 1 + max(s.lesion for s in shots))
    skins = {s.patient: draw_skin(s.fst, stream(seed, Stream.SKIN, s.patient)) for s in shots}
    return {
        "sex": ["female" if person[s.patient, 0] < 0.5 else "male" for s in shots],
        "age": [1 + int(person[s.patient, 1] * OLDEST) for s in shots],
        "site": [SITES[place[s.lesion]] for s in shots],
        "ita": [round(typology_angle(skins[s.patient][0], skins[s.patient][2]), 2) for s in shots],
    }


def _observed(shots: Sequence[Shot], dials: Dials, classes: Sequence[str]) -> list[str]:
    """Return the label of each image: one error a lesion, with the dialled probability."""
    draws = stream(dials.seed, Stream.LABEL).random((1 + max(s.lesion_number for s in shots), 2))
    labels = []
    for shot in shots:
        u, v = draws[shot.lesion_number]
        wrong = [c for c in classes if c != shot.morphology]
        labels.append(
            wrong[int(v * len(wrong))] if wrong and u < dials.label_noise_of(shot.fst) else shot.morphology
        )
    return labels


def _second_opinion(shots: Sequence[Shot], dials: Dials) -> list[int]:
    """Return the second annotator's type of each image; an error at I or VI can only go inwards."""
    draws = stream(dials.seed, Stream.ANNOTATOR).random((len(shots), 2))
    sides = np.where(draws[:, 1] < 0.5, 1, -1)
    inward = {1: 1, 6: -1}
    return [
        s.fst + (inward.get(s.fst, int(side)) if u < dials.annotator_disagreement else 0)
        for s, u, side in zip(shots, draws[:, 0], sides, strict=True)
    ]
