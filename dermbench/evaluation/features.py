"""The report's block of a sensitive feature: groups, disparities, parity, annotators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.evaluation.annotators import annotators, labellings
from dermbench.evaluation.cells import group_cells
from dermbench.evaluation.core.groups import SMALL
from dermbench.evaluation.disparity.class_mix import standardised
from dermbench.evaluation.disparity.documents import disparities, disparity_documents, parity_documents

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.group_tables import GroupTable
    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.disparity.documents import Disparities
    from dermbench.evaluation.intervals.every_metric import GroupEstimates
    from dermbench.evaluation.resampling.plan import Plan

Document = dict[str, Any]


def feature_blocks(
    sample: Sample,
    groupings: Sequence[Grouping],
    metrics: Sequence[Metric],
    tables: Mapping[str | None, GroupTable],
    estimated: Mapping[str | None, GroupEstimates],
    plan: Plan,
) -> Document:
    """Return {feature: {groups, disparities, parity[, annotators]}}.

    A group has {n, units, small[, classes_absent], metric: cell}: macro averages are over the classes of which it
    has a case, all but ``classes_absent``. ``annotators`` stands with the first skin-type feature where there are
    several that differ.

    Parameters
    ----------
    sample, groupings, metrics
        What is compared.
    tables
        {feature: table} of :func:`~dermbench.evaluation.core.group_tables.group_tables`.
    estimated
        {feature: :func:`~dermbench.evaluation.intervals.every_metric.estimates`}.
    plan
        Seed, number of resamples, workers.
    """
    blocks: Document = {}
    compared: dict[str, Disparities] = {}
    for grouping in groupings:
        found = estimated[grouping.feature]
        compared[grouping.feature] = disparities(sample, grouping, metrics, found, plan)
        blocks[grouping.feature] = {
            "groups": _groups(sample, grouping, tables[grouping.feature], metrics, found),
            "disparities": disparity_documents(compared[grouping.feature], sample.classes),
            "parity": parity_documents(sample, grouping, plan),
        }
    sources = labellings(groupings)
    if len(sources) > 1:
        blocks[sources[0].feature]["annotators"] = annotators(sample, sources, metrics, compared, plan)
    return blocks


def _groups(
    sample: Sample, grouping: Grouping, table: GroupTable, metrics: Sequence[Metric], found: GroupEstimates
) -> Document:
    blocks: Document = {}
    cells_of_groups = group_cells(sample, table, metrics, found)
    for name, rows, cells in zip(table.grouping.names, table.rows, cells_of_groups, strict=True):
        units = len(np.unique(sample.units[rows]))
        about = {"n": len(rows), "units": units, "small": len(rows) < SMALL} | _absent(sample, rows)
        blocks[name] = about | cells
    for (name, metric), cell in _standardised(sample, grouping).items():
        blocks[name][metric] = cell
    return blocks


def _absent(sample: Sample, rows: NDArray[np.intp]) -> Document:
    """Return the classes of which a group has no case, so that its macro averages leave them out."""
    support = sample.tally(rows).support
    absent = [name for name, n in zip(sample.classes, support, strict=True) if n == 0]
    return {"classes_absent": absent} if absent else {}


def _standardised(sample: Sample, grouping: Grouping) -> dict[tuple[str, str], Document]:
    """Return accuracy and macro-F1 of each known group under the class mix of all of them."""
    if len(grouping.known().names) < 2:
        return {}
    return {key: interval.document() for key, interval in standardised(sample, grouping).items()}
