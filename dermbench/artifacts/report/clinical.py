"""The records of clinical questions: operating points, ROC curves, net benefit."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dermbench.artifacts.report.disparity import Disparity
from dermbench.artifacts.report.parts import Cell, Number, OrUndefined, Part


class AtPrevalence(Part):
    """A predictive value at a stated prevalence.

    Attributes
    ----------
    prevalence
        Share of positive cases, above 0 and below 1.
    cell
        The predictive value.
    """

    prevalence: Number = Field(gt=0, lt=1)
    cell: Cell


class OperatingGroup(Part):
    """Who is recognised at an operating point, among all images or in one group.

    Attributes
    ----------
    sensitivity, specificity
        Share of positive images that are called positive, and of others that are not.
    ppv, npv
        Predictive values of a positive and of a negative call, one a stated prevalence.
    """

    sensitivity: Cell
    specificity: Cell
    ppv: tuple[AtPrevalence, ...] = ()
    npv: tuple[AtPrevalence, ...] = ()


class FittedOn(Part):
    """The images that a threshold was found on.

    Attributes
    ----------
    split
        Their split.
    n
        Number of images.
    digest
        Content hash of their truth.
    low, high
        95 % limits of the threshold; null for an end that so few images do not limit.
    """

    split: str
    n: int = Field(ge=0)
    digest: str
    low: Number | None
    high: Number | None


class OperatingPoint(Part):
    """One way to call images positive, and what comes of it.

    Attributes
    ----------
    name
        What people call it.
    rule
        ``argmax``: the predicted class. ``threshold``: a stated one. ``sensitivity``, ``specificity``: the
        threshold that has the target on validation images.
    target
        The stated threshold, sensitivity or specificity; None for ``argmax``.
    threshold
        Probability of the positive classes at and above which an image is called positive; None for ``argmax``,
        and where nothing is called positive.
    fitted_on
        Where the threshold comes from; None where it was not fitted.
    feature
        Sensitive feature of the groups; None without one.
    overall, groups
        Of all images, and of each group.
    gaps
        {metric: gap between the groups} at the threshold, exploratory. Where it was fitted, limits and p-value
        are the widest over thresholds between its limits. Empty for ``argmax``: its gaps are those of the feature.
    """

    name: str
    rule: Literal["argmax", "threshold", "sensitivity", "specificity"]
    target: Number | None = Field(gt=0, lt=1)
    threshold: Number | None
    fitted_on: FittedOn | None
    feature: str | None
    overall: OperatingGroup
    groups: dict[str, OperatingGroup]
    gaps: dict[str, OrUndefined[Disparity]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_what_the_rule_says(self) -> Self:
        if (self.rule == "argmax") != (self.target is None):
            raise ValueError(f"the rule {self.rule} and the target {self.target} do not fit")
        if (self.rule in ("sensitivity", "specificity")) != (self.fitted_on is not None):
            raise ValueError(f"the rule {self.rule} and what it was fitted on do not fit")
        return self


class RocPoint(Part):
    """One point of a ROC curve: share of other images, and of positive ones, that are called positive."""

    false_positive: Number = Field(ge=0, le=1)
    true_positive: Number = Field(ge=0, le=1)


class Discrimination(Part):
    """How well probabilities separate positive from other images, whatever the threshold.

    Attributes
    ----------
    auroc
        Area under the ROC curve.
    roc
        The curve from (0, 0) to (1, 1); empty where one kind of image is missing.
    """

    auroc: Cell
    roc: tuple[RocPoint, ...]


class NetBenefit(Part):
    """What acting on the probabilities is worth at one threshold probability, in true positives an image.

    Attributes
    ----------
    probability
        Threshold probability: at which acting and not acting are worth the same.
    overall, groups
        Net benefit of the model, among all images and in each group.
    everyone
        Net benefit of acting on every image; of acting on none it is 0.
    """

    probability: Number = Field(gt=0, lt=1)
    overall: Cell
    groups: dict[str, Cell]
    everyone: Annotated[Number, Field(le=1)]


class Clinical(Part):
    """ROC curves and decision curves of the positive classes, by the feature of the primary question.

    Attributes
    ----------
    feature
        Sensitive feature of the groups; None without one.
    overall, groups
        Discrimination among all images, and in each group.
    net_benefit
        The decision curve, one threshold probability an item.
    """

    feature: str | None
    overall: Discrimination
    groups: dict[str, Discrimination]
    net_benefit: tuple[NetBenefit, ...]
