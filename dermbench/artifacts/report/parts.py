"""Base of the records of a report, marks of fields that depend on random draws, and the cell."""

from __future__ import annotations

from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    model_serializer,
    model_validator,
)

from dermbench.artifacts.records import DIGITS

ALWAYS, MARKED, LOCAL = "always", "where marked", "local"
DRAWN = Field(json_schema_extra={"drawn": ALWAYS})
"""Marks a field that depends on random draws."""
DRAWN_WHERE_MARKED = Field(json_schema_extra={"drawn": MARKED})
"""Marks a field that depends on random draws if ``drawn`` of the record is true."""
OF_THIS_MACHINE = Field(json_schema_extra={"drawn": LOCAL})
"""Marks a field that depends on the software of the machine that made the report."""


def rounded(value: float) -> float:
    """Return a number as in a report: six decimals, no negative zero."""
    return round(float(value), DIGITS) + 0.0


Number = Annotated[float, Field(allow_inf_nan=False), AfterValidator(rounded)]
"""A finite number, rounded when the record is made, so that record and file agree."""


class Part(BaseModel):
    """A part of a report: immutable, without unknown keys.

    A field is not written to the file if it has its default value. A field without a default is always written,
    with ``null`` for None.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        full: dict[str, Any] = handler(self)
        for name, field in type(self).model_fields.items():
            if not field.is_required() and getattr(self, name) == field.get_default(call_default_factory=True):
                full.pop(name, None)
        return full

    def document(self) -> dict[str, Any]:
        """Return the part as plain JSON values under the keys of the file."""
        return self.model_dump(mode="json")


class Undefined(Part):
    """Replaces a part of a report that is undefined.

    Attributes
    ----------
    reason
        Why it is undefined, in words.
    """

    reason: str = Field(min_length=1)


class Cell(Part):
    """One number: ``{value, low, high, n, method}``, or ``{value: null, reason}``.

    Attributes
    ----------
    value
        The estimate; None if undefined.
    low, high
        Limits of the 95 % interval; None without an interval.
    n
        Number of images behind the value.
    method
        Method of the interval.
    reason
        Why the value or its interval is undefined.
    drawn
        Whether the interval depends on random draws.
    """

    value: Number | None
    low: Annotated[Number | None, DRAWN_WHERE_MARKED] = None
    high: Annotated[Number | None, DRAWN_WHERE_MARKED] = None
    n: int | None = Field(default=None, ge=0)
    method: Annotated[str | None, DRAWN_WHERE_MARKED] = None
    reason: str | None = None
    drawn: bool = False

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.value is None and not self.reason:
            raise ValueError("an undefined value needs a reason")
        if (self.low is None) != (self.high is None):
            raise ValueError("an interval has two ends")
        if self.value is None and self.low is not None:
            raise ValueError("an undefined value has no interval")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"the interval is reversed: {self.low} to {self.high}")
        return self


def undefined(reason: str, *, n: int | None = None) -> Cell:
    """Return the cell of an undefined quantity."""
    return Cell(value=None, reason=reason, n=n)


Kept = TypeVar("Kept")


def _tag(item: object) -> str:
    if isinstance(item, Undefined):
        return "undefined"
    return "undefined" if isinstance(item, dict) and isinstance(item.get("reason"), str) else "defined"


OrUndefined = Annotated[
    Annotated[Kept, Tag("defined")] | Annotated[Undefined, Tag("undefined")], Discriminator(_tag)
]
"""``OrUndefined[X]`` is X, or the reason why there is none."""
