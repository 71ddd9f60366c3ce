"""The record of one gap: a metric compared between the groups of a sensitive feature."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dermbench.artifacts.report.parts import DRAWN, DRAWN_WHERE_MARKED, Cell, Number, Part, rounded

LEVEL = 0.05
"""Level of every test of a gap."""

VerdictKind = Literal["disparity", "within_margin", "disparity_within_margin", "undecided"]
Role = Literal["primary", "secondary"]


class Contrast(Part):
    """The contrast with the largest test statistic.

    Attributes
    ----------
    first, second
        Names of the groups on either side.
    kind
        ``pair``: two groups. ``cut``: the groups of an ordered feature up to a point against those beyond it.
    value
        Value of the first side minus value of the second, with the class held fixed.
    low, high
        Simultaneous 95 % interval; None if no statistic could be large enough for the corrected test to reject.
    """

    first: tuple[str, ...] = Field(min_length=1)
    second: tuple[str, ...] = Field(min_length=1)
    kind: Literal["pair", "cut"]
    value: Number
    low: Number | None
    high: Number | None

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.low is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise ValueError(f"{self.value} is outside of its interval {self.low} to {self.high}")
        if set(self.first) & set(self.second):
            raise ValueError("a group is on both sides")
        return self


class RawGap(Part):
    """The difference of the plain group values, which includes differences of class mix.

    Attributes
    ----------
    difference
        Largest minus smallest group value.
    ratio
        Smallest over largest; None for a metric that can be negative, or if the largest value is 0.
    best_group, worst_group
        Names of the groups; the first of equal ones.
    """

    difference: Number = Field(ge=0)
    ratio: Number | None
    best_group: str
    worst_group: str


class Incomparable(Part):
    """Two groups that are not compared.

    Attributes
    ----------
    groups
        Their names.
    reason
        Why.
    """

    groups: tuple[str, str]
    reason: str


class Verdict(Part):
    """The conclusion of a row.

    Attributes
    ----------
    kind
        ``disparity``: a difference beyond chance. ``within_margin``: the gap is below the stated margin.
        ``disparity_within_margin``: both. ``undecided``: neither is shown.
    margin
        The stated margin; None if none was stated for this row.
    text
        The conclusion in words, for people; no program reads it.
    """

    kind: VerdictKind
    margin: Number | None
    text: str


class Disparity(Part):
    """A gap in one metric between the groups of one sensitive feature.

    Validation ensures ``low <= gap <= high``, ``low > 0`` only with ``p_value <= .05``, and a verdict that agrees
    with :func:`verdict_kind` of the numbers.

    Attributes
    ----------
    gap
        Largest within-class difference between two comparable groups, or sides of a cut.
    low
        The gap is at least this.
    high
        The gap is at most this; None if there is no upper limit.
    chance
        Median gap if the groups do not differ.
    p_value
        The p-value of the verdict; for a secondary row, corrected for the number of questions.
    role
        Whether this is the primary question or a secondary one.
    overlap
        Smallest overlap of the class mixes of two groups, from 0 to 1.
    not_comparable
        Pairs of groups that are not compared.
    n_classes, n_groups
        Number of classes and of groups behind the gap.
    contrast
        The contrast with the largest test statistic.
    raw
        The difference that includes class mix.
    between_group_sd
        Standard deviation between groups beyond sampling error.
    verdict
        The conclusion of the row.
    reasons
        {field: why it is None}, for ``low``, ``high``, ``chance``, ``p_value``, ``overlap``, ``contrast``, ``raw``
        and ``verdict``.
    drawn
        Whether ``gap`` and ``high`` depend on random draws, as they do for metrics centred by permutation.
    """

    gap: Annotated[Number, DRAWN_WHERE_MARKED] = Field(ge=0)
    low: Annotated[Number | None, DRAWN] = Field(ge=0)
    high: Annotated[Number | None, DRAWN_WHERE_MARKED]
    chance: Annotated[Number | None, DRAWN]
    p_value: Annotated[Number | None, DRAWN] = Field(ge=0, le=1)
    role: Role
    overlap: Number | None
    not_comparable: tuple[Incomparable, ...]
    n_classes: int = Field(ge=0)
    n_groups: int = Field(ge=2)
    contrast: Annotated[Contrast | None, DRAWN]
    raw: RawGap | None
    between_group_sd: Annotated[Cell, DRAWN]
    verdict: Annotated[Verdict | None, DRAWN]
    reasons: Annotated[dict[str, str], DRAWN] = Field(default_factory=dict)
    drawn: bool = False

    @model_validator(mode="after")
    def _does_not_contradict_itself(self) -> Self:
        problems = [*self._order(), *self._evidence(), *self._words()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _order(self) -> list[str]:
        found = []
        if self.low is not None and self.low > self.gap:
            found.append(f"at least {self.low} is above the gap {self.gap}")
        if self.high is not None and self.high < self.gap:
            found.append(f"at most {self.high} is below the gap {self.gap}")
        return found

    def _evidence(self) -> list[str]:
        found = []
        if self.low and (self.p_value is None or self.p_value > LEVEL):
            found.append(f"at least {self.low} with p {self.p_value}")
        if self.verdict is None:
            return found
        margin = self.verdict.margin
        if margin is not None and self.role == "secondary":
            found.append("a margin belongs to the primary row alone")
        known = verdict_kind(self.p_value, self.low, self.high, margin)
        withheld = verdict_kind(self.p_value, self.low, None, None)
        if self.verdict.kind not in {known, withheld}:
            found.append(f"verdict {self.verdict.kind} with numbers that say {known}")
        return found

    def _words(self) -> list[str]:
        silent = [
            name
            for name in ("low", "high", "chance", "p_value", "overlap", "contrast", "raw", "verdict")
            if getattr(self, name) is None and not self.reasons.get(name)
        ]
        return [f"no reason why there is no {name}" for name in silent]


def verdict_kind(
    p_value: float | None, low: float | None, high: float | None, margin: float | None
) -> VerdictKind:
    """Return the kind of verdict for the numbers of a row, compared at the six decimals of a report.

    Parameters
    ----------
    p_value, low, high
        Numbers of the row; None if missing.
    margin
        The stated margin; None if there is none, or if there is no verdict on it.
    """
    differs = p_value is not None and rounded(p_value) <= LEVEL and low is not None and rounded(low) > 0
    within = margin is not None and high is not None and rounded(high) < rounded(margin)
    if differs:
        return "disparity_within_margin" if within else "disparity"
    return "within_margin" if within else "undecided"
