"""Topics about the study as a whole: question, findings, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.reporting.documents import report_words
from dermbench.reporting.documents.dossier.facts import NOTHING, TOPICS, Facts

if TYPE_CHECKING:
    from dermbench.reporting.documents.evidence import Evidence


@TOPICS.register("abstract")
def abstract(e: Evidence) -> Facts:
    """Look up the findings in sentences."""
    return Facts(tuple(text.text for text in e.report.summary), ("report.json: summary",))


@TOPICS.register("question")
def question(e: Evidence) -> Facts:
    """Look up the primary question and how many others there are."""
    said = [*report_words.question(e.report), *report_words.tests(e.report)]
    return Facts(tuple(said), ("report.json: primary, family",)) if said else NOTHING


@TOPICS.register("limits")
def limits(e: Evidence) -> Facts:
    """Look up what the data cannot say."""
    said = (*report_words.said(e.report, "limits"), *e.report.notes)
    return Facts(said, ("report.json: summary, notes",)) if said else NOTHING


@TOPICS.register("interpretation")
def interpretation(e: Evidence) -> Facts:
    """Look up the findings that an interpretation starts from."""
    return Facts(
        tuple(report_words.said(e.report, "positive", "classes", "primary", "groups", "fails")),
        ("report.json: summary",),
    )
