"""Compare two or more models on the same images: with a baseline, in every group, and all with each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.comparison import Comparison, ComparisonProvenance
from dermbench.artifacts.provenance import environment
from dermbench.artifacts.wrong_answers import count_as_wrong
from dermbench.errors import UsageError
from dermbench.evaluation.cells import group_cells
from dermbench.evaluation.core.group_tables import group_tables
from dermbench.evaluation.core.groups import group_all
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.scoring import applicable
from dermbench.evaluation.evaluate import N_RESAMPLES
from dermbench.evaluation.intervals.every_metric import estimates
from dermbench.evaluation.notes import tone_note, unit_note
from dermbench.evaluation.paired import overall
from dermbench.evaluation.paired.candidates import candidates, check_baseline
from dermbench.evaluation.paired.families import describe
from dermbench.evaluation.paired.feature import compare_groups
from dermbench.evaluation.paired.question import Question
from dermbench.evaluation.paired.seeds import averaged
from dermbench.evaluation.resampling.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.report import Cell
    from dermbench.artifacts.truth import Truth
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.paired.candidates import Candidate

RANKED_BY = "macro_f1"
"""Metric of the rank bands if no metric is declared."""


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
        {model, or model@seed: predictions} of at least two models, for exactly the images of ``truth``. Images
        without a usable prediction count as wrong. Seeds of one name are one model: their scores are averaged,
        and the tests swap all seeds of two models together.
    truth
        Labels, units and skin types.
    baseline
        Model that the others are compared with; the first by default.
    metrics
        Declared metrics: p values are corrected over models and metrics together, and the first metric ranks the
        models. By default all metrics that apply, each corrected on its own.
    sensitive
        Sensitive features; by default those of the task that the truth has.
    margin
        Largest acceptable loss of a group, in units of the metric (0.02 is two points); tests whether a group lost
        more. None to skip the test.
    seed, n_resamples
        Seed and number of resamples and permutations.

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
    headline = chosen if metrics else [metric for metric in chosen if metric.headline]
    index = [candidate.name for candidate in found].index(first)
    question = Question(found, index, chosen, headline, bool(metrics), margin, Plan(seed, n_resamples))
    groupings = group_all(truth, sensitive)
    cells = {candidate.name: _cells(candidate, question) for candidate in found}
    seeds = overall.seeds(question, cells)
    return Comparison(
        task=truth.task,
        split=truth.split,
        n=len(truth),
        classes=truth.classes,
        baseline=first,
        provenance=_provenance(predictions, truth, question),
        models=cells,
        seeds=seeds,
        differences=overall.differences(question, seeds),
        features={grouping.feature: compare_groups(question, grouping) for grouping in groupings},
        ranks=overall.ranks(question, METRICS.get(metrics[0] if metrics else RANKED_BY), cells),
        families=describe(metrics, len(found) - 1),
        unanswered={name: n for name, item in predictions.items() if (n := _unanswered(item, truth))},
        notes=(unit_note(truth), *_positive_note(truth), *overall.notes(question), *tone_note(truth, groupings)),
    )


def _metrics(found: Sequence[Candidate], names: Sequence[str]) -> list[Metric]:
    able = applicable(found[0].samples[0])
    wanted = [METRICS.get(name) for name in dict.fromkeys(names)]
    foreign = [metric.name for metric in wanted if metric.name not in {m.name for m in able}]
    if foreign:
        raise UsageError(f"{', '.join(foreign)}: not defined for this task; there are {_listed(able)}")
    return wanted or able


def _listed(metrics: Sequence[Metric]) -> str:
    return ", ".join(metric.name for metric in metrics)


def _cells(candidate: Candidate, question: Question) -> dict[str, Cell]:
    metrics, each = question.metrics, []
    for sample in candidate.samples:
        table = group_tables(sample, [], metrics)[None]
        found = estimates(sample, metrics, None, question.plan, table=table)
        each += group_cells(table, metrics, found)
    return {m.name: averaged([cells[m.name] for cells in each]) for m in metrics}


def _interpreted(predictions: Predictions, truth: Truth) -> tuple[str, ...]:
    counted = count_as_wrong(predictions, truth)
    said = "" if counted.unanswered is None else counted.unanswered.sentence()
    return (*counted.interpreted, *([said] if said else []))


def _unanswered(predictions: Predictions, truth: Truth) -> int:
    """Return how many images have no usable prediction and count as wrong."""
    found = count_as_wrong(predictions, truth).unanswered
    return 0 if found is None else int(found.absent.sum())


def _positive_note(truth: Truth) -> list[str]:
    if truth.positive is None:
        return []
    return [f"Positive, for sensitivity and specificity: {', '.join(truth.positive.classes)}."]


def _provenance(predictions: Mapping[str, Predictions], truth: Truth, question: Question) -> ComparisonProvenance:
    return ComparisonProvenance(
        environment=environment(),
        seed=question.plan.seed,
        resamples=question.plan.n_resamples,
        metric_versions={metric.name: metric.version for metric in question.metrics},
        predictions_digest={name: item.digest for name, item in predictions.items()},
        truth_digest=truth.digest,
        truth_interpreted=(*truth.scales.sentences, *truth.interpreted),
        interpreted={name: said for name, item in predictions.items() if (said := _interpreted(item, truth))},
    )
