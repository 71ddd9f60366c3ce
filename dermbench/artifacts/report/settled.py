"""The parts of a report that do not depend on the machine or on random draws, for exact comparison by checks."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from dermbench.artifacts.report.parts import ALWAYS, LOCAL, MARKED, Cell
from dermbench.artifacts.report.report import Report


def reproducible(report: Report) -> dict[str, Any]:
    """Return the document without fields that depend on the machine, for a full check.

    The same predictions, truth and settings give the same document on every machine.
    """
    return _strip(report, frozenset({LOCAL}))


def settled(report: Report) -> dict[str, Any]:
    """Return the document without fields that depend on the machine or on random draws, for a quick check.

    Each field of the records declares whether it is drawn. The number of resamples is left out too, so that
    reports with few and with many resamples can be compared.
    """
    found = _strip(report, frozenset({LOCAL, ALWAYS, MARKED}))
    del found["provenance"]["resamples"]
    return found


def _strip(record: BaseModel, left_out: frozenset[str]) -> dict[str, Any]:
    full = record.model_dump(mode="json", by_alias=True)
    marked = bool(getattr(record, "drawn", False))
    for name, field in type(record).model_fields.items():
        key = field.alias or name
        extra = field.json_schema_extra
        kind = extra.get("drawn") if isinstance(extra, dict) else None
        if kind in left_out and (kind != MARKED or marked):
            full.pop(key, None)
        elif key in full:
            full[key] = _within(getattr(record, name), full[key], left_out)
        elif name == "cells":
            full |= _within(record.cells, full, left_out)  # type: ignore[attr-defined]
    return full


def _within(item: object, written: Any, left_out: frozenset[str]) -> Any:
    if isinstance(item, Cell) and ALWAYS in left_out:
        return _cell(item)
    if isinstance(item, BaseModel):
        return _strip(item, left_out)
    if isinstance(item, dict):
        return {key: _within(each, written[key], left_out) for key, each in item.items()}
    if isinstance(item, list | tuple):
        return [_within(each, shown, left_out) for each, shown in zip(item, written, strict=True)]
    return written


def _cell(cell: Cell) -> dict[str, Any]:
    """Return value and n, closed-form limits, and the reason for an undefined value.

    The existence of an interval can depend on the draws, so the reason for a missing interval is left out.
    """
    kept: dict[str, Any] = {"value": cell.value, "n": cell.n}
    if cell.value is None:
        kept["reason"] = cell.reason
    elif cell.low is not None and not cell.drawn:
        kept |= {"low": cell.low, "high": cell.high, "method": cell.method}
    return kept
