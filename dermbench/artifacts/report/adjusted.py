"""The record of the primary comparison, adjusted for the true class and further columns."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dermbench.artifacts.report.parts import DRAWN, Cell, Part


class AdjustedContrast(Part):
    """The difference between two sides: raw, with the true class held fixed, and with all columns held fixed.

    Attributes
    ----------
    first, second
        Names of the groups on either side.
    kind
        ``primary``: the contrast of the primary row. ``rest``: one group against all others.
    raw
        Mean of the first side minus mean of the second, with nothing held fixed.
    by_class
        The difference with the true class held fixed.
    adjusted
        The difference with the true class and the columns held fixed.
    n_one_sided
        Images of classes that occur on one side only; only ``raw`` includes them.
    n_rare
        Images of rare classes, which share one parameter.
    """

    first: tuple[str, ...] = Field(min_length=1)
    second: tuple[str, ...] = Field(min_length=1)
    kind: Literal["primary", "rest"]
    raw: Cell
    by_class: Cell
    adjusted: Cell
    n_one_sided: int = Field(ge=0)
    n_rare: int = Field(ge=0)

    @model_validator(mode="after")
    def _sides_differ(self) -> Self:
        if set(self.first) & set(self.second):
            raise ValueError("a group is on both sides")
        return self


class Adjusted(Part):
    """The primary metric between groups, adjusted for the true class and further columns.

    Attributes
    ----------
    metric, feature
        The primary question.
    columns
        Columns of the truth that are held fixed besides the true class.
    levels
        {column: number of categories} of columns that are read as categories; the others are numbers.
    contrasts
        First the contrast of the primary row, then each group against the others. The choice of the primary row's
        contrast depends on random draws.
    """

    metric: str
    feature: str
    columns: tuple[str, ...] = Field(min_length=1)
    levels: dict[str, int] = Field(default_factory=dict)
    contrasts: Annotated[tuple[AdjustedContrast, ...], DRAWN] = Field(min_length=1)
