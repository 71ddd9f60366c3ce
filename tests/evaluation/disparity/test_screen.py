from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact, hypergeom
from statsmodels.stats.multitest import multipletests

from dermbench.artifacts.report import Undefined
from dermbench.evaluation.core.groups import Grouping
from dermbench.evaluation.core.sample import Sample
from dermbench.evaluation.disparity.screen import benjamini_hochberg, hypergeometric_p, screen
from dermbench.evaluation.intervals.proportions import wilson

TYPES = ("I", "II", "III", "IV", "V", "VI")


def melanoma(unit=None):
    """Melanoma recognised in 16 of 30 images of types V and VI and in 140 of 160 of the others; nevi alike."""
    cells = {0: (35, 40), 1: (35, 40), 2: (35, 40), 3: (35, 40), 4: (9, 16), 5: (7, 14)}
    y_true, y_pred, codes = [], [], []
    for group, (k, n) in cells.items():
        y_true += [1] * n + [0] * 50
        y_pred += [1] * k + [0] * (n - k) + [0] * 45 + [1] * 5
        codes += [group] * (n + 50)
    sample = Sample(np.array(y_true), np.array(y_pred), 2, classes=("nevus", "melanoma"), unit=unit)
    return sample, Grouping("fst", np.array(codes), TYPES, ordered=True)


def test_a_planted_failure_is_named():
    found = screen(*melanoma())
    worst = found["melanoma"].worst
    assert (worst.groups, worst.k, worst.n, worst.rest_k, worst.rest_n) == (("V", "VI"), 16, 30, 140, 160)
    assert worst.q < 0.01
    assert found["nevus"].worst is None or found["nevus"].worst.q > 0.5
    cell = found["melanoma"].cells["VI"]
    assert (cell.k, cell.n, cell.thin) == (7, 14, False)
    assert (cell.low, cell.high) == pytest.approx(wilson(0.5, 14), abs=1e-6)


def test_p_values_are_twice_the_smaller_exact_tail():
    for k, n, hits, total in ((3, 10, 20, 50), (0, 4, 7, 30), (10, 10, 12, 20), (5, 9, 9, 18)):
        law = hypergeom(total, hits, n)
        expected = min(1.0, 2 * min(law.cdf(k), law.sf(k - 1)))
        assert hypergeometric_p(k, n, hits, total) == pytest.approx(expected)
        table = [[k, n - k], [hits - k, total - n - hits + k]]
        assert hypergeometric_p(k, n, hits, total) >= fisher_exact(table)[1] / 2
    assert hypergeometric_p(*np.array([3, 3, 9, 9])) == 1.0


def test_adjustment_agrees_with_statsmodels():
    p = np.random.default_rng(0).random((4, 6)) ** 3
    assert benjamini_hochberg(p).ravel() == pytest.approx(multipletests(p.ravel(), method="fdr_bh")[1])
    p[1, 2] = np.nan
    defined = np.isfinite(p)
    assert benjamini_hochberg(p)[defined] == pytest.approx(multipletests(p[defined], method="fdr_bh")[1])
    assert np.isnan(benjamini_hochberg(p)[1, 2])


def test_images_of_one_patient_count_less():
    sample, grouping = melanoma()
    alone = screen(sample, grouping)["melanoma"].worst.q
    unit = np.arange(len(sample)) // 7
    wrong = np.where(sample.hit, 0, 1)
    order = np.lexsort([wrong, sample.y_true, grouping.codes])  # failures of one group and class share patients
    units = np.empty(len(sample), dtype=int)
    units[order] = unit
    shared = screen(Sample(sample.y_true, sample.y_pred, 2, classes=sample.classes, unit=units), grouping)[
        "melanoma"
    ]
    assert shared.worst.q > alone
    assert shared.cells["VI"].high - shared.cells["VI"].low > wilson(0.5, 14)[1] - wilson(0.5, 14)[0]


def test_one_group_and_absent_classes():
    sample, grouping = melanoma()
    one = Grouping("fst", np.zeros(len(sample), dtype=int), ("I",))
    assert screen(sample, one) == Undefined(reason="fewer than two known groups of fst")
    more = Sample(sample.y_true, sample.y_pred, 3, classes=("nevus", "melanoma", "keloid"))
    row = screen(more, grouping)["keloid"]
    assert row.worst is None
    assert all(cell.n == 0 and cell.q is None and cell.low is None for cell in row.cells.values())


def test_false_alarms_are_rare():
    """Under equal recall, a report with any cell at q <= .05 occurs in at most 6.5 % of test sets."""
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(200):
        y_true, codes = rng.integers(0, 8, 600), rng.choice(6, 600, p=(0.2, 0.3, 0.2, 0.15, 0.1, 0.05))
        y_pred = np.where(rng.random(600) < 0.7, y_true, (y_true + 1) % 8)
        names = tuple(f"c{i}" for i in range(8))
        found = screen(Sample(y_true, y_pred, 8, classes=names), Grouping("fst", codes, TYPES, ordered=True))
        alarms += any(row.worst is not None and row.worst.q <= 0.05 for row in found.values())
    assert alarms / 200 <= 0.065
