"""Two or more models on the same images: against a baseline, in every group, and all against all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from dermbench.artifacts.provenance import environment
from dermbench.artifacts.records import Record
from dermbench.errors import UsageError
from dermbench.evaluation.cells import group_cells
from dermbench.evaluation.core.group_tables import group_tables
from dermbench.evaluation.core.groups import group_all
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.scoring import applicable
from dermbench.evaluation.evaluate import N_RESAMPLES
from dermbench.evaluation.intervals.every_metric import estimates
from dermbench.evaluation.notes import unit_note
from dermbench.evaluation.paired import document
from dermbench.evaluation.paired.candidates import candidates, check_baseline
from dermbench.evaluation.paired.families import describe
from dermbench.evaluation.paired.feature import Question, feature_block
from dermbench.evaluation.paired.seeds import averaged
from dermbench.evaluation.resampling.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.truth import Truth
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.paired.candidates import Candidate

HEADLINE = ("accuracy", "balanced_accuracy", "macro_f1", "cohen_kappa")
"""Metrics whose worst group, gap, margin and Pareto view are shown unless metrics are declared."""
RANKED_BY = "macro_f1"
"""Metric of the rank bands unless metrics are declared."""


class Comparison(Record):
    """Content of ``comparison.json``.

    Attributes
    ----------
    baseline
        Model that the others are compared with.
    models
        {model: {metric: cell}}; the average over seeds where there are several.
    seeds
        {model: {metric: {n, values, seed_sd, test_sd}}} of the models with several seeds.
    differences
        {model: {metric: {value, low, high, n, method, p_value, p_holm, test}}}, model minus baseline.
    features
        {feature: {groups, values, differences, worst_group, gap, margin, pareto, screen}}.
    ranks
        {metric, test, models {model: {value, low, high, best, worst, letters}}, pairs}.
    families
        Which p values are corrected together.
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
    seeds: dict[str, Any]
    differences: dict[str, Any]
    features: dict[str, Any]
    ranks: dict[str, Any]
    families: dict[str, str]
    notes: list[str]


def compare(
    predictions: Mapping[str, Predictions],
    truth: Truth,
    *,
    baseline: str | None = None,
    metrics: Sequence[str] = (),
    sensitive: Sequence[str] | None = None,
    margin: float | None = None,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> Comparison:
    """Compare models on the same images with paired intervals and tests.

    Parameters
    ----------
    predictions
        {name of the model, or name@seed: predictions}, at least two models, for exactly the images of ``truth``.
        Seeds of one name are one model: scores are averaged, and whole models are exchanged in the tests.
    truth
        Labels, units and skin types.
    baseline
        Model that the others are compared with; the first by default.
    metrics
        Declared metrics; p values are then corrected over them as well, and the first one ranks. By default all
        that apply, each a family of its own.
    sensitive
        Sensitive features; by default those of the task that are there.
    margin
        Ask whether a group lost more than this, in units of the metric (0.02 is two points).
    seed, n_resamples
        Of all resamples and permutations.

    Raises
    ------
    UsageError
        With fewer than two models, an unknown baseline, predictions of other images or classes, a metric that
        does not apply, or a margin that is not positive.
    """
    if margin is not None and not 0 < margin < 1:
        raise UsageError(f"margin {margin:g} is not between 0 and 1")
    found = candidates(predictions, truth)
    first = check_baseline(found, baseline)
    chosen = _metrics(found, metrics)
    headline = chosen if metrics else [metric for metric in chosen if metric.name in HEADLINE]
    index = [candidate.name for candidate in found].index(first)
    plan = Plan(seed, n_resamples)
    question = Question(found, index, chosen, headline, bool(metrics), margin, plan)
    groupings = group_all(truth, sensitive)
    cells = {candidate.name: _cells(candidate, question) for candidate in found}
    return Comparison(
        task=truth.task,
        split=truth.split,
        n=len(truth),
        classes=truth.classes,
        baseline=first,
        provenance=_provenance(predictions, truth, question),
        models=cells,
        seeds=document.seeds(found, chosen, cells),
        differences=document.overall(question),
        features={grouping.feature: feature_block(question, grouping) for grouping in groupings},
        ranks=document.ranks(question, METRICS.get(metrics[0] if metrics else RANKED_BY), cells),
        families=describe(metrics, len(found) - 1),
        notes=[unit_note(truth), *document.notes(question, groupings)],
    )


def _metrics(found: Sequence[Candidate], names: Sequence[str]) -> list[Metric]:
    able = applicable(found[0].samples[0])
    wanted = [METRICS.get(name) for name in dict.fromkeys(names)]
    foreign = [metric.name for metric in wanted if metric.name not in {m.name for m in able}]
    if foreign:
        raise UsageError(f"{', '.join(foreign)}: means nothing for this task; there are {_listed(able)}")
    return wanted or able


def _listed(metrics: Sequence[Metric]) -> str:
    return ", ".join(metric.name for metric in metrics)


def _cells(candidate: Candidate, question: Question) -> dict[str, Any]:
    metrics, each = question.metrics, []
    for sample in candidate.samples:
        table = group_tables(sample, [], metrics)[None]
        found = estimates(sample, metrics, None, question.plan, table=table)
        each += group_cells(sample, table, metrics, found)
    return {m.name: averaged([cells[m.name] for cells in each], candidate, m) for m in metrics}


def _provenance(predictions: Mapping[str, Predictions], truth: Truth, question: Question) -> dict[str, Any]:
    said = {name: list(item.interpreted) for name, item in predictions.items() if item.interpreted}
    return {
        **({"interpreted": said} if said else {}),
        "environment": environment(),
        "metric_versions": {metric.name: metric.version for metric in question.metrics},
        "n_resamples": question.plan.n_resamples,
        "predictions_digest": {name: item.digest for name, item in predictions.items()},
        "seed": question.plan.seed,
        "truth_digest": truth.digest,
    }
