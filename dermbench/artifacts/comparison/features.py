"""Records of the models in the groups of a sensitive feature."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from dermbench.artifacts.comparison.differences import Difference
from dermbench.artifacts.report import LEVEL, Contrast, Number, Part
from dermbench.artifacts.report.parts import OrUndefined


class GroupSize(Part):
    """Images and independent units of a group."""

    n: int = Field(ge=0)
    units: int = Field(ge=0)


class GroupValue(Part):
    """A group and its value."""

    group: str
    value: Number


class WorstGroups(Part):
    """The worst group of each model in one metric.

    Attributes
    ----------
    models
        {model: worst group}.
    differences
        {model: difference of the worst-group values, model minus baseline}.
    classes
        Classes that a macro metric is averaged over; None for other metrics.
    """

    models: dict[str, GroupValue]
    differences: dict[str, Difference]
    classes: tuple[str, ...] | None = None


class GapChange(Part):
    """Variation by group, within class, of the difference between a model and the baseline.

    Attributes
    ----------
    value
        Largest within-class difference between two groups (or sides of a cut) in model score minus baseline score.
    low, high
        The value is at least and at most this, with 95 % confidence; None for a reason.
    chance
        Median value if the groups do not differ.
    p_value, p_holm
        P value before and after Holm's correction within its family; ``low`` > 0 only if ``p_holm`` <= .05.
    overlap
        Smallest overlap of the class mixes of two groups, from 0 to 1.
    contrast
        The contrast with the largest test statistic.
    reasons
        {field: why it is None}, for ``low``, ``high`` and ``p_value``.
    """

    value: Number = Field(ge=0)
    low: Number | None = Field(ge=0)
    high: Number | None
    chance: Number
    p_value: Number | None = Field(ge=0, le=1)
    p_holm: Number | None = Field(ge=0, le=1)
    overlap: Number
    contrast: Contrast
    reasons: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _does_not_contradict_itself(self) -> Self:
        if self.low and (self.p_holm is None or self.p_holm > LEVEL):
            raise ValueError(f"at least {self.low} with corrected p {self.p_holm}")
        return self


class Gaps(Part):
    """The within-class gaps of all models in one metric, and their changes against the baseline.

    Attributes
    ----------
    models
        {model: gap}; None if the gap is undefined.
    changes
        {model: change against the baseline, or the reason why there is none}.
    """

    models: dict[str, Number | None]
    changes: dict[str, OrUndefined[GapChange]]


class Loss(Part):
    """Loss or gain of one group.

    Attributes
    ----------
    value
        Improvement; negative for a loss.
    bound
        One-sided 95 % lower bound of ``value``; None for the ``reason``.
    reason
        Why there is no bound.
    """

    value: Number | None
    bound: Number | None
    reason: str | None = None


class MarginAnswer(Part):
    """Whether any group lost more than the margin.

    Attributes
    ----------
    margin
        Largest acceptable loss, in units of the metric.
    verdict
        ``shown``: no group lost more. ``lost``: a group lost more. ``open``: neither is shown.
    groups
        {group: its loss}.
    reason
        Why nothing can be shown.
    """

    margin: Number
    verdict: Literal["shown", "lost", "open"]
    groups: dict[str, Loss]
    reason: str | None = None


class FrontModel(Part):
    """Score of a model on all images and in its worst group.

    Attributes
    ----------
    overall, worst_group, worst
        Score on all images, the worst group, and the score in it.
    dto
        Euclidean distance of the group values to the best value of any model in each group.
    on_front
        Whether no other model is at least as good on both scores and better on one.
    front_share
        Share of resamples in which the model is on the front.
    """

    overall: Number
    worst_group: str
    worst: Number
    dto: Number
    on_front: bool
    front_share: Number


class ScreenedChange(Difference):
    """The change of the recall of one class in one group.

    Attributes
    ----------
    label, group
        Class and group.
    q_value
        P value after Benjamini and Hochberg's correction over classes and groups.
    """

    label: str
    group: str
    q_value: Number


class FeatureComparison(Part):
    """The models in the groups of one sensitive feature.

    Attributes
    ----------
    groups
        {group: size}.
    values
        {model: {group: {metric: value}}}; None if undefined, for the reason in the difference.
    differences
        {model: {group: {metric: difference from the baseline}}}.
    worst_group
        {headline metric: worst groups, or a reason}.
    gap
        {headline metric: gaps and their changes, or a reason}.
    margin
        {headline metric: {model: answer}}; empty unless a margin was given.
    pareto
        {headline metric: {model: overall and worst-group score}, or a reason}.
    screen
        {model: changes of recall by class and group}, the smallest p value first.
    """

    groups: dict[str, GroupSize]
    values: dict[str, dict[str, dict[str, Number | None]]]
    differences: dict[str, dict[str, dict[str, Difference]]]
    worst_group: dict[str, OrUndefined[WorstGroups]]
    gap: dict[str, OrUndefined[Gaps]]
    margin: dict[str, dict[str, MarginAnswer]]
    pareto: dict[str, OrUndefined[dict[str, FrontModel]]]
    screen: dict[str, tuple[ScreenedChange, ...]]
