"""Skin type by several annotators: their agreement, and the primary gap under each annotator's labels."""

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
    """Return the groupings by skin type I to VI, without duplicates."""
    found: list[Grouping] = []
    for grouping in groupings:
        if grouping.names != FST_NAMES or not (grouping.codes >= 0).any():
            continue
        if not any(np.array_equal(grouping.codes, other.codes) for other in found):
            found.append(grouping)
    return found


def annotators(sample: Sample, groupings: Sequence[Grouping], metric: Metric) -> Annotators:
    """Return the agreement between several labellings of skin type, and the range of a metric's gap over them.

    Parameters
    ----------
    sample
        Predictions and truth.
    groupings
        At least two labellings, as :func:`labellings` returns them.
    metric
        The metric of the primary question.
    """
    codes = np.stack([grouping.codes for grouping in groupings])
    labelled = np.all(codes >= 0, axis=0)
    distance = np.ptp(codes, axis=0)
    none = "no image has a label of every annotator"
    gaps = [observed_gap(sample, grouping, metric) for grouping in groupings]
    known = [gap for gap in gaps if gap is not None]
    return Annotators(
        columns=tuple(grouping.feature for grouping in groupings),
        exact=share(sample, distance == 0, labelled, reason=none).cell(),
        within_one=share(sample, distance <= 1, labelled, reason=none).cell(),
        gap=GapRange(min=min(known), max=max(known))
        if len(known) == len(gaps)
        else Undefined(reason=f"{metric.name} has no gap under every annotator's labels"),
    )
