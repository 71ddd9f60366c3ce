"""The first screen of a report, a comparison or a plan as an HTML fragment, for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.reporting.compared.tables import comparison_sections
from dermbench.reporting.numbers import MARK
from dermbench.reporting.pages.page import environment
from dermbench.reporting.plan import plan_sections
from dermbench.reporting.sections.summary import metric_sections, summary_section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.artifacts.comparison import Comparison
    from dermbench.artifacts.plan import Plan
    from dermbench.artifacts.report import Report
    from dermbench.reporting.section import Section

FEW = 2
"""Number of comparison tables on the first screen: rank bands, and differences on all images."""


def report_fragment(report: Report, title: str) -> str:
    """Return summary, headline metrics and headline gaps of a report."""
    tables = [*summary_section(report), *metric_sections(report)]
    return _fragment(title, [table for table in tables if not table.detail])


def comparison_fragment(comparison: Comparison, title: str) -> str:
    """Return rank bands and differences on all images of a comparison."""
    return _fragment(title, comparison_sections(comparison)[:FEW])


def plan_fragment(plan: Plan, title: str) -> str:
    """Return the answers of a plan."""
    return _fragment(title, plan_sections(plan)[:1])


def _fragment(title: str, tables: Sequence[Section]) -> str:
    """Return the tables as HTML; text is escaped and contains no formulas for notebooks to typeset."""
    page = environment().get_template("notebook.html.j2")
    reasons = [[note for note in table.notes if MARK.match(note)] for table in tables]
    return page.render(title=title, tables=list(zip(tables, reasons, strict=True)))
