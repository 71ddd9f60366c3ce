"""Titles and display order of metrics, features and groups, independent of their order in a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dermbench.artifacts.skin import BANDS, FST_NAMES, UNKNOWN
from dermbench.artifacts.wording import CROSS
from dermbench.evaluation.core.metric import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

STANDARDISED = "standardised_"
"""Prefix of metrics that are standardised to the class mix of all groups."""
FEATURES = {"fst": "Fitzpatrick skin type", "fst_band": "Fitzpatrick skin-type band"}
LEADING = 4
"""Number of metrics that lead a report without headline metrics."""
SMALL = 30
"""Groups with fewer images are marked: their intervals are too wide to compare."""
SPARSE = 10
"""Classes with fewer true cases are marked."""


def metric_title(name: str) -> str:
    """Return the title of a metric; for an unknown metric, its key with spaces."""
    if name.startswith(STANDARDISED):
        return f"standardised {metric_title(name.removeprefix(STANDARDISED))}"
    return METRICS.get(name).title if name in METRICS else name.replace("_", " ")


def is_headline(name: str) -> bool:
    """Return whether a metric belongs on the first screen."""
    return name in METRICS and bool(getattr(METRICS.get(name), "headline", False))


def is_macro(name: str) -> bool:
    """Return whether a metric averages over classes."""
    return name in METRICS and METRICS.get(name).macro


def higher_is_better(name: str) -> bool:
    """Return whether larger values of a metric are better; True for an unknown metric."""
    return name not in METRICS or METRICS.get(name).higher_is_better


def feature_title(name: str) -> str:
    """Return the title of a sensitive feature; the parts of an intersection are joined by a cross."""
    if "," in name:
        return CROSS.join(feature_title(part.strip()) for part in name.split(","))
    if name.startswith("fst_") and name not in FEATURES:
        return f"{FEATURES['fst']} ({name.removeprefix('fst_').replace('_', ' ')})"
    return FEATURES.get(name, name.replace("_", " "))


def sorted_metrics(names: Iterable[str]) -> list[str]:
    """Return metric names by title, the headline metrics first."""
    return sorted(names, key=lambda name: (not is_headline(name), metric_title(name).lower(), name))


def shown_metrics(names: Iterable[str]) -> list[str]:
    """Return metric names in order, without micro-F1 if accuracy is there, because they are equal."""
    kept = set(names)
    return sorted_metrics(kept - {"micro_f1"} if "accuracy" in kept else kept)


def headline_metrics(names: Iterable[str], first: Sequence[str] = ()) -> list[str]:
    """Return the headline metrics among ``names``, ``first`` ones in front; if there are none, the first four."""
    shown = shown_metrics(names)
    leading = [name for name in first if name in shown]
    return [*leading, *(n for n in shown if is_headline(n) and n not in leading)] or shown[:LEADING]


def sorted_features(names: Iterable[str]) -> list[str]:
    """Return feature names, skin type first."""
    order = {name: i for i, name in enumerate(FEATURES)}
    return sorted(names, key=lambda name: (order.get(name, len(order)), name))


def sorted_groups(names: Iterable[str]) -> list[str]:
    """Return group names: skin types and bands in their order, numbers by size, ``unknown`` last."""
    order = {name: i for i, name in enumerate((*FST_NAMES, *BANDS))}

    def key(name: str) -> tuple[bool, int, list[tuple[int, str]], str]:
        parts = [(int(p), "") if p.isdecimal() else (-1, p) for p in re.split(r"(\d{1,18})", name.lower()) if p]
        return name == UNKNOWN, order.get(name, len(order)), parts, name

    return sorted(names, key=key)
