"""The sections of a report, one module per kind; each registers its makers in ``SECTIONS``.

Every module in this package is imported automatically.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from dermbench.reporting.features import shown_features
from dermbench.reporting.report_sections import FEATURES_ORDER, SECTIONS, FeatureMaker, FeatureView, ReportMaker

if TYPE_CHECKING:
    from dermbench.artifacts.report import Report
    from dermbench.reporting.section import Section

for _module in sorted(module.name for module in iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")


def sections(report: Report) -> list[Section]:
    """Return every section of a report that has something to show, in reading order.

    A feature that repeats an earlier one has no tables of its own; the table of disparities has a note about it.
    """
    found = sorted(map(SECTIONS.get, SECTIONS), key=lambda maker: maker.order)
    whole = [maker for maker in found if isinstance(maker, ReportMaker)]
    first = [maker for maker in whole if maker.order < FEATURES_ORDER]
    makers = [maker for maker in found if isinstance(maker, FeatureMaker)]
    views = [FeatureView(report, name, main=i == 0) for i, name in enumerate(shown_features(report.features))]
    tables = [
        *(replace(table, topic=maker.topic) for maker in first for table in maker.make(report)),
        *(replace(table, topic=maker.topic) for view in views for maker in makers for table in maker.make(view)),
        *(replace(table, topic=maker.topic) for maker in whole[len(first) :] for table in maker.make(report)),
    ]
    return [table for table in tables if table.rows or table.notes or table.sentences]
