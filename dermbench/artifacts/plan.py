"""The plan: typed records of ``plan.json``, on what a test set can show or how large it must be."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from dermbench.artifacts.records import Record
from dermbench.artifacts.report import Number, Part, compact_json


class PlanGroup(Part):
    """A group of a test set.

    Attributes
    ----------
    units, images
        Number of units, and of their images that count for the metric.
    """

    units: int = Field(ge=0)
    images: int = Field(ge=0)


class CurvePoint(Part):
    """The power at ``x``, a number of units or a drop."""

    x: Number
    power: Number = Field(ge=0, le=1)


class SimulatedPoint(CurvePoint):
    """The power at ``x`` as the share of ``sets`` simulated test sets."""

    sets: int = Field(ge=1)


class Curve(Part):
    """Power against the number of units or the drop.

    Attributes
    ----------
    question, amount
        ``drop``: the power to find a drop. ``margin``: the power to show that any gap is below a margin. The
        amount is the size of drop or margin; None if the drop is the axis.
    group
        Group with the drop or the units.
    axis
        Meaning of ``x``.
    points
        The closed form, corrected by the simulations.
    simulated
        The simulations.
    """

    question: Literal["drop", "margin"]
    amount: Number | None
    group: str
    axis: Literal["units", "drop"]
    points: tuple[CurvePoint, ...]
    simulated: tuple[SimulatedPoint, ...]


class SizeAnswer(Part):
    """Number of units of the group that a new study needs.

    Attributes
    ----------
    question, amount
        ``drop``: the verdict is a disparity if the group's rate is lower by the amount. ``margin``: *at most* is
        below the amount if no group differs.
    units
        Units of the group for a power of 80 %; None if no number is enough.
    groups
        All groups at this size, or at the largest size that was tried.
    power, error
        Power at this size, and its Monte-Carlo error; the error is None without simulation.
    sets
        Number of simulated test sets.
    reason
        Why there is no number, or why it was not simulated.
    """

    question: Literal["drop", "margin"]
    amount: Number
    units: int | None
    groups: dict[str, PlanGroup]
    power: Number = Field(ge=0, le=1)
    error: Number | None
    sets: int = Field(ge=0)
    reason: str | None


class DropAnswer(Part):
    """The smallest drop of one group that a test set finds.

    Attributes
    ----------
    group
        Name of the group.
    drop
        The smallest drop that is found with a power of 80 %; None if there is none.
    power, error
        Power at this drop, or at the largest possible drop, with its Monte-Carlo error.
    asked, chance
        A drop in question, and the power to find it.
    sets
        Number of simulated test sets.
    reason
        Why there is no drop.
    """

    group: str
    drop: Number | None
    power: Number = Field(ge=0, le=1)
    error: Number | None
    asked: Number
    chance: Number = Field(ge=0, le=1)
    sets: int = Field(ge=0)
    reason: str | None


class MarginAnswer(Part):
    """What a test set can show about a margin if no group differs.

    Attributes
    ----------
    margin
        The margin.
    chance, error
        Share of test sets with *at most* below the margin, with its Monte-Carlo error.
    sets
        Number of simulated test sets.
    reachable
        80 % quantile of *at most*; None if there is no upper limit.
    reason
        Why there is no upper limit.
    """

    margin: Number
    chance: Number = Field(ge=0, le=1)
    error: Number | None
    sets: int = Field(ge=0)
    reachable: Number | None
    reason: str | None


class Assumptions(Part):
    """Assumptions on the outcomes.

    Attributes
    ----------
    rate
        Share of right answers in every group without a drop.
    correlation
        Intra-class correlation of the answers on two images of a unit; None if units are single images.
    images_per_unit
        Mean number of images per unit.
    images_vary
        Whether the numbers of images per unit of a new study are geometric; if not, they are as equal as possible.
    """

    rate: Number = Field(gt=0, lt=1)
    correlation: Number | None
    images_per_unit: Number = Field(ge=1)
    images_vary: bool = False


class PlanProvenance(Part):
    """Origin of the numbers: version, seed, permutations of a simulated test set, digest of the truth."""

    version: str
    seed: int
    permutations: int
    truth_digest: str | None


class Plan(Record):
    """Content of ``plan.json``.

    Attributes
    ----------
    kind
        ``new_study``: sizes are computed. ``test_set``: sizes are given.
    task, split
        Task and split of the dataset; None for a new study.
    metric, feature, ordered
        The primary question, and whether the groups have an order.
    unit
        Independent unit: patient, lesion or image.
    group
        Group in question; None for every group.
    growth
        For a new study: which groups grow.
    power
        Power to reach.
    assumptions
        Assumptions on the outcomes.
    groups
        Units and images of each group of a test set, or of the fixed groups of a new study.
    sizes
        Answers for a new study.
    drops, margin
        Answers for a test set.
    curves
        Power against units or drops.
    provenance
        Origin of the numbers.
    notes
        Notes for readers, in sentences.
    """

    schema_: Literal["dermbench.plan/1"] = Field("dermbench.plan/1", alias="schema")
    kind: Literal["new_study", "test_set"]
    task: str | None
    split: str | None
    metric: str
    feature: str
    ordered: bool
    unit: str
    group: str | None
    growth: Literal["equal", "others_fixed", "in_proportion"] | None
    power: Number
    assumptions: Assumptions
    groups: dict[str, PlanGroup]
    sizes: tuple[SizeAnswer, ...] = ()
    drops: tuple[DropAnswer, ...] = ()
    margin: MarginAnswer | None = None
    curves: tuple[Curve, ...] = ()
    provenance: PlanProvenance
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the text of the file: sorted keys, one part per line."""
        return compact_json(self.document())


class Glance(Part):
    """A short answer on a test set, in closed form.

    Attributes
    ----------
    metric, rate
        The metric, and its value in groups without a drop.
    group, images, units, unit
        The group with the fewest units, its numbers of images and units, and the kind of unit.
    drop
        The smallest drop of that group that is found with a power of 80 %; None if there is none.
    """

    metric: str
    rate: Number
    group: str
    images: int
    units: int
    unit: str
    drop: Number | None


def plan_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``plan.json``."""
    return Plan.model_json_schema(by_alias=True)
