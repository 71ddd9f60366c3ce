"""Sizes of new studies: how many units of a group are needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from dermbench.artifacts.plan import Curve, CurvePoint, PlanGroup, SimulatedPoint, SizeAnswer
from dermbench.evaluation.planning.approximate import Approximation
from dermbench.evaluation.planning.design import new_layout, new_study
from dermbench.evaluation.planning.search import POWER, reach, search
from dermbench.evaluation.planning.trials import Trials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.planning.design import PerUnit
    from dermbench.evaluation.planning.search import Answer

Growth = Literal["equal", "others_fixed", "in_proportion"]
Asked = Literal["drop", "margin"]
MOST_SIMULATED = 40_000
"""Most images of a simulated test set; larger studies are answered by the closed form."""
MOST_IMAGES = 1_000_000
"""Most images of a study."""
MANY_TIMES = 20
"""Most units of the growing group per unit of the fixed groups; more units hardly raise the power."""
FEWEST = 2
ROUNDS = (200, 400, 800, 1600)
"""Simulated test sets at each of the first three sizes, then at each further size."""
FULL_EFFORT = 3_000
"""Most images for all simulations; larger studies get fewer test sets, at least a quarter."""
CURVE = 17
"""Points of a curve."""


@dataclass(frozen=True)
class NewStudy:
    """A study of one metric in groups of units.

    Attributes
    ----------
    feature, ordered
        Feature of the groups, and whether they have an order.
    weights
        Units of each group: fixed numbers, or proportions for groups that grow.
    group
        The group in question.
    growth
        Which groups grow: all equally, only ``group``, or all in proportion.
    metric, rate, per_unit, correlation
        Metric and assumptions, the same for all groups.
    seed
        Seed of the simulations.
    """

    feature: str
    ordered: bool
    weights: Mapping[str, int]
    group: str
    growth: Growth
    metric: Metric
    rate: float
    per_unit: PerUnit
    correlation: float
    seed: int

    def sizes(self, n: float) -> dict[str, int]:
        """Return the units of each group if ``group`` has n."""
        units = int(n)
        if self.growth == "equal":
            return dict.fromkeys(self.weights, units)
        if self.growth == "others_fixed":
            return {name: units if name == self.group else size for name, size in self.weights.items()}
        share = units / self.weights[self.group]
        return {name: max(FEWEST, round(size * share)) for name, size in self.weights.items()}

    def most(self, images: int) -> float:
        """Return the largest number of units of ``group`` in a study of at most ``images`` images."""
        together = sum(self.weights.values()) / self.weights[self.group]
        if self.growth == "equal":
            together = len(self.weights)
        units = images / self.per_unit.mean / together
        if self.growth == "others_fixed":
            others = sum(size for name, size in self.weights.items() if name != self.group)
            units = min(images / self.per_unit.mean - others, MANY_TIMES * others)
        return float(max(FEWEST, int(units)))

    @property
    def is_large(self) -> bool:
        """Whether sizes beyond the simulated ones may raise the power."""
        others = sum(self.sizes(0).values()) * self.per_unit.mean
        return self.growth != "others_fixed" or others > MOST_SIMULATED / 2

    def rates(self, drop: float) -> NDArray[np.float64]:
        """Return the rate of each group if ``group`` has this drop."""
        return np.array([self.rate - (drop if name == self.group else 0.0) for name in self.weights])


@dataclass
class SizeQuestion:
    """The power of a study as a function of its number of units.

    Attributes
    ----------
    study
        The study.
    asked, amount
        ``drop``: a drop of this amount is found. ``margin``: the gap is shown to be below this amount.
    high
        Largest number of units.
    """

    study: NewStudy
    asked: Asked
    amount: float
    high: float
    low: float = FEWEST
    whole: bool = True
    _closed: dict[float, float] = field(default_factory=dict)

    def closed(self, x: float) -> float:
        """Return the closed-form power."""
        if x not in self._closed:
            study = self.study
            layout = new_layout(study.sizes(x), study.per_unit, ordered=study.ordered)
            form = Approximation(layout, study.correlation)
            if self.asked == "margin":
                self._closed[x] = form.within(study.rate, self.amount)
            else:
                self._closed[x] = form.power(study.rates(self.amount))
        return self._closed[x]

    def count(self, x: float, n_sets: int, stream: str) -> int:
        """Return the number of simulated test sets, of ``n_sets``, in which the answer is yes."""
        study = self.study
        design = new_study(study.feature, study.sizes(x), study.per_unit, study.metric, ordered=study.ordered)
        trials = Trials(design, study.correlation, study.seed)
        if self.asked == "margin":
            limits = trials.at_most(study.rates(0.0), n_sets, stream=f"{self.asked} {stream}")
            return int((limits < self.amount).sum())
        return trials.found(study.rates(self.amount), n_sets, stream=f"{self.asked} {stream}")


def answer(study: NewStudy, asked: Asked, amount: float) -> tuple[SizeAnswer, Curve]:
    """Return how many units of the group the study needs, and the curve of power against units.

    Parameters
    ----------
    study
        The study.
    asked, amount
        ``drop``: the verdict is a disparity if only this group's rate is lower, by the amount. ``margin``: *at
        most* is below the amount if no group differs.
    """
    question = SizeQuestion(study, asked, amount, study.most(MOST_SIMULATED))
    guess = reach(question, POWER)
    if question.closed(question.high) < POWER and study.is_large:
        return _closed_form(study, asked, amount)
    images = sum(study.sizes(guess).values()) * study.per_unit.mean
    effort = float(np.clip(FULL_EFFORT / images, 0.25, 1.0))
    found = search(question, [int(n * effort) for n in ROUNDS])
    units = None if found.x is None else int(found.x)
    sizes = study.sizes(question.high if units is None else units)
    made = SizeAnswer(
        question=asked,
        amount=amount,
        units=units,
        groups=_groups(study, sizes),
        power=found.power,
        error=found.error,
        sets=found.n_sets,
        reason=None if units is not None else _not_enough(study, int(question.high)),
    )
    return made, _curve(question, found)


def _closed_form(study: NewStudy, asked: Asked, amount: float) -> tuple[SizeAnswer, Curve]:
    """Answer by the closed form, for a study that is too large to simulate."""
    question = SizeQuestion(study, asked, amount, study.most(MOST_IMAGES))
    x = reach(question, POWER)
    reached = question.closed(x) >= POWER
    reason = f"closed form, not simulated: more than {MOST_SIMULATED:,} images"
    made = SizeAnswer(
        question=asked,
        amount=amount,
        units=int(x) if reached else None,
        groups=_groups(study, study.sizes(x)),
        power=question.closed(x),
        error=None,
        sets=0,
        reason=reason if reached else _not_enough(study, int(x)),
    )
    return made, _curve(question, None)


def _not_enough(study: NewStudy, units: int) -> str:
    where = "with the other groups at these sizes, " if study.growth == "others_fixed" else ""
    return f"{where}no number of units up to {units:,} is enough"


def _groups(study: NewStudy, sizes: Mapping[str, int]) -> dict[str, PlanGroup]:
    layout = new_layout(sizes, study.per_unit, ordered=study.ordered)
    images = layout.counts.sum(axis=1)
    return {name: PlanGroup(units=sizes[name], images=int(n)) for name, n in zip(sizes, images, strict=True)}


def _curve(question: SizeQuestion, found: Answer | None) -> Curve:
    """Return the curve of power against the number of units, up to a power of .99."""
    end = reach(question, 0.99)
    start = max(question.low, min(reach(question, 0.3), end) / 3)
    places = np.unique(np.geomspace(start, max(end, start + 1), CURVE).astype(int))

    def power(x: float) -> float:
        closed = question.closed(x)
        return closed if found is None else found.line.power(closed)

    return Curve(
        question=question.asked,
        amount=question.amount,
        group=question.study.group,
        axis="units",
        points=tuple(CurvePoint(x=int(x), power=power(float(x))) for x in places),
        simulated=()
        if found is None
        else tuple(SimulatedPoint(x=t.x, power=t.yes / t.n_sets, sets=t.n_sets) for t in found.tried),
    )
