"""Notes of a report: sentences on what the data do not allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.column_types import KEPT
from dermbench.artifacts.skin import UNKNOWN
from dermbench.evaluation.core.groups import SMALL
from dermbench.evaluation.core.sample import NEEDS_PROBABILITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.truth import Truth
    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.sample import Sample

UNIT_NAMES = {"patient_id": "patient", "lesion_id": "lesion", "duplicate_group": "group of duplicates"}
TONES = ("fst", "fitzpatrick", "mst", "monk", "ita", "skin_type", "skin_tone", "skintone")
"""Prefixes of the names of skin-tone columns."""
DARK = ("V", "VI", "V-VI")
"""Names of the groups of dark skin."""


def notes(predictions: Predictions, truth: Truth, sample: Sample, groupings: Sequence[Grouping]) -> list[str]:
    """Return the notes of a report, most important first."""
    found = [unit_note(truth), *_classes(sample), *_ties(predictions)]
    if sample.y_prob is None:
        found.append(f"The predictions hold labels only: metrics that need them are null ({NEEDS_PROBABILITIES}).")
    if len(truth.classes) == 2 and truth.positive is None:
        other = truth.classes[1]
        found.append(f"No class is declared positive; --positive {other} makes its sensitivity primary.")
    found += tone_note(truth, groupings)
    for grouping in groupings:
        found += _feature(grouping)
    return found


def tone_note(truth: Truth, groupings: Sequence[Grouping]) -> list[str]:
    """Say that no skin tone is assessed, and which columns were looked for; empty if one is assessed."""
    assessed = any(_is_tone(part) for grouping in groupings for part in grouping.feature.split(","))
    return [] if assessed else [_no_tone(truth)]


def _is_tone(column: str) -> bool:
    return column.strip().lower().startswith(TONES)


def _no_tone(truth: Truth) -> str:
    """Say that no skin tone is assessed, and whether the table has such a column."""
    columns = map(str, truth.table.columns)
    there = [name for name in columns if _is_tone(name) and not name.endswith(KEPT)]
    if there:
        return f"No skin tone is assessed though the truth has {', '.join(there)}: name it with --sensitive."
    looked = ", ".join(f"{name}*" for name in TONES)
    return f"No skin type is assessed: the truth has no column of skin tone (looked for {looked})."


def unit_note(truth: Truth) -> str:
    """Name the independent unit that is resampled and permuted."""
    column = truth.unit_column
    count = int(truth.unit.max()) + 1
    if column is None:
        return "No ids group the images: independence between images is assumed."
    return f"Resampled by {UNIT_NAMES[column]}: {count:,} units, {len(truth):,} images."


def _classes(sample: Sample) -> list[str]:
    support = sample.tally().support
    absent = [name for name, n in zip(sample.classes, support, strict=True) if n == 0]
    if not absent:
        return []
    share = f"{len(absent)} of {len(sample.classes)} classes"
    return [f"{share} are not in the truth, and macro averages leave them out: {', '.join(absent)}."]


def _ties(predictions: Predictions) -> list[str]:
    tied = predictions.n_tied
    if tied == 0:
        return []
    return [f"{tied:,} images have tied highest probabilities; the first class in order counts as predicted."]


def _feature(grouping: Grouping) -> list[str]:
    found = []
    shown = grouping.with_unknown()
    sizes = dict(zip(shown.names, shown.sizes.tolist(), strict=True))
    if UNKNOWN in sizes:
        found.append(f"{grouping.feature}: unknown for {sizes[UNKNOWN]:,} images, excluded from gaps.")
    if grouping.feature.startswith("fst") and "," not in grouping.feature:
        found.append(_dark(grouping.feature, sum(sizes.get(name, 0) for name in DARK)))
    small = [f"{name} (n = {n})" for name, n in sizes.items() if n < SMALL and name != UNKNOWN]
    if small:
        found.append(f"{grouping.feature}: fewer than {SMALL} images in {', '.join(small)}; read with care.")
    if len(grouping.known().names) < 2:
        found.append(f"{grouping.feature}: fewer than two known groups, nothing can be compared.")
    return found


def _dark(feature: str, n: int) -> str:
    images = f"{feature}: types V and VI: {n:,} image{'s' * (n != 1)}"
    if n < SMALL:
        return f"{images}; nothing can be said about dark skin."
    width = float(np.sqrt(0.25 / n)) * 1.96
    return f"{images}; an accuracy near one half is known there to within about ±{width:.2f} at best."
