from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from dermbench.errors import UsageError
from dermbench.training.config.seeding import derive, torch_generator
from dermbench.training.config.train_config import TrainConfig
from dermbench.training.network.network import build_network, freeze_norm, probe_features
from dermbench.training.network.probe import fit_logistic


def config(**values):
    return TrainConfig(**{"model": "test_efficientnet", "pretrained": False, "image_size": 32} | values)


def test_a_network_has_the_classes_asked_for_and_its_own_normalisation():
    network = build_network(config(model="tf_efficientnet_lite0"), 5)
    assert network.head.out_features == 5
    assert network.mean == network.std == (0.5, 0.5, 0.5)
    assert network.pretrained == "none (random initialisation)"
    assert network.parameters == sum(p.numel() for p in network.module.parameters())


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("tf_efficientnet_lite00", "did you mean 'tf_efficientnet_lite0'"),
        ("tf_efficientnet_b4.aa_in2k", "did you mean 'aa_in1k'"),
        ("zzzzzz", "timm knows"),
    ],
)
def test_unknown_names_are_refused(name, hint):
    with pytest.raises(UsageError, match=hint):
        build_network(config(model=name), 3)


def test_a_transformer_of_fixed_size_is_made_at_the_size_asked_for():
    network = build_network(config(model="test_vit", image_size=64), 3)
    assert network.module(torch.zeros(1, 3, 64, 64)).shape == (1, 3)


def test_features_and_classifier_make_the_network():
    network = build_network(config(), 3)
    network.module.eval()
    images = torch.rand(2, 3, 32, 32, generator=torch_generator(0))
    with torch.inference_mode():
        torch.testing.assert_close(network.head(probe_features(network, images)), network.module(images))


def test_frozen_normalisation_keeps_its_statistics():
    network = build_network(config(), 3)
    network.module.train()
    freeze_norm(network.module, every=True)
    before = network.module.bn2.running_mean.clone()
    network.module(torch.rand(4, 3, 32, 32, generator=torch_generator(0)))
    assert torch.equal(network.module.bn2.running_mean, before)


def test_logistic_regression_on_raw_features_is_that_on_standardised_ones():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 4)) * [1, 10, 0.1, 1] + [0, 5, 0, 2]
    labels = rng.integers(0, 3, 60)
    weights = rng.uniform(0.5, 2, 60)
    coefficients, intercept = fit_logistic(features, labels, weights, n_classes=3, l2=0.1)
    standard = (features - features.mean(0)) / features.std(0)
    model = LogisticRegression(C=1 / (0.1 * weights.sum()), max_iter=2000, tol=1e-5)
    expected = model.fit(standard, labels, sample_weight=weights).decision_function(standard)
    np.testing.assert_allclose(features @ coefficients.T + intercept, expected, atol=1e-9)


def test_a_probe_of_two_classes_and_of_an_absent_one():
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(40, 3)), np.repeat([0, 2], 20)
    features[labels == 2] += 3
    coefficients, intercept = fit_logistic(features, labels, np.ones(40), n_classes=3, l2=0.01)
    predicted = (features @ coefficients.T + intercept).argmax(1)
    assert (predicted == labels).mean() > 0.9
    assert not coefficients[1].any()


def test_derived_seeds_depend_on_every_word():
    seeds = {
        derive(0, "a", 1),
        derive(0, "a", 2),
        derive(0, "b", 1),
        derive(1, "a", 1),
        derive(0, "a1"),
        derive(0),
    }
    assert len(seeds) == 6
    assert all(0 <= s < 2**63 for s in seeds)
    assert derive(5, "x") == derive(5, "x")


def test_stochastic_depth_reaches_the_blocks():
    network = build_network(config(model="tf_efficientnet_lite0", drop_path=0.3, dropout=0.4), 3)
    rates = [getattr(layer, "drop_prob", 0.0) for layer in network.module.modules()]
    assert 0.2 < max(rates) <= 0.3
    assert network.module.drop_rate == 0.4
