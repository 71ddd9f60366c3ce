from __future__ import annotations

import numpy as np
import pytest

from dermbench.evaluation.resampling import draws

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
    check_law(counts, draws.cell_counts(counts, 20_000, np.random.default_rng(0)))


def test_shared_draws_are_multinomial_and_the_same_for_all_who_ask():
    drawn = np.concatenate([draws.unit_counts(3, 40, block) for block in range(10)], axis=1)
    check_law(np.ones(40, int), drawn.astype(int))
    assert draws.unit_counts(3, 40, 0) is draws.unit_counts(3, 40, 0)
    assert not draws.unit_counts(3, 40, 0).flags.writeable
    assert (draws.unit_counts(4, 40, 0) != draws.unit_counts(3, 40, 0)).any()
