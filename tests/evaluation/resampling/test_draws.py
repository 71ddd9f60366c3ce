from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dermbench.evaluation.resampling import draws
from dermbench.evaluation.resampling.draws import Drawer, Table

MIXED = np.array([1, 3, 19, 20, 57, 255, 256, 900])


def check_law(counts, drawn):
    """Sums, means and covariances of a multinomial law, within five standard errors."""
    n, size = counts.sum(), drawn.shape[1]
    assert (drawn.sum(axis=0) == n).all()
    assert (drawn >= 0).all()
    p = counts / n
    expected = n * (np.diag(p) - np.outer(p, p))
    sd = np.sqrt(np.diag(expected))
    assert (np.abs(drawn.mean(axis=1) - counts) < 5 * sd / np.sqrt(size)).all()
    assert (np.abs(np.cov(drawn) - expected) < 6 * np.outer(sd, sd) / np.sqrt(size)).all()


@pytest.mark.parametrize("counts", [MIXED, np.ones(50, int), np.full(300, 5), np.array([5000, 4000])])
def test_draws_are_multinomial(counts):
    check_law(counts, Drawer(counts).draw(20_000, np.random.default_rng(0)))


def test_poisson_path_is_taken_and_exact_in_one_cell():
    counts = np.full(300, 5)
    drawer = Drawer(counts)
    assert drawer._table is not None
    drawn = drawer.draw(4_000, np.random.default_rng(1))
    found = np.bincount(drawn.ravel(), minlength=25)[:20] / drawn.size
    np.testing.assert_allclose(found, stats.binom.pmf(np.arange(20), 1500, 1 / 300), atol=1.7e-3)


def test_units_are_drawn_one_by_one_when_cells_are_sparse():
    assert Drawer(np.ones(5_000, int))._table is None
    assert Drawer(np.full(100, 5))._table is None


def test_too_large_a_poisson_total_is_drawn_again(monkeypatch):
    """With no margin, every second total is too large; the law stays multinomial."""
    monkeypatch.setattr(draws, "MARGIN", 0.0)
    counts = np.tile([2, 3, 7], 150)
    check_law(counts, Drawer(counts).draw(4_000, np.random.default_rng(2)))


def test_table_has_the_poisson_law():
    drawn = Table.of(np.array([1, 4, 200]), 0.9).draw(200_000, np.random.default_rng(0))
    for row, mean in zip(drawn, (0.9, 3.6, 180.0), strict=True):
        top = int(mean + 6 * np.sqrt(mean)) + 2
        found = np.bincount(row, minlength=top)[:top] / len(row)
        expected = stats.poisson.pmf(np.arange(top), mean)
        assert np.abs(found - expected).max() < 5 * np.sqrt(expected.max() / len(row))


def test_shared_draws_are_multinomial_and_the_same_for_all_who_ask():
    drawn = np.concatenate([draws.unit_counts(3, 40, block) for block in range(10)], axis=1)
    check_law(np.ones(40, int), drawn.astype(int))
    assert draws.unit_counts(3, 40, 0) is draws.unit_counts(3, 40, 0)
    assert not draws.unit_counts(3, 40, 0).flags.writeable
    assert (draws.unit_counts(4, 40, 0) != draws.unit_counts(3, 40, 0)).any()
