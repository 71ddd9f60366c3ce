from __future__ import annotations

import numpy as np
import pytest

from dermbench.training.data.balance import CLASS_WEIGHTS, LABELS, SAMPLERS, class_weights


def test_balanced_weights_by_hand():
    np.testing.assert_allclose(class_weights("balanced", [6, 3, 1]), [10 / 18, 10 / 9, 10 / 3])
    np.testing.assert_allclose(class_weights("sqrt_balanced", [6, 3, 1]), np.sqrt([10 / 18, 10 / 9, 10 / 3]))
    np.testing.assert_array_equal(class_weights("none", [6, 3, 1]), [1, 1, 1])


def test_balanced_weights_give_every_class_the_same_total():
    counts = np.array([50, 7, 21])
    np.testing.assert_allclose(class_weights("balanced", counts) * counts, 78 / 3)


@pytest.mark.parametrize("name", [n for n in CLASS_WEIGHTS if n != "none"])
def test_a_class_without_images_has_no_weight(name):
    weights = class_weights(name, [4, 0, 4])
    assert weights[1] == 0
    assert np.isfinite(weights).all()


def test_shuffle_draws_each_image_once():
    order = SAMPLERS["shuffle"](
        np.zeros(20, dtype=np.int64), np.zeros(20, dtype=np.int64), np.random.default_rng(0)
    )
    assert sorted(order) == list(range(20))
    assert list(order) != list(range(20))


def test_class_balanced_draws_classes_equally_often():
    labels = np.repeat([0, 1, 3], [9000, 900, 100])
    drawn = labels[SAMPLERS["class_balanced"](labels, labels, np.random.default_rng(0))]
    shares = np.bincount(drawn, minlength=4) / len(drawn)
    np.testing.assert_allclose(shares, [1 / 3, 1 / 3, 0, 1 / 3], atol=0.02)


def test_shuffled_labels_keep_the_counts_and_lose_the_order():
    labels = np.repeat([0, 1, 2], 50)
    shuffled = LABELS["shuffled"](labels, np.random.default_rng(0))
    np.testing.assert_array_equal(np.bincount(shuffled), np.bincount(labels))
    assert (shuffled == labels).mean() < 0.6
    np.testing.assert_array_equal(LABELS["true"](labels, np.random.default_rng(0)), labels)
