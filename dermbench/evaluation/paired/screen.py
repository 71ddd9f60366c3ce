"""Exploratory screen: the recall of every class in every group, candidate against baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from statsmodels.stats.multitest import multipletests

from dermbench.evaluation.core.sample import ELIGIBLE
from dermbench.evaluation.paired import pairs
from dermbench.evaluation.paired.effects import SMALLEST
from dermbench.evaluation.paired.proportions import paired_difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.paired.arrays import Entrants
    from dermbench.evaluation.resampling.plan import Plan

LABEL = (
    "exploratory: recall of each class in each group with at least 10 cases; q is Benjamini-Hochberg's over all "
    "of them. A screen says where to look next, it confirms nothing."
)


def screen(
    entrants: Entrants, k: int, groups: Grouping, classes: Sequence[str], plan: Plan
) -> list[dict[str, Any]]:
    """Test the recall of each class in each known group between a candidate and the baseline.

    Parameters
    ----------
    entrants
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
    list of dict
        {class, group, n, value, low, high, p_value, q_value, test}, the smallest p first; only cells with at least
        10 cases.
    """
    found: list[dict[str, Any]] = []
    both = entrants.hits[[entrants.baseline, k]]
    for g, name in enumerate(groups.names):
        for c, label in enumerate(classes):
            rows = np.flatnonzero((groups.codes == g) & (entrants.sample.y_true == c))
            if len(rows) < ELIGIBLE:
                continue
            part = entrants.sample.take(rows)
            (p,), test = pairs.sums(part, both[:, rows], plan, stream=f"screen {groups.feature} {name} {c}")
            change = paired_difference(part, *both[:, rows]).interval().document()
            found.append(
                {"class": label, "group": name, **change, "p_value": max(float(p), SMALLEST), "test": test}
            )
    return _with_q(found)


def _with_q(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not found:
        return []
    q_values = multipletests([item["p_value"] for item in found], method="fdr_bh")[1]
    made = [{**item, "q_value": float(q)} for item, q in zip(found, q_values, strict=True)]
    return sorted(made, key=lambda item: (item["p_value"], item["class"], item["group"]))
