"""Skin type by several annotators: how far they agree, and every gap under each of them."""

from __future__ import annotations

from dataclasses import asdict
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.artifacts.skin import FST_NAMES
from dermbench.evaluation.disparity.annotators import agreement, sensitivity_band

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.disparity.annotators import Agreement, Band
    from dermbench.evaluation.disparity.documents import Disparities
    from dermbench.evaluation.resampling.plan import Plan

Document = dict[str, Any]


def labellings(groupings: Sequence[Grouping]) -> list[Grouping]:
    """Return the groupings by skin type, I to VI, that differ from each other."""
    found: list[Grouping] = []
    for grouping in groupings:
        if grouping.names != FST_NAMES or not (grouping.codes >= 0).any():
            continue
        if not any(np.array_equal(grouping.codes, other.codes) for other in found):
            found.append(grouping)
    return found


def annotators(
    sample: Sample,
    groupings: Sequence[Grouping],
    metrics: Sequence[Metric],
    known: Mapping[str, Disparities],
    plan: Plan,
) -> Document:
    """Return how several labellings of the skin type agree, and every gap under each and where all agree.

    Parameters
    ----------
    sample
        Predictions and truth.
    groupings
        At least two labellings, of :func:`labellings`.
    metrics
        What is compared.
    known
        Disparities under each labelling, {feature: {metric: disparity}}.
    plan
        Seed, number of resamples, workers.
    """
    pairs = [agreement(first, second, units=sample.unit) for first, second in combinations(groupings, 2)]
    bands: dict[str, Band] = {}
    for view in sorted({metric.view for metric in metrics}):
        chosen = [metric for metric in metrics if metric.view == view]
        bands |= sensitivity_band(
            sample.view(view), groupings, chosen, seed=plan.seed, n_resamples=plan.n_resamples, known=dict(known)
        )
    return {
        "labellings": [grouping.feature for grouping in groupings],
        "agreement": [_agreement(pair) for pair in pairs],
        "sensitivity_band": {name: asdict(band) for name, band in bands.items()},
    }


def _agreement(pair: Agreement) -> Document:
    shares = {key: getattr(pair, key).document() for key in ("exact", "within_one", "kappa")}
    return {"first": pair.first, "second": pair.second, "n": pair.n, **shares}
