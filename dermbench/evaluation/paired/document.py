"""The blocks of ``comparison.json`` that concern all images."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.evaluation.core.groups import everyone
from dermbench.evaluation.paired.effects import SMALLEST, effects
from dermbench.evaluation.paired.families import correct_by_metric
from dermbench.evaluation.paired.ranks import NO_PAIRS, TOO_MANY, all_pairs
from dermbench.evaluation.paired.seeds import seed_document, test_sd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.paired.candidates import Candidate
    from dermbench.evaluation.paired.feature import Question

Document = dict[str, Any]
SEEDS = (
    "Scores of models with several seeds are averages over seeds. Intervals and tests take the trained models as "
    "given: they say what another test set would show, not what another training run would; seed_sd says that."
)
NO_SKIN = "No skin type is assessed: this comparison says nothing about differences between skin tones."
NO_FINDING = "A p value above .05 is no evidence that models are equal: read the interval, or ask with a margin."


def overall(question: Question) -> Document:
    """Return {model: {metric: effect}} on all images."""
    whole = everyone(len(question.candidates[0].samples[0]))
    found = effects(question.candidates, question.baseline, question.metrics, whole, question.plan)
    made = {
        name: {m.name: found[k, 0, m.name].document() for m in question.metrics}
        for k, name in question.others.items()
    }
    correct_by_metric((item for table in made.values() for item in table.items()), declared=question.declared)
    for k, name in question.others.items():
        _add_seed_error(made[name], question, k)
    return made


def _add_seed_error(table: Document, question: Question, k: int) -> None:
    """Add ``seed_se``, what the seeds add to the error of a difference, where both models have several."""
    both = (question.candidates[question.baseline], question.candidates[k])
    if min(len(candidate.seeds) for candidate in both) < 2:
        return
    for metric in question.metrics:
        spread = [seed_document(candidate, metric, None)["seed_sd"] for candidate in both]
        if None not in spread:
            parts = [s**2 / len(c.seeds) for s, c in zip(spread, both, strict=True)]
            table[metric.name]["seed_se"] = float(np.sqrt(sum(parts)))


def seeds(found: Sequence[Candidate], metrics: Sequence[Metric], cells: Mapping[str, Document]) -> Document:
    """Return {model: {metric: spread}} of the models with several seeds."""
    return {
        candidate.name: {
            m.name: seed_document(candidate, m, test_sd(cells[candidate.name][m.name])) for m in metrics
        }
        for candidate in found
        if len(candidate.seeds) > 1
    }


def ranks(question: Question, metric: Metric, cells: Mapping[str, Document]) -> Document:
    """Return {metric, test, models, pairs}: rank bands and letters of all models, and every pair."""
    if metric.kind == "ranking" and metric.name != "auroc_ovr":
        return {"metric": metric.name, "models": {}, "pairs": [], "reason": NO_PAIRS}
    found = all_pairs({c.name: c.samples for c in question.candidates}, metric, question.plan)
    bands, letters = found.bands(), found.letters()
    models: Document = {}
    for i, name in enumerate(found.names):
        cell = cells.get(name, {}).get(metric.name, {})
        ends = {end: cell[end] for end in ("low", "high") if cell.get(end) is not None}
        best, worst = bands[name]
        models[name] = {
            "value": float(found.values[i]),
            **ends,
            "best": best,
            "worst": worst,
            "letters": letters.get(name),
        }
    pairs = [
        {
            "better": a,
            "worse": b,
            "value": abs(float(found.values[i] - found.values[j])),
            "p_value": max(float(found.p_value[i, j]), SMALLEST),
            "p_holm": max(float(found.p_holm[i, j]), SMALLEST),
        }
        for (i, a), (j, b) in combinations(enumerate(found.names), 2)
    ]
    left_out = [c.name for c in question.candidates if c.name not in models]
    without: Document = {"without_value": left_out} if left_out else {}
    if models and not letters:
        without["letters_reason"] = TOO_MANY
    return {"metric": metric.name, "test": found.test, "models": models, "pairs": pairs, **without}


def notes(question: Question, groupings: Sequence[Grouping]) -> list[str]:
    """Return what a reader must know, in plain sentences."""
    found = [NO_FINDING]
    if any(len(candidate.seeds) > 1 for candidate in question.candidates):
        found.append(SEEDS)
    if not any(grouping.feature.startswith("fst") for grouping in groupings):
        found.append(NO_SKIN)
    return found
