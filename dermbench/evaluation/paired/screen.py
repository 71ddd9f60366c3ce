"""The screen of a comparison: recall of every class in every group, candidate against baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.comparison import ScreenedChange
from dermbench.evaluation.core.sample import ELIGIBLE
from dermbench.evaluation.disparity.screen import benjamini_hochberg
from dermbench.evaluation.paired import pairs
from dermbench.evaluation.paired.effects import Effect
from dermbench.evaluation.paired.proportions import paired_difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.paired.arrays import Models
    from dermbench.evaluation.resampling.plan import Plan


def screen(
    models: Models, k: int, groups: Grouping, classes: Sequence[str], plan: Plan
) -> tuple[ScreenedChange, ...]:
    """Test the recall of each class in each known group between a candidate and the baseline.

    Parameters
    ----------
    models
        All candidates, in the view of the classes.
    k
        Index of the candidate.
    groups
        The groups; images of unknown ones are left out.
    classes
        Names of the classes.
    plan
        Number of permutations, and the random numbers.

    Returns
    -------
    tuple of ScreenedChange
        Changes in the cells with at least 10 cases, smallest p first.
    """
    found: dict[tuple[str, str], Effect] = {}
    both = models.hits[[models.baseline, k]]
    for g, name in enumerate(groups.names):
        for c, label in enumerate(classes):
            rows = np.flatnonzero((groups.codes == g) & (models.sample.y_true == c))
            if len(rows) < ELIGIBLE:
                continue
            part = models.sample.take(rows)
            (p,), test = pairs.sum_tests(part, both[:, rows], plan, stream=f"screen {groups.feature} {name} {c}")
            found[label, name] = Effect(paired_difference(part, *both[:, rows]), float(p), test)
    q_values = benjamini_hochberg(np.array([effect.p_value for effect in found.values()], dtype=np.float64))
    made = [
        ScreenedChange(**effect.record().model_dump(), label=label, group=group, q_value=float(q))
        for ((label, group), effect), q in zip(found.items(), q_values, strict=True)
    ]
    return tuple(sorted(made, key=lambda item: (item.p_value, item.label, item.group)))
