"""Sentence in figures about images without a usable prediction, which count as wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.wording import counted

if TYPE_CHECKING:
    from dermbench.artifacts.report import Report


def drawn_as_wrong(report: Report) -> str:
    """Return a sentence with a leading space about images that are drawn as wrong answers; empty if none."""
    absent = 0 if report.no_answer is None else report.no_answer.overall.absent
    what = "is drawn as a wrong answer" if absent == 1 else "are drawn as wrong answers"
    return f" {counted(absent, 'image')} without a usable prediction {what}." if absent else ""
