"""A report as tables: the summary first, then classes, each sensitive feature, calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.reporting.adjusted import adjusted_sections
from dermbench.reporting.annotators import annotator_sections
from dermbench.reporting.calibration import calibration_sections
from dermbench.reporting.classes import confusion_section, per_class_section
from dermbench.reporting.clinical import clinical_sections
from dermbench.reporting.disparity import disparity_sections
from dermbench.reporting.groups import group_sections, twins
from dermbench.reporting.names import feature_title, sorted_features
from dermbench.reporting.no_answer import no_answer_sections
from dermbench.reporting.parity import parity_sections
from dermbench.reporting.screen import screen_sections
from dermbench.reporting.skin_error import skin_error_sections
from dermbench.reporting.summary import summary_sections
from dermbench.reporting.without_twins import twin_sections

if TYPE_CHECKING:
    from dermbench.artifacts.report import Report
    from dermbench.reporting.section import Section


def sections(report: Report) -> list[Section]:
    """Return every table of a report, in reading order.

    A feature that repeats an earlier one, group by group, has no tables: the list of disparities says so.
    """
    first, *further = summary_sections(report)
    clinical = clinical_sections(report)
    again = [*twin_sections(report), *adjusted_sections(report), *skin_error_sections(report)]
    leading = [first, *no_answer_sections(report), *clinical[:1], *further, *clinical[1:], *again]
    tables = [*leading, per_class_section(report), confusion_section(report)]
    same = twins(report.features)
    names = [name for name in sorted_features(report.features) if name not in same]
    for i, name in enumerate(names):
        tables += feature_sections(report, name, main=i == 0)
    tables += calibration_sections(report)
    return [table for table in tables if table is not None and (table.rows or table.notes or table.sentences)]


def feature_sections(report: Report, name: str, *, main: bool) -> list[Section]:
    """Return the tables of one feature; those of the main one are explained and in the short report."""
    title, feature = feature_title(name), report.features[name]
    return [
        *group_sections(title, feature, report.first_metrics, detail=not main),
        *disparity_sections(title, feature, report, explain=main, detail=not main),
        *screen_sections(title, feature, report.classes),
        *annotator_sections(title, feature, report),
        *parity_sections(title, feature, explain=main),
    ]
