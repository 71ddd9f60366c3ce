"""JSON with one cell per line: short, and readable in a diff."""

from __future__ import annotations

import json
from typing import Any


def compact_json(document: Any) -> str:
    """Return JSON with sorted keys and a final newline; an object or list without inner objects is one line.

    Raises
    ------
    ValueError
        For NaN and infinity.
    """
    return "".join(_lines(document, "")) + "\n"


def _lines(item: Any, indent: str) -> list[str]:
    if _is_leaf(item):
        return [_line(item)]
    inner = indent + " "
    if isinstance(item, dict):
        parts = ["".join([_line(key), ": ", *_lines(item[key], inner)]) for key in sorted(item)]
        opening, closing = "{}"
    else:
        parts = ["".join(_lines(each, inner)) for each in item]
        opening, closing = "[]"
    return [opening, "\n", inner, f",\n{inner}".join(parts), "\n", indent, closing]


def _is_leaf(item: Any) -> bool:
    if isinstance(item, dict):
        return not any(isinstance(each, dict) or _nested(each) for each in item.values())
    return not _nested(item)


def _nested(item: Any) -> bool:
    return isinstance(item, list | tuple) and any(isinstance(each, dict | list | tuple) for each in item)


def _line(item: Any) -> str:
    return json.dumps(item, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
