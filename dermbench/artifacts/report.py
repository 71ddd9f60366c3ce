"""The report: every number with its n and interval; undefined is ``null`` with a reason."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from dermbench.artifacts.records import Record


class Cell(Record):
    """One number: ``{value, low, high, n, method}``, or ``{value: null, reason}``.

    Attributes
    ----------
    value
        The estimate; None when undefined.
    low, high
        Ends of the 95 % interval; None when there is no interval.
    n
        Number of images the value rests on.
    method
        How the interval was made.
    reason
        Why the value, or else its interval, is undefined.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    method: str | None = None
    reason: str | None = None

    @model_validator(mode="after")
    def _undefined_has_a_reason(self) -> Cell:
        if self.value is None and not self.reason:
            raise ValueError("an undefined value needs a reason")
        return self

    def document(self) -> dict[str, Any]:
        """Return the contracted keys only: those that are set, and ``value`` always."""
        full = super().document()
        return {key: item for key, item in full.items() if key == "value" or item is not None}


def undefined(reason: str) -> Cell:
    """Return the cell of an undefined quantity."""
    return Cell(value=None, reason=reason)


class Report(Record):
    """Content of ``report.json``.

    The blocks are plain JSON values: ``overall`` {metric: cell}; ``per_class`` {class: {precision, recall,
    f1: cell, support}}; ``confusion`` {labels, matrix}; ``features`` {feature: {groups {group: {n, metric:
    cell}}, disparities {metric: {...}}}}; ``notes`` says in words what a reader must know.
    """

    schema_: Literal["dermbench.report/1"] = Field("dermbench.report/1", alias="schema")
    task: str
    split: str
    n: int
    classes: tuple[str, ...]
    provenance: dict[str, Any]
    overall: dict[str, Any]
    per_class: dict[str, Any]
    confusion: dict[str, Any]
    calibration: dict[str, Any] = Field(default_factory=dict)
    features: dict[str, Any] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)
