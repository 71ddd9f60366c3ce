"""What a given test set can show: the smallest drop found in each group, and the smallest margin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.plan import Curve, CurvePoint, DropAnswer, MarginAnswer, PlanGroup, SimulatedPoint
from dermbench.evaluation.planning.approximate import Approximation
from dermbench.evaluation.planning.search import POWER, reach, search
from dermbench.evaluation.planning.trials import Trials

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.evaluation.planning.design import Design
    from dermbench.evaluation.planning.search import Answer

ROUNDS = (100, 300, 600)
"""Simulated test sets for a group at each of the first three drops, then at each further drop."""
MARGIN_SETS = 1_600
FULL_EFFORT = 2_000
"""Most images for all simulations; larger test sets are simulated less often."""
MOST_SIMULATED = 40_000
"""Most images of a simulated test set; larger ones are answered by the closed form."""
STEP, STEPS = 0.025, 24
"""Drops of the curves."""
WRONG = "even if every answer in this group were wrong"
SMALLEST = 0.001
"""Smallest drop of the search."""


@dataclass(frozen=True)
class TestSet:
    """A test set with assumptions on its outcomes.

    Attributes
    ----------
    design
        Images, units and groups.
    rate
        Share of right answers in every group without a drop.
    correlation
        Intra-class correlation of two images of a unit.
    seed
        Seed of the simulations.
    """

    __test__ = False

    design: Design
    rate: float
    correlation: float
    seed: int

    @property
    def form(self) -> Approximation:
        """The closed form."""
        return Approximation(self.design.layout, self.correlation)

    @property
    def trials(self) -> Trials:
        """The simulation."""
        return Trials(self.design, self.correlation, self.seed)

    @property
    def effort(self) -> float:
        """Share of the full number of simulations, .05 to 1."""
        return float(np.clip(FULL_EFFORT / len(self.design.sample), 0.05, 1.0))

    def rates(self, group: int, drop: float) -> NDArray[np.float64]:
        """Return the rate of each group if one has a drop."""
        rates = np.full(len(self.design.grouping.names), self.rate)
        rates[group] -= drop
        return rates


@dataclass
class DropQuestion:
    """The power to find a drop in one group as a function of the drop."""

    test_set: TestSet
    group: int
    trials: Trials
    form: Approximation
    high: float
    low: float = SMALLEST
    whole: bool = False
    _closed: dict[float, float] = field(default_factory=dict)

    @classmethod
    def of(cls, test_set: TestSet, group: int) -> DropQuestion:
        """Search drops up to the whole rate."""
        return cls(test_set, group, test_set.trials, test_set.form, test_set.rate)

    def closed(self, x: float) -> float:
        """Return the closed-form power."""
        if x not in self._closed:
            self._closed[x] = self.form.power(self.test_set.rates(self.group, x))
        return self._closed[x]

    def count(self, x: float, n_sets: int, stream: str) -> int:
        """Return the number of simulated test sets, of ``n_sets``, with the verdict of a disparity."""
        return self.trials.found(self.test_set.rates(self.group, x), n_sets, stream=f"{self.group} {stream}")


def groups_of(design: Design) -> dict[str, PlanGroup]:
    """Return the number of units and images of each group."""
    images = design.layout.counts.sum(axis=1)
    return {
        name: PlanGroup(units=int(units), images=int(n))
        for name, units, n in zip(design.grouping.names, design.layout.units, images, strict=True)
    }


def smallest_drop(test_set: TestSet, group: int, asked: float) -> tuple[DropAnswer, Curve | None]:
    """Return the smallest drop of one group that is found with a power of 80 %, and the curve of the power.

    Parameters
    ----------
    test_set, group
        The test set, and the index of the group in it.
    asked
        A drop for which to return the power.
    """
    name = test_set.design.grouping.names[group]
    question = DropQuestion.of(test_set, group)
    pairs = question.form.family.sides[: question.form.family.n_pairs]
    if not any((group,) in sides for sides in pairs):
        reason = "shares too few classes with every other group to be compared"
        nothing = DropAnswer(
            group=name, drop=None, power=0.0, error=None, asked=asked, chance=0.0, sets=0, reason=reason
        )
        return nothing, None
    if len(test_set.design.sample) > MOST_SIMULATED:
        return _closed_form(question, name, asked)
    found = search(question, [int(n * test_set.effort) for n in ROUNDS])
    made = DropAnswer(
        group=name,
        drop=found.x,
        power=found.power,
        error=found.error,
        asked=asked,
        chance=found.line.power(question.closed(asked)),
        sets=found.n_sets,
        reason=None if found.x is not None else WRONG,
    )
    return made, _curve(question, name, found)


def _closed_form(question: DropQuestion, name: str, asked: float) -> tuple[DropAnswer, Curve]:
    x = reach(question, POWER)
    reached = question.closed(x) >= POWER
    made = DropAnswer(
        group=name,
        drop=x if reached else None,
        power=question.closed(x),
        error=None,
        asked=asked,
        chance=question.closed(asked),
        sets=0,
        reason=f"closed form, not simulated: more than {MOST_SIMULATED:,} images" if reached else WRONG,
    )
    return made, _curve(question, name, None)


def closed_drop(test_set: TestSet, group: int) -> float | None:
    """Return the smallest drop of one group with a closed-form power of 80 %; None if no drop has it."""
    question = DropQuestion.of(test_set, group)
    x = reach(question, POWER)
    return x if question.closed(x) >= POWER else None


def margin_answer(test_set: TestSet, margin: float) -> MarginAnswer:
    """Return how often *at most* is below the margin if there is no gap, and the margin with a power of 80 %."""
    if apart := test_set.form.family.not_comparable:
        names = test_set.design.grouping.names
        first, second = apart[0]
        reason = f"no upper limit: {names[first]} and {names[second]} share too few classes to be compared"
        return MarginAnswer(margin=margin, chance=0.0, error=None, sets=0, reachable=None, reason=reason)
    n_sets = int(MARGIN_SETS * test_set.effort)
    limits = test_set.trials.at_most(
        np.full(len(test_set.design.grouping.names), test_set.rate), n_sets, stream=""
    )
    chance = float((limits < margin).mean())
    return MarginAnswer(
        margin=margin,
        chance=chance,
        error=float(np.sqrt((chance * (1 - chance) + 0.25 / n_sets) / n_sets)),
        sets=n_sets,
        reachable=float(np.quantile(limits, POWER, method="higher")),
        reason=None,
    )


def _curve(question: DropQuestion, name: str, found: Answer | None) -> Curve:
    places = [STEP * step for step in range(1, STEPS + 1) if STEP * step <= question.high + 1e-9]

    def power(x: float) -> float:
        closed = question.closed(min(x, question.high))
        return closed if found is None else found.line.power(closed)

    return Curve(
        question="drop",
        amount=None,
        group=name,
        axis="drop",
        points=tuple(CurvePoint(x=x, power=power(x)) for x in places),
        simulated=()
        if found is None
        else tuple(SimulatedPoint(x=t.x, power=t.yes / t.n_sets, sets=t.n_sets) for t in found.tried),
    )
