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
    """The contrast that carries the evidence: the one with the largest statistic.

    Attributes
    ----------
    first, second
        Names of the groups on either side.
    kind
        ``pair``: two groups. ``cut``: the groups of an ordered feature up to a point against those beyond it.
    value
        Value of the first side minus that of the second, class held fixed.
    low, high
        Simultaneous 95 % interval; None where there is none.
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
        Smallest over largest; None for a metric that can be negative or is 0 in the best group.
    best_group, worst_group
        Names; of equal groups the first.
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
    """What a row says.

    Attributes
    ----------
    kind
        ``disparity``: a difference beyond chance. ``within_margin``: the gap is below the stated margin.
        ``disparity_within_margin``: both. ``undecided``: neither is shown.
    margin
        The stated margin; None where none was stated for this row.
    text
        The same in words, for people; nothing reads it.
    """

    kind: VerdictKind
    margin: Number | None
    text: str


class Disparity(Part):
    """A gap in one metric between the groups of one sensitive feature.

    The limits fit together: ``low <= gap <= high``, ``low > 0`` only with ``p_value <= .05``, and the kind of the
    verdict is :func:`verdict_kind` of the numbers. A row that contradicts itself cannot be made.

    Attributes
    ----------
    gap
        Largest within-class difference between two comparable groups.
    low
        The gap is at least this.
    high
        The gap is at most this; None where the protocol has no upper limit.
    chance
        Median gap when the groups make no difference.
    p_value
        The p-value that the verdict uses; of a secondary row corrected for the number of questions.
    role
        Whether this is the primary question or one of the secondary ones.
    overlap
        Smallest overlap of the class mixes of two groups that are compared, from 0 to 1.
    not_comparable
        Pairs of groups that are not compared.
    n_classes, n_groups
        Classes and groups behind the gap.
    contrast
        The contrast that carries the evidence.
    raw
        The difference that includes class mix.
    between_group_sd
        Standard deviation between groups beyond sampling error.
    verdict
        What the row says.
    reasons
        Why ``low``, ``high``, ``chance``, ``p_value``, ``overlap``, ``contrast``, ``raw`` or ``verdict`` is None,
        by the name of the field.
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
    """Return what the numbers of a row say, compared as they are printed, at six decimals.

    Parameters
    ----------
    p_value, low, high
        Of the row; None where there is none.
    margin
        The stated margin; None where there is none or the statement about it is withheld.
    """
    differs = p_value is not None and rounded(p_value) <= LEVEL and low is not None and rounded(low) > 0
    within = margin is not None and high is not None and rounded(high) < rounded(margin)
    if differs:
        return "disparity_within_margin" if within else "disparity"
    return "within_margin" if within else "undecided"
