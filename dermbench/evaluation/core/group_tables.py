"""Values of all metrics in all groups of all features, computed by one fairlearn MetricFrame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from fairlearn.metrics import MetricFrame

from dermbench.evaluation.core.groups import everyone
from dermbench.evaluation.core.scoring import scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample


@dataclass(frozen=True)
class GroupTable:
    """Values of metrics in the groups of one feature.

    Attributes
    ----------
    feature
        The sensitive feature; None for the table of all images.
    grouping
        Groups that occur; images of unknown group form a last group.
    metrics
        Names of the metrics.
    values
        Value of each metric in each group, NaN where undefined, shape (n_groups, n_metrics).
    """

    feature: str | None
    grouping: Grouping
    metrics: tuple[str, ...]
    values: NDArray[np.float64]

    @property
    def names(self) -> tuple[str | None, ...]:
        """Names of the groups; (None,) for the table of all images."""
        return (None,) if self.feature is None else self.grouping.names

    @property
    def sizes(self) -> NDArray[np.intp]:
        """Number of images of each group, shape (n_groups,)."""
        return self.grouping.sizes

    @cached_property
    def rows(self) -> list[NDArray[np.intp]]:
        """Positions of the images of each group."""
        return [self.grouping.rows(group) for group in range(len(self.grouping.names))]

    @cached_property
    def _place(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.metrics)}

    def columns(self, metrics: Sequence[Metric]) -> NDArray[np.float64]:
        """Return the values of some of the metrics, shape (n_groups, n_metrics)."""
        return self.values[:, [self._place[metric.name] for metric in metrics]]

    def value(self, group: int, metric: Metric) -> float:
        """Return the value of a metric in a group."""
        return float(self.values[group, self._place[metric.name]])


def group_tables(
    sample: Sample,
    groupings: Sequence[Grouping],
    metrics: Sequence[Metric],
    *,
    overall: Sequence[Metric] = (),
) -> dict[str | None, GroupTable]:
    """Compute every metric in every group of every feature, and on all images.

    The images are stacked once per feature and once for the whole sample. One sensitive column numbers every
    (feature, group), and a sample parameter holds the position of each stacked row.

    Parameters
    ----------
    sample
        Predictions and truth.
    groupings
        Sensitive features.
    metrics
        Metrics of any kind and view, for all tables.
    overall
        Further metrics for the table of all images only.

    Returns
    -------
    dict
        {feature: table}, with None for all images, which comes first.
    """
    whole = everyone(len(sample))
    parts: dict[str | None, Grouping] = {None: whole} | {each.feature: each.with_unknown() for each in groupings}
    starts = np.cumsum([0, *(len(part.names) for part in parts.values())])
    group = np.concatenate([part.codes + start for part, start in zip(parts.values(), starts, strict=False)])
    n, place = len(sample), np.arange(len(group))
    everywhere = [*metrics, *overall]

    def of_rows(_true: Any, _pred: Any, *, place: Any) -> NDArray[np.float64]:
        stacked = np.asarray(place, dtype=np.intp)
        if len(stacked) > n:  # fairlearn's overall value: the stack holds every image several times
            return np.empty(0)
        return scores(everywhere if stacked[0] < n else metrics, sample, rows=stacked % n)

    frame = MetricFrame(
        metrics=of_rows,  # one function for all metrics: the frame copies the columns per function and group
        y_true=sample.y_true[place % n],
        y_pred=sample.y_pred[place % n],
        sensitive_features={"feature and group": group},
        sample_params={"place": place},
    )
    found = frame.by_group
    tables: dict[str | None, GroupTable] = {}
    for (feature, part), start in zip(parts.items(), starts, strict=False):
        names = tuple(metric.name for metric in (everywhere if feature is None else metrics))
        values = [found[start + index] for index in range(len(part.names))]
        tables[feature] = GroupTable(feature, part, names, np.reshape(values, (len(values), len(names))))
    return tables
