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
    """Results at an operating point, for all images or one group.

    Attributes
    ----------
    sensitivity, specificity
        Share of positive images that are called positive, and share of other images that are not.
    ppv, npv
        Predictive values of a positive and of a negative call, one per stated prevalence.
    """

    sensitivity: Cell
    specificity: Cell
    ppv: tuple[AtPrevalence, ...] = ()
    npv: tuple[AtPrevalence, ...] = ()


class FittedOn(Part):
    """The images on which a threshold was fitted.

    Attributes
    ----------
    split
        Split of the images.
    n
        Number of images.
    digest
        Content hash of their truth.
    low, high
        95 % limits of the threshold; null for an end that has no limit because there are too few images.
    """

    split: str
    n: int = Field(ge=0)
    digest: str
    low: Number | None
    high: Number | None


class OperatingPoint(Part):
    """A rule for calling images positive, and its results.

    Attributes
    ----------
    name
        Name for people.
    rule
        ``argmax``: the predicted class. ``threshold``: a stated threshold. ``sensitivity``, ``specificity``: the
        threshold that reaches the target on validation images.
    target
        The stated threshold, sensitivity or specificity; None for ``argmax``.
    threshold
        Images with at least this probability of the positive classes are called positive; None for ``argmax``, and
        if no image is called positive.
    fitted_on
        The images for fitting; None if the threshold was not fitted.
    feature
        Sensitive feature of the groups; None without one.
    overall, groups
        Results for all images, and for each group.
    gaps
        {metric: gap between the groups} at the threshold; exploratory. For a fitted threshold, limits and p-value
        are the most cautious over its interval. Empty for ``argmax``, whose gaps are in the feature.
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
    """One point of a ROC curve: share of other images and share of positive images that are called positive."""

    false_positive: Number = Field(ge=0, le=1)
    true_positive: Number = Field(ge=0, le=1)


class Discrimination(Part):
    """Separation of positive and other images by their probabilities, at all thresholds.

    Attributes
    ----------
    auroc
        Area under the ROC curve.
    roc
        The curve from (0, 0) to (1, 1); empty if all images are of one kind.
    """

    auroc: Cell
    roc: tuple[RocPoint, ...]


class NetBenefit(Part):
    """Net benefit at one threshold probability, in true positives per image.

    Attributes
    ----------
    probability
        Threshold probability, at which acting and not acting have equal value.
    overall, groups
        Net benefit of the model, for all images and for each group.
    everyone
        Net benefit of acting on every image; acting on none has 0.
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
        Discrimination in all images, and in each group.
    net_benefit
        The decision curve, one item per threshold probability.
    """

    feature: str | None
    overall: Discrimination
    groups: dict[str, Discrimination]
    net_benefit: tuple[NetBenefit, ...]
