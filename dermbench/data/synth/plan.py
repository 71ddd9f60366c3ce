"""Plan the dataset before it is drawn: patients, lesions and images by quota."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dermbench.data.synth.streams import Stream, stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.data.synth.dials import Dials

EDITS = ("reencoded", "cropped", "flipped", "brightened")
"""Edits of planted near-duplicates, used in turn."""
MAX_VIEWS, MAX_LESIONS = 3, 2
"""Largest number of images of a lesion, and of lesions of a patient; drawn uniformly from 1."""

Lesion = tuple[int, int]
"""Index of the morphology, number of images."""


@dataclass(frozen=True)
class Shot:
    """One planned image.

    Attributes
    ----------
    number, lesion_number, patient_number
        Running numbers over the table, from which the row's ids are made.
    image, lesion, patient
        Indices of the random streams that are drawn from. An original has its own numbers, a planted duplicate
        those of its original.
    fst
        Fitzpatrick skin type, 1-6.
    morphology
        Morphology that is drawn; the label may differ.
    edit
        Edit of a planted duplicate, empty for an original.
    """

    number: int
    lesion_number: int
    patient_number: int
    image: int
    lesion: int
    patient: int
    fst: int
    morphology: str
    edit: str = ""

    @property
    def image_id(self) -> str:
        """Id of the row."""
        return image_name(self.number)


def image_name(number: int) -> str:
    """Return the ``image_id`` of an image's number."""
    return f"sd-{number:06d}"


def plan_shots(dials: Dials, classes: Sequence[str]) -> list[Shot]:
    """Plan all images: types and classes by quota, patients in random order, duplicates last.

    Every type has the same shares of lesions by class (to within one lesion), so that type and class are
    independent by construction.
    """
    rng = stream(dials.seed, Stream.PLAN)
    people: list[tuple[int, list[Lesion]]] = []
    for fst, quota in enumerate(share_out(dials.images, dials.fst_shares(), rng), start=1):
        views = _views(quota, rng)
        kinds = np.repeat(np.arange(len(classes)), share_out(len(views), dials.class_shares(len(classes)), rng))
        people += [(fst, group) for group in _grouped(list(zip(rng.permutation(kinds), views, strict=True)), rng)]
    shots: list[Shot] = []
    lesion = 0
    for patient, index in enumerate(rng.permutation(len(people))):
        fst, lesions = people[index]
        for kind, views_of in lesions:
            images = range(len(shots), len(shots) + views_of)
            shots += [Shot(i, lesion, patient, i, lesion, patient, fst, classes[kind]) for i in images]
            lesion += 1
    return shots + _duplicates(shots, dials)


def share_out(total: int, shares: Sequence[float], rng: np.random.Generator) -> list[int]:
    """Split ``total`` by largest remainder; ties go at random.

    Returns
    -------
    list
        Counts that sum to ``total``, each within one of ``total * share``.
    """
    exact = np.round(total * np.asarray(shares), 9)
    counts = np.floor(exact).astype(int)
    order = np.lexsort((rng.random(len(exact)), counts - exact))
    counts[order[: total - int(counts.sum())]] += 1
    return [int(n) for n in counts]


def _views(quota: int, rng: np.random.Generator) -> list[int]:
    views: list[int] = []
    left = quota
    while left > 0:
        views.append(min(int(rng.integers(1, MAX_VIEWS + 1)), left))
        left -= views[-1]
    return views


def _grouped(lesions: list[Lesion], rng: np.random.Generator) -> list[list[Lesion]]:
    groups, start = [], 0
    while start < len(lesions):
        size = int(rng.integers(1, MAX_LESIONS + 1))
        groups.append(lesions[start : start + size])
        start += size
    return groups


def _duplicates(shots: list[Shot], dials: Dials) -> list[Shot]:
    """Return copies with new ids of image, lesion and patient, so that no id reveals them."""
    chosen = stream(dials.seed, Stream.DUPLICATE).permutation(len(shots))[
        : round(dials.planted_duplicates * len(shots))
    ]
    last = shots[-1]
    return [
        replace(
            shots[source],
            number=len(shots) + n,
            lesion_number=last.lesion + 1 + n,
            patient_number=last.patient + 1 + n,
            edit=EDITS[n % len(EDITS)],
        )
        for n, source in enumerate(chosen)
    ]
