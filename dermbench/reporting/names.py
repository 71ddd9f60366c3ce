"""Titles and order of metrics, features and groups, whatever order a file holds them in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dermbench.artifacts.skin import BANDS, FST_NAMES, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable

METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1",
    "cohen_kappa": "Cohen's κ",
    "weighted_f1": "weighted F1",
    "micro_f1": "micro-F1",
    "mcc": "MCC",
    "auroc_ovr": "AUROC, one vs rest",
    "average_precision": "average precision",
    "top3_accuracy": "top-3 accuracy",
    "top_3_accuracy": "top-3 accuracy",
    "log_loss": "log loss",
    "brier": "Brier score",
}
"""Title of each well-known metric, in the order of the tables."""
HEADLINE = ("accuracy", "balanced_accuracy", "macro_f1", "cohen_kappa")
"""Metrics of the summary; the first ones of :data:`METRICS`, so that every table begins with them."""
STANDARDISED = "standardised_"
"""Begins the names of metrics under the class mix of all groups."""
FEATURES = {"fst": "Fitzpatrick skin type", "fst_band": "Fitzpatrick skin-type band"}
SMALL = 30
"""Groups of fewer images are marked: their intervals are too wide to compare."""
SPARSE = 10
"""Classes of fewer true cases are marked."""


def metric_title(name: str) -> str:
    """Return what people call a metric."""
    if name.startswith(STANDARDISED):
        return f"standardised {metric_title(name.removeprefix(STANDARDISED))}"
    return METRICS.get(name, name.replace("_", " "))


def feature_title(name: str) -> str:
    """Return what people call a sensitive feature; parts of an intersection are joined by a cross."""
    if "," in name:
        return " \N{MULTIPLICATION SIGN} ".join(feature_title(part.strip()) for part in name.split(","))
    if name.startswith("fst_") and name not in FEATURES:
        return f"{FEATURES['fst']} ({name.removeprefix('fst_').replace('_', ' ')})"
    return FEATURES.get(name, name.replace("_", " "))


def sorted_metrics(names: Iterable[str]) -> list[str]:
    """Return metric names, the well-known ones first in the order of :data:`METRICS`."""
    order = {name: i for i, name in enumerate(METRICS)}
    return sorted(names, key=lambda name: (order.get(name, len(order)), name))


def shown_metrics(names: Iterable[str]) -> list[str]:
    """Return metric names in order, without micro-F1 beside the accuracy that it equals."""
    kept = set(names)
    return sorted_metrics(kept - {"micro_f1"} if "accuracy" in kept else kept)


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
