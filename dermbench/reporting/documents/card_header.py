"""The YAML header of a model card, as model hubs read it; every text in it is quoted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dermbench.errors import printable
from dermbench.reporting.names import headline_metrics, metric_title, shown_metrics
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from dermbench.reporting.documents.evidence import Evidence

TAGS = ("image-classification", "dermatology", "skin-lesions", "fairness", "medical", "not-for-clinical-use")


def header(evidence: Evidence) -> str:
    """Return the header with its rules: tags, and the defined metrics of all images as a ``model-index``.

    The licence is left to the author. Texts are JSON strings, which are valid YAML. Numbers have no exponent,
    which YAML 1.1 would read as text.
    """
    lines = ["---", "# license: the author must state it", "pipeline_tag: image-classification"]
    if evidence.run is not None:
        lines.append("library_name: dermbench")
    lines += ["tags:", *(f"- {tag}" for tag in TAGS), *_index(evidence), "---"]
    return "\n".join(lines)


def _index(evidence: Evidence) -> list[str]:
    report = evidence.report
    leading = headline_metrics(report.overall, report.first_metrics)
    names = [*leading, *(name for name in shown_metrics(report.overall) if name not in leading)]
    metrics = []
    for name in names:
        value = report.overall[name].value
        if value is not None:
            metrics += [
                f"    - type: {quoted(name)}",
                f"      name: {quoted(_title(evidence, name))}",
                f"      value: {number(value)}",
            ]
    if not metrics:
        return []
    title = report.task if evidence.dataset is None else evidence.dataset.info.title or report.task
    return [
        "model-index:",
        f"- name: {quoted(report.model or 'unnamed')}",
        "  results:",
        "  - task:",
        "      type: image-classification",
        "    dataset:",
        f"      type: {quoted(report.task)}",
        f"      name: {quoted(title)}",
        f"      split: {quoted(report.split)}",
        "    metrics:",
        *metrics,
    ]


def _title(evidence: Evidence, name: str) -> str:
    """Return the title of a metric; sensitivity and specificity name the positive classes."""
    positive = evidence.report.positive
    if positive is None or name not in ("sensitivity", "specificity"):
        return metric_title(name)
    return f"{metric_title(name)} (positive: {', '.join(positive.classes)})"


def quoted(text: str) -> str:
    """Return one line of text as a JSON string without characters that YAML forbids."""
    return json.dumps(printable(plain(text), keep=""), ensure_ascii=False)


def number(value: float) -> str:
    """Return a number of a report, six decimals at most, never in scientific notation."""
    text = f"{value:.6f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text
