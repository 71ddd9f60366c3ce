"""Skin type by several annotators: how far they agree, and the primary gap under each annotator's labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.report import Annotators, GapRange, Undefined
from dermbench.artifacts.skin import FST_NAMES
from dermbench.evaluation.disparity.contrasts import observed_gap
from dermbench.evaluation.intervals.proportions import share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample


def labellings(groupings: Sequence[Grouping]) -> list[Grouping]:
    """Return the groupings by skin type, I to VI, that differ from each other."""
    found: list[Grouping] = []
    for grouping in groupings:
        if grouping.names != FST_NAMES or not (grouping.codes >= 0).any():
            continue
        if not any(np.array_equal(grouping.codes, other.codes) for other in found):
            found.append(grouping)
    return found


def annotators(sample: Sample, groupings: Sequence[Grouping], metric: Metric) -> Annotators:
    """Return how several labellings of the skin type agree, and the gap of a metric under each.

    Parameters
    ----------
    sample
        Predictions and truth.
    groupings
        At least two labellings, of :func:`labellings`.
    metric
        The metric of the primary question.
    """
    codes = np.stack([grouping.codes for grouping in groupings])
    both = np.all(codes >= 0, axis=0)
    apart = np.ptp(codes, axis=0)
    none = "no image has a label of every annotator"
    gaps = [observed_gap(sample, grouping, metric) for grouping in groupings]
    known = [gap for gap in gaps if gap is not None]
    return Annotators(
        columns=tuple(grouping.feature for grouping in groupings),
        exact=share(sample, apart == 0, both, reason=none).cell(),
        within_one=share(sample, apart <= 1, both, reason=none).cell(),
        gap=GapRange(min=min(known), max=max(known))
        if len(known) == len(gaps)
        else Undefined(reason=f"{metric.name} has no gap under every annotator's labels"),
    )
