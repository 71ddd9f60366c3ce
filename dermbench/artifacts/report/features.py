"""The records of one sensitive feature: groups, gaps, recall by class and group, parity, annotators."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from dermbench.artifacts.report.disparity import Disparity
from dermbench.artifacts.report.parts import (
    DRAWN,
    DRAWN_WHERE_MARKED,
    Cell,
    Number,
    OrUndefined,
    Part,
)

THIN = 10
"""Fewest images of a class in a group for a recall that is not marked as thin."""


class Group(Part):
    """One group; in the file its cells are beside ``n``, ``units`` and ``small``.

    Attributes
    ----------
    n, units
        Number of images, and of units (patients, lesions) that are resampled.
    small
        Whether the group has fewer than 30 images.
    cells
        {metric: cell}.
    """

    n: int = Field(ge=0)
    units: int = Field(ge=0)
    small: bool
    cells: dict[str, Cell]

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "cells" in given:
            return given
        own = {name: item for name, item in given.items() if name in _OWN}
        return own | {"cells": {name: item for name, item in given.items() if name not in _OWN}}

    @model_validator(mode="after")
    def _has_names_for_all(self) -> Self:
        taken = {*_OWN, "cells"} & self.cells.keys()
        if taken:
            raise ValueError(f"no metric can be called {', '.join(sorted(taken))}")
        return self

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        full: dict[str, Any] = handler(self)
        cells: dict[str, Any] = full.pop("cells")
        return full | cells

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema: JsonSchemaValue = handler.resolve_ref_schema(handler(core))
        cells = schema["properties"].pop("cells")
        schema["required"] = [name for name in schema["required"] if name != "cells"]
        schema["additionalProperties"] = cells["additionalProperties"]
        return schema


_OWN = frozenset({"n", "units", "small"})


class ScreenCell(Part):
    """Recall of one class in one group.

    Attributes
    ----------
    k, n
        Number of recognised images, and of all images of the class.
    low, high
        95 % Wilson interval of k/n; None without an image.
    q
        Corrected p-value (Benjamini-Hochberg) of the difference from the other groups; None if not tested.
    thin
        Whether there are fewer than :data:`THIN` images.
    """

    k: int = Field(ge=0)
    n: int = Field(ge=0)
    low: Number | None
    high: Number | None
    q: Number | None = Field(ge=0, le=1)
    thin: bool

    @model_validator(mode="after")
    def _counts_fit(self) -> Self:
        if self.k > self.n:
            raise ValueError(f"{self.k} of {self.n} images recognised")
        if self.thin != (self.n < THIN):
            raise ValueError(f"thin means fewer than {THIN} images; n is {self.n}")
        return self


class Worst(Part):
    """The groups in which a class is recognised least, compared with the other groups.

    Attributes
    ----------
    groups
        Names of the groups.
    k, n
        Number of recognised images, and of all images of the class, in these groups.
    rest_k, rest_n
        The same in the other groups.
    q
        Corrected p-value (Benjamini-Hochberg) of the difference.
    """

    groups: tuple[str, ...] = Field(min_length=1)
    k: int = Field(ge=0)
    n: int = Field(ge=0)
    rest_k: int = Field(ge=0)
    rest_n: int = Field(ge=0)
    q: Number = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _counts_fit(self) -> Self:
        if self.k > self.n or self.rest_k > self.rest_n:
            raise ValueError("more images recognised than there are")
        return self


class ScreenRow(Part):
    """Recall of one class by group.

    Attributes
    ----------
    cells
        {group: recall} of the known groups.
    worst
        The groups in which the class is recognised least; None if recalls are equal or cannot be compared. Does
        not depend on random draws.
    """

    cells: dict[str, ScreenCell]
    worst: Worst | None


Screen = OrUndefined[dict[str, ScreenRow]]
"""{class: recall by group}, or a reason."""


class ParityMeasure(Part):
    """A parity measure of the literature.

    Attributes
    ----------
    value
        The measure; None if undefined.
    chance
        Median value if the groups do not differ.
    p_value
        Share of permutations with a value at least as bad.
    null
        Permutation ``within class``, or ``free`` for measures that ignore the true class.
    per_class
        {class: range between groups} for the one-vs-rest measures; None for a skipped class.
    skipped
        Skipped classes.
    reason
        Why the value is None.
    """

    value: Number | None
    chance: Annotated[Number | None, DRAWN] = None
    p_value: Annotated[Number | None, DRAWN] = Field(default=None, ge=0, le=1)
    null: Literal["within class", "free"] | None = None
    per_class: dict[str, Number | None] | None = None
    skipped: tuple[str, ...] = ()
    reason: str | None = None

    @model_validator(mode="after")
    def _undefined_has_a_reason(self) -> Self:
        if self.value is None and not self.reason:
            raise ValueError("an undefined measure needs a reason")
        return self


Parity = OrUndefined[dict[str, ParityMeasure]]
"""{measure: value and chance level}, or a reason."""


class GapRange(Part):
    """Smallest and largest primary gap over the labels of several annotators.

    Attributes
    ----------
    min, max
        Smallest and largest gap.
    drawn
        Whether they depend on random draws.
    """

    min: Annotated[Number, DRAWN_WHERE_MARKED] = Field(ge=0)
    max: Annotated[Number, DRAWN_WHERE_MARKED] = Field(ge=0)
    drawn: bool = False

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"{self.min} is above {self.max}")
        return self


class Annotators(Part):
    """Agreement of several annotators, and the range of the primary gap over their labels.

    Attributes
    ----------
    columns
        Columns of the truth with the labels.
    exact, within_one
        Share of images with the same label, and with labels at most one step apart.
    gap
        Smallest and largest gap in the primary metric over the annotators, or the reason why there is none.
    """

    columns: tuple[str, ...] = Field(min_length=2)
    exact: Cell
    within_one: Cell
    gap: OrUndefined[GapRange]


class Feature(Part):
    """One sensitive feature.

    Attributes
    ----------
    role
        ``group``, or ``intersection`` of several features.
    ordered
        Whether the groups have an order.
    unit
        Column of the units that are permuted and resampled as a whole; None if images count as independent.
    unknown_n
        Number of images of unknown group; excluded from gaps.
    annotators
        Agreement of several annotators; None with one.
    groups
        {group: its numbers}; images without a value form the group ``unknown``.
    disparities
        {metric: gap}, or the reason why there is none.
    screen
        Recall by class and group.
    parity
        Parity measures of the literature.
    """

    role: Literal["group", "intersection"]
    ordered: bool
    unit: str | None
    unknown_n: int = Field(ge=0)
    annotators: Annotators | None
    groups: dict[str, Group]
    disparities: dict[str, OrUndefined[Disparity]]
    screen: Screen
    parity: Parity
