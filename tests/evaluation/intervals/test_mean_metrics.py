from __future__ import annotations

import numpy as np
import pytest

from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.intervals.mean_metrics import pivotal_estimate


@pytest.mark.parametrize("pivots", [[-1e7, 1e7], [1e7, 1e7], [-1e7, -1e7]])
def test_limits_stay_in_the_bounds_of_the_metric_and_in_order(pivots):
    """A resample that is nearly without spread gives a pivot far away, on either side."""
    metric = METRICS.get("brier")
    shown = pivotal_estimate(metric, 0.4, 0.01, np.array(pivots), n=50, n_units=50).cell()
    assert metric.bounds[0] <= shown.low <= shown.high <= metric.bounds[1]
    assert shown.value == 0.4
