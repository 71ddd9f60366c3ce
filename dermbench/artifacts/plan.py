"""The plan: typed records of ``plan.json``, what a test set can show or how large one must be."""

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
        Its units, and their images that count for the metric.
    """

    units: int = Field(ge=0)
    images: int = Field(ge=0)


class CurvePoint(Part):
    """The power at ``x``, units or a drop."""

    x: Number
    power: Number = Field(ge=0, le=1)


class SimulatedPoint(CurvePoint):
    """The share of ``sets`` simulated test sets at ``x``."""

    sets: int = Field(ge=1)


class Curve(Part):
    """Power against units or against the drop.

    Attributes
    ----------
    question, amount
        ``drop``: the chance to find a drop; ``margin``: the chance to show that any gap is below a margin; and how
        large it is. None where the drop is the axis.
    group
        Group that the drop or the units are of.
    axis
        What ``x`` is.
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
    """How many units of the group a new study needs.

    Attributes
    ----------
    question, amount
        ``drop``: the verdict is a disparity where the group's rate is lower by the amount; ``margin``: *at most*
        is below the amount where no group differs.
    units
        Units of the group with a power of 80 %; None where no number is enough.
    groups
        All groups at this size, or at the largest that was tried.
    power, error
        Power at this size and its Monte-Carlo error; None where nothing was simulated.
    sets
        Simulated test sets.
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
        Its name.
    drop
        The smallest drop that is found with 80 %; None where none is.
    power, error
        Power there, or at the largest possible drop, with its Monte-Carlo error.
    asked, chance
        A drop that was asked about, and the power to find it.
    sets
        Simulated test sets.
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
    """What a test set can say about a margin when no group differs.

    Attributes
    ----------
    margin
        The margin.
    chance, error
        How often *at most* is below it, with its Monte-Carlo error.
    sets
        Simulated test sets.
    reachable
        What *at most* is not above in 80 % of test sets; None where there is no upper limit.
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
    """What is assumed of the outcomes.

    Attributes
    ----------
    rate
        Share of right answers in every group that has no drop.
    correlation
        Intra-class correlation of the answers on two images of a unit; None where units are single images.
    images_per_unit
        Mean number of images of a unit.
    images_vary
        Whether the numbers of images of a new study are geometric, not as equal as possible.
    """

    rate: Number = Field(gt=0, lt=1)
    correlation: Number | None
    images_per_unit: Number = Field(ge=1)
    images_vary: bool = False


class PlanProvenance(Part):
    """Where the numbers come from: version, seed, permutations of a simulated test set, digest of the truth."""

    version: str
    seed: int
    permutations: int
    truth_digest: str | None


class Plan(Record):
    """Content of ``plan.json``.

    Attributes
    ----------
    kind
        ``new_study``: sizes are looked for; ``test_set``: sizes are given.
    task, split
        Of the dataset that is planned for; None for a new study.
    metric, feature, ordered
        The primary question, and whether the order of the groups means something.
    unit
        What is independent, in words: patient, lesion, image.
    group
        Group that is asked about; None for every group.
    growth
        For a new study: which groups grow with the group asked about.
    power
        Power that is planned for.
    assumptions
        What is assumed of the outcomes.
    groups
        Units and images of each group of a test set, or of the groups of a new study that do not grow.
    sizes
        Answers for a new study.
    drops, margin
        Answers for a test set.
    curves
        Power against units or drops.
    provenance
        Where the numbers come from.
    notes
        What a reader must know, in sentences.
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
        """Return the bytes of the file: sorted keys, one part a line."""
        return compact_json(self.document())


class Glance(Part):
    """What one line says about a test set, in closed form.

    Attributes
    ----------
    metric, rate
        The metric, and its value in groups without a drop.
    group, images, units, unit
        The group with the fewest units, and what there is of it.
    drop
        The smallest drop of that group that is found with 80 %; None where none is.
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
