"""The records of calibration and abstention."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from dermbench.artifacts.report.parts import DRAWN, Cell, Number, OrUndefined, Part

MOST_COVERAGES = 30
"""Most points of a risk-coverage curve."""


class CalibrationError(Part):
    """A calibration error over bins, compared with a perfectly calibrated model.

    Attributes
    ----------
    value
        The error; None if undefined.
    chance
        Median error of a perfectly calibrated model on as many images.
    p_value
        Share of draws from a perfectly calibrated model with at least this error.
    n, n_bins
        Number of images and of bins.
    reason
        Why a value is None.
    """

    value: Number | None
    chance: Annotated[Number | None, DRAWN] = None
    p_value: Annotated[Number | None, DRAWN] = Field(default=None, ge=0, le=1)
    n: int = Field(ge=0)
    n_bins: int | None = None
    reason: str | None = None

    @model_validator(mode="after")
    def _undefined_has_a_reason(self) -> Self:
        if self.value is None and not self.reason:
            raise ValueError("an undefined error needs a reason")
        return self


class CurvePoint(Part):
    """One bin of a reliability curve.

    Attributes
    ----------
    confidence
        Mean confidence.
    accuracy, low, high
        Accuracy with its 95 % interval; None without one.
    n
        Images.
    """

    confidence: Number
    accuracy: Number
    low: Number | None
    high: Number | None
    n: int = Field(ge=0)


class GroupCalibration(Part):
    """Calibration of all images or of one group.

    Attributes
    ----------
    confidence_gap
        Mean confidence minus accuracy; positive for overconfidence.
    squared_error
        Debiased squared calibration error.
    ece
        Expected calibration error.
    aurc
        Area under the risk-coverage curve.
    curve
        Equal-mass bins, at most 15; only for all images.
    """

    confidence_gap: Cell
    squared_error: CalibrationError
    ece: CalibrationError
    aurc: Cell
    curve: tuple[CurvePoint, ...] = Field(default=(), max_length=15)


class CoveragePoint(Part):
    """One point of a risk-coverage curve: images at or above a confidence threshold are answered.

    Attributes
    ----------
    n
        Number of answered images.
    coverage
        Share of answered images.
    risk
        Error rate of the answered images.
    """

    n: int = Field(ge=1)
    coverage: Number = Field(gt=0, le=1)
    risk: Number = Field(ge=0, le=1)


def _to_all_images(points: tuple[CoveragePoint, ...]) -> tuple[CoveragePoint, ...]:
    if any(one.n >= two.n or one.coverage >= two.coverage for one, two in pairwise(points)):
        raise ValueError("the coverage of a risk-coverage curve does not rise")
    if points and points[-1].coverage != 1.0:
        raise ValueError(f"a risk-coverage curve ends at {points[-1].coverage}, not at all images")
    return points


RiskCoverage = Annotated[
    tuple[CoveragePoint, ...], Field(max_length=MOST_COVERAGES), AfterValidator(_to_all_images)
]
"""A risk-coverage curve, by rising coverage up to 1; empty without images."""


class GroupCurves(Part):
    """The curves of one group.

    Attributes
    ----------
    reliability
        Equal-mass bins by rising confidence; empty with too few images.
    risk_coverage
        Error rate against coverage.
    """

    reliability: tuple[CurvePoint, ...] = Field(max_length=15)
    risk_coverage: RiskCoverage


class ConfidenceCurves(Part):
    """Curves for figures, by the feature of the primary question.

    Attributes
    ----------
    feature
        Sensitive feature of the groups; None without one.
    risk_coverage
        Error rate against coverage of all images; their reliability curve is :attr:`GroupCalibration.curve`.
    groups
        {group: its curves}; images of unknown group have none.
    """

    feature: str | None
    risk_coverage: RiskCoverage
    groups: dict[str, GroupCurves]

    @model_validator(mode="after")
    def _groups_need_a_feature(self) -> Self:
        if self.feature is None and self.groups:
            raise ValueError("groups without a sensitive feature")
        return self


class Threshold(Part):
    """The confidence threshold below which images are not answered.

    Attributes
    ----------
    value
        The threshold.
    coverage
        Share of the images of ``split`` at or above the threshold.
    split
        Split for fitting.
    digest
        Content hash of the predictions for fitting.
    """

    value: Number
    coverage: Number
    split: str
    digest: str


class Answered(Part):
    """Coverage and selective risk of all images or of one group.

    Attributes
    ----------
    coverage
        Share of answered images.
    selective_risk
        Error rate of the answered images.
    """

    coverage: Cell
    selective_risk: Cell


class Abstention(Part):
    """Abstention at one threshold.

    Attributes
    ----------
    threshold
        The threshold, fitted on another split.
    overall
        Coverage and risk of all images.
    features
        {feature: {group: coverage and risk}}.
    """

    threshold: Threshold
    overall: Answered
    features: dict[str, dict[str, Answered]]


class Calibration(Part):
    """Calibration and abstention.

    Attributes
    ----------
    overall
        Calibration of all images.
    features
        {feature: {group: calibration}}.
    abstention
        Abstention, or the reason why there is none.
    curves
        Curves for figures; None in the reports of leaderboards, which do not draw them.
    """

    overall: GroupCalibration
    features: dict[str, dict[str, GroupCalibration]]
    abstention: OrUndefined[Abstention]
    curves: ConfidenceCurves | None = None
