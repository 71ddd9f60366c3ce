"""The keys of each JSON artifact, as docs/reference/formats.md lists them.

``python tests/reporting/record_keys.py`` writes the lists anew.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap

from dermbench.artifacts.audit import Audit
from dermbench.artifacts.comparison import Comparison
from dermbench.artifacts.plan import Plan
from dermbench.artifacts.report import Report
from dermbench.artifacts.run import RunRecord

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "formats.md"
RECORDS = {"run": RunRecord, "report": Report, "comparison": Comparison, "audit": Audit, "plan": Plan}
BEGIN, END = "<!-- keys of {}: python tests/reporting/record_keys.py -->\n", "<!-- end of keys -->\n"
STEP = "    "
WIDTH = 110
NAMES = {
    "environment": "PACKAGE",
    "revision": "FACT",
    "config": "OPTION",
    "seconds": "PHASE",
    "scores": "METRIC",
    "metric_versions": "METRIC",
    "overall": "METRIC",
    "gaps": "METRIC",
    "disparities": "METRIC",
    "gap": "METRIC",
    "worst_group": "METRIC",
    "per_class": "CLASS",
    "class_weights": "CLASS",
    "recall": "CLASS",
    "features": "FEATURE GROUP",
    "groups": "GROUP",
    "cells": "GROUP",
    "parity": "MEASURE",
    "levels": "COLUMN",
    "error_rates": "COLUMN",
    "reasons": "KEY",
    "models": "MODEL METRIC",
    "seeds": "MODEL METRIC",
    "differences": "MODEL METRIC",
    "values": "MODEL GROUP METRIC",
    "margin": "METRIC MODEL",
    "pareto": "METRIC MODEL",
    "changes": "MODEL",
    "predictions_digest": "MODEL",
    "interpreted": "MODEL",
    "unanswered": "MODEL",
    "families": "FAMILY",
    "images": "SPLIT",
    "twins_of_training": "SPLIT",
    "leaked_images": "SPLIT",
    "screen": "CLASS",
}
"""What the keys of each mapping are, outer mapping first."""
ELSEWHERE = {
    ("comparison", "screen"): "MODEL",
    ("comparison features", "differences"): "MODEL GROUP METRIC",
    ("comparison seeds", "values"): "SEED",
}
"""Mappings whose keys are others in one place."""


def listing(kind):
    """Return the keys of one artifact as a tree; records that occur more than once stand below it, by name."""
    schema = RECORDS[kind].model_json_schema(by_alias=True)
    definitions = {name: part for name, part in schema.get("$defs", {}).items() if name != "Undefined"}
    shared = {name for name in definitions if str(schema).count(f"'#/$defs/{name}'") > 1}
    lines = _record(schema, definitions, shared, (kind,))
    for name in sorted(shared):
        lines += ["", name, *(STEP + line for line in _record(definitions[name], definitions, shared, (kind,)))]
    return "\n".join(["```", *lines, "```", ""])


def _record(part, definitions, shared, path):
    lines, plain = [], []
    for key, value in part.get("properties", {}).items():
        label, inner = _key(key, value, shared, path)
        if inner is None:
            plain.append(label)
            continue
        below = _record(definitions[inner], definitions, shared, (*path, key))
        one_line = f"{label}: {below[0]}"
        fits = len(below) == 1 and len(one_line) <= WIDTH - len(STEP) * len(path)
        lines += [*_wrapped(plain, path), *([one_line] if fits else [label, *(STEP + line for line in below)])]
        plain = []
    extra = part.get("additionalProperties")
    plain += [f"METRIC: {_reference(extra)}"] if isinstance(extra, dict) else []
    return lines + _wrapped(plain, path)


def _key(key, value, shared, path):
    """Return how a key is written, and the name of the record to list below it."""
    names = _names(path, key)
    suffix, optional, reason = "", "", ""
    while True:
        choices = value.get("anyOf", value.get("oneOf"))
        if choices is not None:
            optional = "?" if any(choice.get("type") == "null" for choice in choices) else optional
            reason = " or {reason}" if "Undefined" in map(_reference, choices) else reason
            left = [one for one in choices if one.get("type") != "null" and _reference(one) != "Undefined"]
            value = left[0]
        elif isinstance(value.get("items"), dict):
            suffix += "[]"
            value = value["items"]
        elif "prefixItems" in value:
            suffix += "[]"
            value = {}
        elif isinstance(value.get("additionalProperties"), dict):
            suffix += f"{{{names.pop(0)}}}"
            value = value["additionalProperties"]
        else:
            break
    name = _reference(value)
    of = f": {name}" if name in shared else ""
    return f"{key}{suffix}{optional}{of}{reason}", name if name not in {"", "JsonValue", *shared} else None


def _names(path, key):
    names = NAMES.get(key, "")
    for place in (path[0], f"{path[0]} {path[-1]}"):
        names = ELSEWHERE.get((place, key), names)
    return names.split()


def _reference(value):
    return value.get("$ref", "").rpartition("/")[2]


def _wrapped(words, path):
    """Return keys on lines, none of them divided."""
    whole = ", ".join(word.replace(" ", "\xa0") for word in words)
    width = WIDTH - len(STEP) * len(path)
    return [line.replace("\xa0", " ") for line in wrap(whole, width, break_on_hyphens=False)]


def written(kind):
    """Return the list of one artifact as the page has it."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN.format(kind))[2].partition(END)[0]


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    for one in RECORDS:
        before, begin, rest = page.partition(BEGIN.format(one))
        _, end, after = rest.partition(END)
        page = f"{before}{begin}{listing(one)}{end}{after}" if begin else page
    PAGE.write_text(page, encoding="utf-8")
