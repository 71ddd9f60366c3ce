"""The records of calibration and abstention."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from dermbench.artifacts.report.parts import DRAWN, Cell, Number, OrUndefined, Part


class CalibrationError(Part):
    """A calibration error over bins, beside what perfect calibration gives.

    Attributes
    ----------
    value
        The error; None when undefined.
    chance
        Median error of a perfectly calibrated model on as many images.
    p_value
        Share of draws from a perfectly calibrated model with at least this error.
    n, n_bins
        Images and bins.
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
        Mean confidence minus accuracy: above 0 the model is overconfident.
    squared_error
        Squared calibration error, debiased.
    ece
        Expected calibration error.
    aurc
        Area under the risk-coverage curve.
    curve
        Bins of equal mass, at most 15; only of all images.
    """

    confidence_gap: Cell
    squared_error: CalibrationError
    ece: CalibrationError
    aurc: Cell
    curve: tuple[CurvePoint, ...] = Field(default=(), max_length=15)


class Threshold(Part):
    """The confidence below which the model does not answer.

    Attributes
    ----------
    value
        The threshold.
    coverage
        Share of the images of ``split`` that reach it.
    split
        Split on which it was fitted.
    digest
        Content hash of the predictions on which it was fitted.
    """

    value: Number
    coverage: Number
    split: str
    digest: str


class Answered(Part):
    """What the threshold does to all images or to one group.

    Attributes
    ----------
    coverage
        Share of the images that are answered.
    selective_risk
        Error among them.
    """

    coverage: Cell
    selective_risk: Cell


class Abstention(Part):
    """Abstention at one threshold.

    Attributes
    ----------
    threshold
        Fitted on another split.
    overall
        All images.
    features
        {feature: {group: what is answered}}.
    """

    threshold: Threshold
    overall: Answered
    features: dict[str, dict[str, Answered]]


class Calibration(Part):
    """What the probabilities are worth.

    Attributes
    ----------
    overall
        All images.
    features
        {feature: {group: calibration}}.
    abstention
        Abstention, or the reason why there is none.
    """

    overall: GroupCalibration
    features: dict[str, dict[str, GroupCalibration]]
    abstention: OrUndefined[Abstention]
