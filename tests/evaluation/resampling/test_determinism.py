"""Same seed, same bytes: for any number of workers, any hash seed, and rows in any order."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from making import cells, make_groups, make_sample

from dermbench.errors import UsageError
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.disparity.contrasts import gap_tests
from dermbench.evaluation.disparity.gap_test import critical, p_value
from dermbench.evaluation.disparity.limits import gap_limits
from dermbench.evaluation.resampling.plan import Plan

NAMES = ("accuracy", "balanced_accuracy", "cohen_kappa", "macro_f1", "log_loss", "average_precision")
SCRIPT = """
from making import cells, make_groups, make_sample
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.disparity.contrasts import gap_tests
from dermbench.evaluation.resampling.plan import Plan
sample = make_sample(units=150, probabilities=True)
grouping = make_groups(sample)
metrics = [METRICS.get(name) for name in {names!r}]
print(repr(cells(sample, metrics, grouping, n_resamples=99, workers={workers})))
for name, test in gap_tests(sample, grouping, metrics, Plan(0, 99, {workers})).items():
    print(name, test if isinstance(test, str) else [a.tolist() for a in (test.values, test.errors, test.permuted)])
"""


def test_bytes_do_not_depend_on_hash_seed_or_workers():
    outputs = set()
    for hash_seed, workers in (("0", 1), ("1", 2)):
        env = {
            **os.environ,
            "PYTHONHASHSEED": hash_seed,
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }
        command = [sys.executable, "-c", SCRIPT.format(names=NAMES, workers=workers)]
        outputs.add(subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout)
    assert len(outputs) == 1
    output = outputs.pop()
    assert "method='BCa bootstrap, 99 resamples of" in output
    assert "\nmacro_f1 [[" in output


@pytest.mark.parametrize("workers", [2, 3])
def test_blocks_are_seeded_by_their_number(workers):
    def one(rng, size):
        return rng.random(size)

    alone = Plan(seed=5, n_resamples=1000).in_blocks(one, stream="a", block=64)
    np.testing.assert_array_equal(
        alone, Plan(seed=5, n_resamples=1000, workers=workers).in_blocks(one, stream="a", block=64)
    )
    assert (alone[:64] != alone[64:128]).all()
    assert (alone != Plan(seed=6, n_resamples=1000).in_blocks(one, stream="a", block=64)).all()
    assert (alone != Plan(seed=5, n_resamples=1000).in_blocks(one, stream="b", block=64)).all()


def test_intervals_of_independent_images_do_not_depend_on_row_order():
    sample = make_sample()
    grouping = make_groups(sample)
    metrics = [METRICS.get(name) for name in NAMES[:4]]
    order = np.random.default_rng(0).permutation(len(sample))
    shuffled = cells(sample.take(order), metrics, grouping.at(order), n_resamples=199)
    assert shuffled == cells(sample, metrics, grouping, n_resamples=199)


def test_a_feature_does_not_depend_on_the_metrics_asked_for():
    sample = make_sample(probabilities=True)
    grouping = make_groups(sample)
    metrics = [METRICS.get(name) for name in NAMES]
    together = gap_tests(sample, grouping, metrics, Plan(0, 99))
    for metric in metrics:
        alone, found = gap_tests(sample, grouping, [metric], Plan(0, 99))[metric.name], together[metric.name]
        if isinstance(found, str):
            assert alone == found
            continue
        assert alone.gap == pytest.approx(found.gap, rel=1e-12)
        assert alone.permuted.tolist() == found.permuted.tolist()
        assert alone.chance == pytest.approx(found.chance, rel=1e-12)


@pytest.mark.parametrize("bad", [{"seed": -1}, {"n_resamples": 0}, {"workers": 0}])
def test_impossible_plans_are_refused(bad):
    with pytest.raises(UsageError):
        Plan(**bad)


def test_a_single_resample_is_enough_to_run():
    sample = make_sample(probabilities=True)
    grouping = make_groups(sample)
    metrics = [METRICS.get(name) for name in NAMES]
    assert cells(sample, metrics, grouping, n_resamples=1)["I", "accuracy"].low is not None
    test = gap_tests(sample, grouping, metrics, Plan(0, 1))["accuracy"]
    assert p_value(test.statistics.max(), test.permuted) in {0.5, 1.0}
    assert gap_limits(test, critical(test.permuted)).at_least == 0
