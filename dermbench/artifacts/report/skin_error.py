"""The record of the primary gap corrected for errors in the skin types."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dermbench.artifacts.report.parts import DRAWN, Cell, Number, Part

ErrorModel = Literal["dawid_skene", "adjacent"]
"""Model of label errors: error rates of each labelling (Dawid & Skene), or rates shared by two labellings."""


class CorrectedContrast(Part):
    """The difference between two sides of the skin types, uncorrected and corrected for label errors.

    Attributes
    ----------
    first, second
        Names of the groups on either side.
    kind
        ``primary``: the contrast of the primary row. ``bands``: two bands of skin types.
    uncorrected
        Within-class difference, first side minus second, by the labels of the feature.
    corrected
        Estimated within-class difference by the true types.
    """

    first: tuple[str, ...] = Field(min_length=1)
    second: tuple[str, ...] = Field(min_length=1)
    kind: Literal["primary", "bands"]
    uncorrected: Cell
    corrected: Cell

    @model_validator(mode="after")
    def _sides_differ(self) -> Self:
        if set(self.first) & set(self.second):
            raise ValueError("a group is on both sides")
        return self


class SkinTypeError(Part):
    """The primary gap corrected for errors in the skin types; a sensitivity analysis.

    Attributes
    ----------
    metric, feature
        The primary question.
    columns
        Columns of the truth with the labellings.
    model
        Model of label errors.
    error_rates
        {column: estimated share of labels that differ from the true type}.
    assumption
        Assumption of the correction, in words.
    resamples
        Number of bootstrap resamples for the limits.
    contrasts
        First the contrast of the primary row, then the pairs of bands.
    """

    metric: str
    feature: str
    columns: tuple[str, ...] = Field(min_length=2)
    model: ErrorModel
    error_rates: dict[str, Annotated[Number, Field(ge=0, le=1)]]
    assumption: str
    resamples: int = Field(ge=1)
    contrasts: Annotated[tuple[CorrectedContrast, ...], DRAWN] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_a_rate_for_each(self) -> Self:
        if set(self.error_rates) != set(self.columns):
            raise ValueError("error rates are not those of the columns")
        return self
