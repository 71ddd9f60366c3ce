"""Choose the sensitive features to show: a feature that repeats an earlier one is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.reporting.names import feature_title, sorted_features

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dermbench.artifacts.report import Feature, Group


def shown_features(features: Mapping[str, Feature]) -> list[str]:
    """Return the names of the features to show, in reading order; the first is the main one."""
    repeated = repeated_features(features)
    return [name for name in sorted_features(features) if name not in repeated]


def repeated_features(features: Mapping[str, Feature]) -> dict[str, str]:
    """Return {feature: earlier feature} for features with the same groups, sizes and values throughout."""
    first: dict[str, str] = {}
    found = {}
    for name in sorted_features(features):
        key = repr(_fingerprint(features[name].groups))
        if key == "[]":
            continue
        if key in first:
            found[name] = first[key]
        first.setdefault(key, name)
    return found


def repeated_notes(features: Mapping[str, Feature]) -> list[str]:
    """Return one line per feature that repeats an earlier one."""
    return [
        f"{feature_title(name)}: identical with {feature_title(first)} in every group and value."
        for name, first in repeated_features(features).items()
    ]


def _fingerprint(groups: Mapping[str, Group]) -> list[tuple[str, int, list[tuple[str, float | None]]]]:
    return [
        (name, group.n, sorted((metric, cell.value) for metric, cell in group.cells.items()))
        for name, group in sorted(groups.items())
    ]
