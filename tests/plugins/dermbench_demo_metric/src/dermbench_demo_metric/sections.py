"""A section that dermbench's reports show where this package is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.wording import decimal
from dermbench.reporting.report_sections import ReportMaker
from dermbench.reporting.section import Column, Section
from dermbench.reporting.text import Safe

if TYPE_CHECKING:
    from dermbench.artifacts.report import Report


def chance_level(report: Report) -> list[Section]:
    """Return the accuracy of guessing a class at random."""
    row = (Safe(len(report.classes)), decimal(1 / len(report.classes)))
    return [Section("Chance level", (Column("classes"), Column("accuracy of guessing")), (row,))]


CHANCE_LEVEL = ReportMaker(45, chance_level)
