"""Candidates of a comparison: models, with one or several seeds each, on the same images and classes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dermbench.errors import UsageError, name_some
from dermbench.evaluation.core.sample import Sample, join

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.truth import Truth

SEED = re.compile(r"(?P<name>.+)@(?P<seed>\d+)")
"""``name@seed``: one seed of a candidate."""


@dataclass(frozen=True)
class Candidate:
    """One or several seeds of a model, joined to the truth.

    Attributes
    ----------
    name
        Name of the candidate.
    seeds
        Name of each seed; the name of the candidate if it has a single run.
    samples
        Predictions and truth of each seed.
    """

    name: str
    seeds: tuple[str, ...]
    samples: tuple[Sample, ...]

    @property
    def has_probabilities(self) -> bool:
        """Whether every seed has probabilities."""
        return all(sample.y_prob is not None for sample in self.samples)


def candidates(predictions: Mapping[str, Predictions], truth: Truth) -> list[Candidate]:
    """Group ``name@seed`` by name and join predictions to the truth.

    Parameters
    ----------
    predictions
        {name, or name@seed with a whole number: predictions}.
    truth
        Labels and units.

    Returns
    -------
    list of Candidate
        In the order of their first run.

    Raises
    ------
    UsageError
        When a name occurs with and without seeds, or predictions differ from the truth in images or classes; the
        message names every such model and its differences.
    """
    _check(predictions, truth)
    grouped: dict[str, dict[str, Sample]] = {}
    for full, item in predictions.items():
        found = SEED.fullmatch(full)
        name, seed = candidate_name(full), found["seed"] if found else full
        runs = grouped.setdefault(name, {})
        runs[seed] = join(item, truth)
        if len(runs) > 1 and name in runs:
            raise UsageError(
                f"{name!r} is given on its own and as {name}@seed",
                remedy="Give every run of a candidate a seed, or the candidates different names.",
            )
    return [Candidate(name, tuple(runs), tuple(runs.values())) for name, runs in grouped.items()]


def candidate_name(full: str) -> str:
    """Return the name without ``@seed``."""
    found = SEED.fullmatch(full)
    return found["name"] if found else full


def _check(predictions: Mapping[str, Predictions], truth: Truth) -> None:
    problems = [
        f"{name}: {problem}" for name, item in predictions.items() for problem in _differences(item, truth)
    ]
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise UsageError(
            f"predictions and truth are not of the same images and classes\n{listed}",
            remedy="Predict exactly the images of the truth with every model; models are not compared on fewer.",
        )


def _differences(item: Predictions, truth: Truth) -> list[str]:
    problems = []
    if item.classes != truth.classes:
        lacking, further = set(truth.classes) - set(item.classes), set(item.classes) - set(truth.classes)
        parts = [
            f"lacks {name_some(sorted(lacking))}" if lacking else "",
            f"has besides {name_some(sorted(further))}" if further else "",
        ]
        problems.append("classes: " + ("; ".join(filter(None, parts)) or "in another order"))
    mine, wanted = set(item.image_id), set(truth.image_id)
    if wanted - mine:
        problems.append(f"{len(wanted - mine):,} missing image_id: {name_some(sorted(wanted - mine))}")
    if mine - wanted:
        problems.append(
            f"{len(mine - wanted):,} image_id that the truth does not have: {name_some(sorted(mine - wanted))}"
        )
    if not problems and not np.array_equal(item.image_id, truth.image_id):
        problems.append("image_id are repeated or in another order")
    return problems


def check_baseline(found: Sequence[Candidate], baseline: str | None) -> str:
    """Return the name of the baseline, by default the first candidate.

    Raises
    ------
    UsageError
        With fewer than two candidates, or an unknown baseline.
    """
    names = [candidate.name for candidate in found]
    if len(names) < 2:
        seeds = " (all files are seeds of one candidate)" if names and len(found[0].seeds) > 1 else ""
        raise UsageError(f"a comparison needs at least two models, not {len(names)}{seeds}")
    if baseline is None:
        return names[0]
    if baseline not in names:
        raise UsageError(f"baseline {baseline!r} is none of the models: {', '.join(names)}")
    return baseline
