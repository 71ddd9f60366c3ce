"""Plans for the test set of a truth: its design, and a short answer in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.plan import Glance
from dermbench.errors import UsageError
from dermbench.evaluation.core.groups import default_features, group
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.notes import UNIT_NAMES
from dermbench.evaluation.planning.assumed import Assumed
from dermbench.evaluation.planning.design import Design
from dermbench.evaluation.planning.test_set import TestSet, closed_drop
from dermbench.evaluation.primary import default_metric

if TYPE_CHECKING:
    from dermbench.artifacts.truth import Truth


def planned_test_set(truth: Truth, assumed: Assumed, metric: str, feature: str | None) -> TestSet:
    """Return images, units and groups of a truth, with assumptions on the outcomes.

    Parameters
    ----------
    truth
        Labels, units and sensitive features.
    assumed
        Rate, correlation and seed.
    metric
        Name of a proportion.
    feature
        Sensitive feature; by default skin type, or the first feature if none is a skin type.

    Raises
    ------
    UsageError
        When the truth has no sensitive feature.
    """
    features = default_features(truth)
    chosen = feature or next((f for f in features if f.startswith("fst")), next(iter(features), None))
    if chosen is None:
        raise UsageError(
            "plan: the truth has no sensitive feature to plan for",
            remedy="Name a column with --feature; a new study needs no data: dermbench plan --group VI.",
        )
    positive = truth.positive
    sample = Sample(
        truth.y_true,
        truth.y_true,
        len(truth.classes),
        unit=None if truth.unit_column is None else truth.unit,
        classes=truth.classes,
        positive=None if positive is None else tuple(name in positive.classes for name in truth.classes),
    )
    design = Design.of(sample, group(truth, chosen), METRICS.get(metric))
    return TestSet(design, assumed.rate, assumed.correlation if design.sample.clustered else 0.0, assumed.seed)


def glance(truth: Truth, assumed: Assumed | None = None) -> Glance | None:
    """Return the smallest drop that is found in the group with the fewest units, in closed form.

    The feature is skin type, or the first sensitive feature if none is a skin type; the metric is the default of
    the primary question. Groups without an image that counts for the metric are left out. None with fewer than
    two groups.
    """
    assumed = assumed or Assumed()
    if not default_features(truth):
        return None
    test_set = planned_test_set(truth, assumed, default_metric(truth.positive), None)
    design = test_set.design
    images, units = design.layout.counts.sum(axis=1), design.layout.units
    counted = np.flatnonzero(images > 0)
    if len(counted) < 2:
        return None
    smallest = int(counted[np.lexsort((images[counted], units[counted]))[0]])
    return Glance(
        metric=design.metric.name,
        rate=test_set.rate,
        group=design.grouping.names[smallest],
        images=int(images[smallest]),
        units=int(units[smallest]),
        unit=UNIT_NAMES.get(truth.unit_column or "", "image"),
        drop=closed_drop(test_set, smallest),
    )
