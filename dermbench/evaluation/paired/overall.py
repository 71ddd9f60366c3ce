"""The parts of a comparison that concern all images: differences, seeds, ranks."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.comparison import Difference, RankedModel, RankedPair, Ranks, Seeds
from dermbench.artifacts.report import Cell
from dermbench.evaluation.core.groups import everyone
from dermbench.evaluation.paired.effects import effects
from dermbench.evaluation.paired.families import SMALLEST, corrected
from dermbench.evaluation.paired.ranks import NO_PAIRS, TOO_MANY, Ranking, all_pairs
from dermbench.evaluation.paired.seeds import seed_spread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.paired.question import Question

Cells = dict[str, dict[str, Cell]]
Spreads = dict[str, dict[str, Seeds]]
SEEDS = (
    "Scores of models with several seeds are averages over seeds. Intervals and tests take the trained models as "
    "given: they say what another test set would show, not what another training run would; seed_sd says that."
)
NO_FINDING = "A p value above .05 is no evidence that models are equal: read the interval, or ask with a margin."


def differences(question: Question, seeds: Spreads) -> dict[str, dict[str, Difference]]:
    """Return {model: {metric: difference from the baseline}} on all images."""
    whole = everyone(len(question.candidates[0].samples[0]))
    found = effects(question.candidates, question.baseline, question.metrics, whole, question.plan)
    p_holm = corrected({key: effect.p_value for key, effect in found.items()}, declared=question.declared)
    baseline = question.candidates[question.baseline].name
    return {
        name: {
            m.name: found[k, 0, m.name].record(
                p_holm.get((k, 0, m.name)), _seed_error(seeds, (baseline, name), m.name)
            )
            for m in question.metrics
        }
        for k, name in question.others.items()
    }


def _seed_error(seeds: Spreads, models: tuple[str, str], metric: str) -> float | None:
    """Return the standard error of a difference due to seeds; None unless both models have several seeds."""
    spread = [seeds[model][metric] for model in models if model in seeds]
    parts = [item.seed_sd**2 / item.n for item in spread if item.seed_sd is not None]
    return float(np.sqrt(sum(parts))) if len(parts) == len(models) else None


def seeds(question: Question, cells: Cells) -> Spreads:
    """Return {model: {metric: spread}} of the models with several seeds."""
    return {
        candidate.name: {
            m.name: seed_spread(candidate, m, cells[candidate.name][m.name]) for m in question.metrics
        }
        for candidate in question.candidates
        if len(candidate.seeds) > 1
    }


def ranks(question: Question, metric: Metric, cells: Mapping[str, dict[str, Cell]]) -> Ranks:
    """Return rank bands and letters of all models, and the tests of all pairs."""
    if metric.kind == "ranking" and metric.name != "auroc_ovr":
        return Ranks(metric=metric.name, reason=NO_PAIRS)
    found = all_pairs({c.name: c.samples for c in question.candidates}, metric, question.plan)
    letters = found.letters()
    return Ranks(
        metric=metric.name,
        test=found.test,
        models=tuple(
            _ranked(found, i, cells[name].get(metric.name), letters.get(name))
            for i, name in enumerate(found.names)
        ),
        pairs=tuple(
            RankedPair(
                better=a,
                worse=b,
                value=abs(found.values[i] - found.values[j]),
                p_value=max(found.p_value[i, j], SMALLEST),
                p_holm=max(found.p_holm[i, j], SMALLEST),
            )
            for (i, a), (j, b) in combinations(enumerate(found.names), 2)
        ),
        without_value=tuple(c.name for c in question.candidates if c.name not in found.names),
        letters_reason=TOO_MANY if found.names and not letters else None,
    )


def _ranked(found: Ranking, i: int, cell: Cell | None, letters: str | None) -> RankedModel:
    best, worst = found.bands()[found.names[i]]
    return RankedModel(
        model=found.names[i],
        value=found.values[i],
        low=None if cell is None else cell.low,
        high=None if cell is None else cell.high,
        best=best,
        worst=worst,
        letters=letters,
    )


def notes(question: Question) -> list[str]:
    """Return the notes on tests and seeds for readers of a comparison."""
    several = any(len(candidate.seeds) > 1 for candidate in question.candidates)
    return [NO_FINDING, *([SEEDS] if several else [])]
