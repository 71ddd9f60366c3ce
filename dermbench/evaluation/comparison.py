"""Two or more models on the same images, each against one baseline."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from dermbench.artifacts.provenance import environment
from dermbench.artifacts.records import Record
from dermbench.errors import UsageError
from dermbench.evaluation.cells import group_cells
from dermbench.evaluation.core import core_sample
from dermbench.evaluation.evaluate import N_RESAMPLES
from dermbench.evaluation.intervals import estimates
from dermbench.evaluation.notes import unit_note
from dermbench.evaluation.sample import applicable, join
from dermbench.evaluation.subgroups import everyone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.truth import Truth
    from dermbench.evaluation.metric import Metric
    from dermbench.evaluation.paired import Effect
    from dermbench.evaluation.sample import Sample
    from dermbench.evaluation.stats import Plan

FAMILY = "p_holm corrects, for each metric on its own, for the number of models compared with the baseline."


class Comparison(Record):
    """Content of ``comparison.json``.

    Attributes
    ----------
    baseline
        Model that the others are compared with.
    models
        {model: {metric: cell}}.
    differences
        {model: {metric: {value, low, high, method, p_value, p_holm, test}}}, model minus baseline.
    notes
        What a reader must know.
    """

    schema_: Literal["dermbench.comparison/1"] = Field("dermbench.comparison/1", alias="schema")
    task: str
    split: str
    n: int
    classes: tuple[str, ...]
    baseline: str
    provenance: dict[str, Any]
    models: dict[str, Any]
    differences: dict[str, Any]
    notes: list[str]


def compare(
    predictions: Mapping[str, Predictions],
    truth: Truth,
    *,
    baseline: str | None = None,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> Comparison:
    """Compare models on the same images with paired intervals and tests.

    Parameters
    ----------
    predictions
        {name of the model: predictions}, at least two, for exactly the images of ``truth``.
    truth
        Labels and units.
    baseline
        Model that the others are compared with; the first by default.
    seed, n_resamples
        Of all resamples and permutations.

    Raises
    ------
    UsageError
        With fewer than two models, an unknown baseline, or predictions of other images or classes.
    """
    from dermbench.evaluation.stats import Plan  # noqa: PLC0415 - loads scipy

    names = list(predictions)
    first = names[0] if baseline is None and names else baseline
    if len(names) < 2:
        raise UsageError(f"a comparison needs at least two models, not {len(names)}")
    if first not in predictions:
        raise UsageError(f"baseline {first!r} is none of the models: {', '.join(names)}")
    assert first is not None
    plan = Plan(seed, n_resamples)
    samples = {name: join(item, truth) for name, item in predictions.items()}
    metrics = applicable(samples[first])
    others = [name for name in names if name != first]
    effects = {name: _effects(samples[first], samples[name], metrics, plan) for name in others}
    return Comparison(
        task=truth.task,
        split=truth.split,
        n=len(truth),
        classes=truth.classes,
        baseline=first,
        provenance={
            "environment": environment(),
            "n_resamples": n_resamples,
            "predictions_digest": {name: item.digest for name, item in predictions.items()},
            "seed": seed,
            "truth_digest": truth.digest,
        },
        models={name: _cells(sample, metrics, plan) for name, sample in samples.items()},
        differences=_documents(effects, metrics),
        notes=[unit_note(samples[first]), FAMILY],
    )


def _cells(sample: Sample, metrics: Sequence[Metric], plan: Plan) -> dict[str, Any]:
    whole = everyone(len(sample))
    return group_cells(sample, whole, metrics, estimates(sample, whole, metrics, plan))[0]


def _effects(first: Sample, second: Sample, metrics: Sequence[Metric], plan: Plan) -> dict[str, Effect]:
    from dermbench.evaluation import paired  # noqa: PLC0415 - loads scipy

    found: dict[str, Effect] = {}
    for view in sorted({metric.view for metric in metrics}):
        chosen = [metric for metric in metrics if metric.view == view]
        sample, other = core_sample(first, first.view(chosen[0])), second.view(chosen[0])
        stream = f"compare {view}"
        counts = [metric for metric in chosen if metric.kind == "counts"]
        if counts:
            found |= paired.count_effects(sample, other.y_pred, counts, plan, stream=stream)
        for metric in chosen:
            if metric.kind == "counts":
                continue
            if sample.y_prob is None or other.y_prob is None:
                found[metric.name] = paired.Effect(float("nan"), reason="needs probabilities of both models")
                continue
            effect = paired.mean_effect if metric.kind == "mean" else paired.ranking_effect
            found[metric.name] = effect(sample, other.y_prob, metric, plan, stream=stream)
    return found


def _documents(effects: Mapping[str, Mapping[str, Effect]], metrics: Sequence[Metric]) -> dict[str, Any]:
    documents: dict[str, dict[str, Any]] = {name: {} for name in effects}
    for metric in metrics:
        corrected = _holm({name: found[metric.name].p_value for name, found in effects.items()})
        for name, found in effects.items():
            effect = found[metric.name]
            document = {
                "value": effect.value if math.isfinite(effect.value) else None,
                "low": effect.low,
                "high": effect.high,
                "method": effect.method,
                "p_value": effect.p_value,
                "p_holm": corrected.get(name),
                "test": effect.test,
                "reason": effect.reason,
            }
            documents[name][metric.name] = {k: v for k, v in document.items() if k == "value" or v is not None}
    return documents


def _holm(p_values: Mapping[str, float | None]) -> dict[str, float]:
    """Return Holm's step-down corrected p values of those that there are."""
    from statsmodels.stats.multitest import multipletests  # noqa: PLC0415 - slow to import

    there = {name: p for name, p in p_values.items() if p is not None}
    if not there:
        return {}
    corrected = multipletests(list(there.values()), method="holm")[1]
    return dict(zip(there, map(float, corrected), strict=True))
