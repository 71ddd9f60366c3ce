"""Checks of the options of a plan; functions return problems in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.skin import BANDS, FST_NAMES
from dermbench.errors import UsageError
from dermbench.evaluation.core.metric import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dermbench.artifacts.truth import Truth
    from dermbench.evaluation.planning.design import Design

FEWEST_UNITS = 2
"""Fewest units of a group."""
MOST_PER_UNIT = 1_000.0


def check_numbers(rate: float, correlation: float, drop: float | None, margin: float | None) -> list[str]:
    """Return the problems of rate, correlation, drop and margin."""
    problems = []
    if not 0 < rate < 1:
        problems.append(f"rate {rate:g} is not between 0 and 1")
    if not 0 <= correlation < 1:
        problems.append(f"correlation {correlation:g} is not at least 0 and below 1")
    if drop is not None and not 0 < drop < 1:
        problems.append(f"drop {drop:g} is not between 0 and 1")
    elif drop is not None and 0 < rate < 1 and drop > rate:
        problems.append(f"a drop of {drop:g} from a rate of {rate:g} ends below 0")
    if margin is not None and not 0 < margin < 1:
        problems.append(f"margin {margin:g} is not between 0 and 1")
    return problems


def check_sizes(
    group: str, sizes: Mapping[str, int] | None, images_per_unit: float, *, in_proportion: bool
) -> list[str]:
    """Return the problems of the groups of a new study."""
    problems = []
    if not 1 <= images_per_unit <= MOST_PER_UNIT:
        problems.append(f"images per unit {images_per_unit:g} is not between 1 and {MOST_PER_UNIT:,.0f}")
    if in_proportion and (sizes is None or group not in sizes):
        problems.append(f"proportions are unknown: sizes must hold every group, {group} too")
    if sizes is None:
        if group not in (*FST_NAMES, *BANDS):
            known = ", ".join((*FST_NAMES, *BANDS))
            problems.append(f"unknown group {group!r}: it is one of {known}, or --sizes names the other groups")
        return problems
    problems += [
        f"unknown group {group!r} beside {', '.join(sizes)}: it is one of {', '.join(scale)}"
        for scale in (FST_NAMES, BANDS)
        if sizes and set(sizes) <= set(scale) and group not in scale
    ]
    small = [f"{name} ({size})" for name, size in sizes.items() if size < FEWEST_UNITS]
    if small:
        problems.append(f"too small: {', '.join(small)}; a group has at least {FEWEST_UNITS} patients")
    if not set(sizes) - {group}:
        problems.append("a gap needs at least two groups: give the sizes of the other groups")
    return problems


def check_metric(name: str, *, truth: Truth | None = None) -> list[str]:
    """Return the problems of a metric: it must be a proportion of images, given true and predicted class."""
    able = [m for m in METRICS if METRICS.get(m).proportion and METRICS.get(m).image_score and m != "micro_f1"]
    if name not in able:
        return [f"metric {name!r} cannot be planned for; there are {', '.join(able)}"]
    if truth is not None and METRICS.get(name).view == "positive" and truth.positive is None:
        return [f"metric {name!r}: no positive classes are declared; name them with --positive"]
    return []


def check_group(design: Design, group: str | None) -> None:
    """Check that a gap is defined and that the group exists.

    Raises
    ------
    UsageError
        With fewer than two known groups that have an image for the metric, or for an unknown group.
    """
    feature, names = design.grouping.feature, design.grouping.names
    images = design.layout.counts.sum(axis=1)
    there = [name for name, n in zip(names, images, strict=True) if n > 0]
    if len(there) < 2:
        raise UsageError(
            f"plan: {feature} has images for {design.metric.title} in {', '.join(there) or 'no group'}; "
            "a gap needs two known groups"
        )
    if group is not None and group not in names:
        raise UsageError(f"plan: unknown group {group!r} of {feature}; there are {', '.join(names)}")
