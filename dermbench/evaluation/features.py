"""The report's record of each sensitive feature: groups, gaps, recall by class, parity, annotators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.report import LEVEL, Feature, Group, Undefined
from dermbench.evaluation.annotators import annotators, labellings
from dermbench.evaluation.cells import group_cells
from dermbench.evaluation.core.groups import SMALL
from dermbench.evaluation.disparity.class_mix import standardised
from dermbench.evaluation.disparity.parity import parity
from dermbench.evaluation.disparity.rows import disparity_rows
from dermbench.evaluation.disparity.screen import screen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dermbench.artifacts.report import ScreenRow
    from dermbench.evaluation.core.group_tables import GroupTable
    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.disparity.rows import Questions
    from dermbench.evaluation.intervals.every_metric import GroupEstimates
    from dermbench.evaluation.resampling.plan import Plan


@dataclass(frozen=True)
class Evaluated:
    """Inputs that the records of all features share.

    Attributes
    ----------
    sample, metrics
        Predictions and truth, and the metrics to report.
    tables, found
        {feature: values of the groups} and {feature: their estimates}; the key of all images is None.
    plan
        Seed, number of resamples, workers.
    questions
        The primary question, its margin, and the number of features.
    unit
        Column of the units that are permuted as a whole; None when images count as independent.
    """

    sample: Sample
    metrics: Sequence[Metric]
    tables: Mapping[str | None, GroupTable]
    found: Mapping[str | None, GroupEstimates]
    plan: Plan
    questions: Questions
    unit: str | None


def feature_records(
    data: Evaluated, groupings: Sequence[Grouping], others: Sequence[Grouping], primary: Metric
) -> dict[str, Feature]:
    """Return {feature: record}.

    Parameters
    ----------
    data
        Inputs that all records share.
    groupings
        Sensitive features.
    others
        Skin type by further annotators; shown with the first skin-type feature, not as features.
    primary
        Metric of the primary question; its gap is shown under each annotator's labels.
    """
    made = {grouping.feature: _feature(data, grouping) for grouping in groupings}
    sources = labellings([*groupings, *others])
    if len(sources) > 1 and sources[0].feature in made:
        name = sources[0].feature
        band = annotators(data.sample, sources, primary)
        made[name] = made[name].model_copy(update={"annotators": band})
    return made


def _feature(data: Evaluated, grouping: Grouping) -> Feature:
    sample, table = data.sample, data.tables[grouping.feature]
    found = screen(sample, grouping)
    return Feature(
        role="intersection" if grouping.intersection else "group",
        ordered=grouping.ordered,
        unit=data.unit,
        unknown_n=int((grouping.codes < 0).sum()),
        annotators=None,
        groups=_groups(data, grouping, table),
        disparities=disparity_rows(
            sample,
            grouping,
            data.metrics,
            table,
            data.found[grouping.feature],
            data.plan,
            data.questions,
            withheld=_withheld(found),
        ),
        screen=found,
        parity=parity(sample, grouping, data.plan),
    )


def _withheld(found: dict[str, ScreenRow] | Undefined) -> str | None:
    """Say why a margin on an average over classes would mislead; None if no class stands out in the screen."""
    if isinstance(found, Undefined):
        return None
    failing = [name for name, row in found.items() if row.worst is not None and row.worst.q <= LEVEL]
    return f"recall of {', '.join(failing)} differs between groups" if failing else None


def _groups(data: Evaluated, grouping: Grouping, table: GroupTable) -> dict[str, Group]:
    sample = data.sample
    every = group_cells(table, data.metrics, data.found[grouping.feature])
    cells = dict(zip(table.grouping.names, every, strict=True))
    if len(grouping.known().names) > 1:
        for (name, metric), estimate in standardised(sample, grouping).items():
            cells[str(name)][metric] = estimate.cell()
    return {
        name: Group(
            n=len(rows), units=len(np.unique(sample.units[rows])), small=len(rows) < SMALL, cells=cells[name]
        )
        for name, rows in zip(table.grouping.names, table.rows, strict=True)
    }
