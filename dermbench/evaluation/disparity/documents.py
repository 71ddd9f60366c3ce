"""The one place that makes a feature's disparities: the core's results under the keys of the report."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dermbench.evaluation.disparity import disparities as disparities_of
from dermbench.evaluation.disparity.parity import parity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.disparity.disparity import Disparity
    from dermbench.evaluation.intervals.every_metric import GroupEstimates
    from dermbench.evaluation.resampling.plan import Plan

    Disparities = dict[str, Disparity]

Document = dict[str, Any]
CONTRACT = (
    "difference",
    "ratio",
    "best_group",
    "worst_group",
    "low",
    "high",
    "null_median",
    "null_q95",
    "p_value",
    "between_group_sd",
    "minimum_detectable",
    "verdict",
)
"""Keys that every disparity has, null where undefined; further ones are there when they say something."""


def disparities(
    sample: Sample, grouping: Grouping, metrics: Sequence[Metric], found: GroupEstimates, plan: Plan
) -> Disparities:
    """Return {metric: disparity} of one feature; see :func:`dermbench.evaluation.disparity.disparities`.

    Parameters
    ----------
    sample, grouping, metrics
        What is compared.
    found
        Their :func:`dermbench.evaluation.intervals.every_metric.estimates`.
    plan
        Seed, number of resamples, workers.
    """
    compared: Disparities = {}
    for view in sorted({metric.view for metric in metrics}):
        compared |= disparities_of.disparities(
            sample.view(view),
            grouping,
            [metric for metric in metrics if metric.view == view],
            estimates=found,
            seed=plan.seed,
            n_resamples=plan.n_resamples,
            workers=plan.workers,
        )
    return compared


def disparity_documents(found: Mapping[str, Disparity], classes: Sequence[str]) -> Document:
    """Return the disparities block of a feature.

    Classes are named. ``reason`` says why the whole is undefined, ``reasons`` why single keys are.
    """
    return {name: _document(disparity, classes) for name, disparity in found.items()}


def _document(disparity: Disparity, classes: Sequence[str]) -> Document:
    full = disparity.document()
    reasons = dict(full.pop("reasons"))
    whole = reasons.pop("reason", None)
    if full["classes"] is not None:
        full["classes"] = [classes[c] for c in full["classes"]]
    more = {key: item for key, item in full.items() if key not in CONTRACT and item not in (None, {}, [], 0)}
    block = {key: full[key] for key in CONTRACT} | more
    if whole is None and block["difference"] is None:
        whole = reasons.pop("difference", None)
    return block | ({"reason": whole} if whole else {}) | ({"reasons": reasons} if reasons else {})


def parity_documents(sample: Sample, grouping: Grouping, plan: Plan) -> Document:
    """Return {measure: {value, null_median, ...}} of the multiclass parity measures, classes named.

    One-vs-rest on the counts of each class: fairlearn's ``demographic_parity_difference`` is 0 on multiclass
    string labels, whatever the rates are.
    """
    options = {"seed": plan.seed, "n_resamples": plan.n_resamples, "workers": plan.workers}
    found = parity(sample, grouping, **options)
    documents: Document = {}
    for name, measure in found.items():
        full = asdict(measure)
        full["skipped"] = [sample.classes[c] for c in measure.skipped]
        if measure.per_class is not None:
            full["per_class"] = dict(zip(sample.classes, measure.per_class, strict=True))
        documents[name] = {key: item for key, item in full.items() if key == "value" or item not in (None, [])}
    return documents
