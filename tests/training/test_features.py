from __future__ import annotations

import numpy as np
import pytest

from dermbench.training.config.device import make_runtime
from dermbench.training.data.pixels import load_samples
from dermbench.training.network import features
from dermbench.training.network.features import compute_features, kept_features
from dermbench.training.network.network import build_network
from dermbench.training.run.configure import load_config

CPU = make_runtime("cpu")


@pytest.fixture
def config(tiny):
    return load_config(preset="cpu-small", overrides=tiny)


@pytest.fixture
def network(config):
    return build_network(config, 3)


def never(*args, **options):
    pytest.fail("computed again")


def kept_files(dataset):
    return list((dataset.root / "cache").glob("features-*.safetensors"))


def test_features_are_computed_once_and_come_back_with_their_bits(dataset, config, network, monkeypatch):
    samples = load_samples(dataset, "train", 32)
    plain = compute_features(network, samples, config, CPU)
    first = kept_features(network, samples, config, CPU)
    monkeypatch.setattr(features, "compute_features", never)
    second = kept_features(network, samples, config, CPU)
    np.testing.assert_array_equal(first, plain)
    np.testing.assert_array_equal(second, plain)
    assert second.dtype == np.float64
    assert len(kept_files(dataset)) == 1


def test_the_classifier_does_not_matter_and_everything_else_does(dataset, config, network):
    samples = load_samples(dataset, "train", 32)
    changes = [
        lambda: network.head.weight.data.add_(1),
        lambda: next(network.module.parameters()).data.add_(1e-3),
        lambda: setattr(network, "mean", (0.1, 0.1, 0.1)),
        lambda: samples.image_id is not None and setattr(samples, "digest", "sha256:other"),
    ]
    counts = []
    kept_features(network, samples, config, CPU)
    for change in changes:
        change()
        kept_features(network, samples, config, CPU)
        counts.append(len(kept_files(dataset)))
    kept_features(network, samples, config.model_copy(update={"batch_size": 5}), CPU)
    assert [*counts, len(kept_files(dataset))] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b[:-1] + bytes([b[-1] ^ 1]), lambda _: b""])
def test_damaged_features_are_computed_again(dataset, config, network, damage):
    samples = load_samples(dataset, "train", 32)
    before = kept_features(network, samples, config, CPU)
    (file,) = kept_files(dataset)
    file.write_bytes(damage(file.read_bytes()))
    np.testing.assert_array_equal(kept_features(network, samples, config, CPU), before)


def test_a_folder_that_cannot_be_written_to_costs_time_only(dataset, config, network, tmp_path):
    samples = load_samples(dataset, "train", 32)
    (tmp_path / "file").write_text("")
    samples.folder = tmp_path / "file" / "cache"
    assert len(kept_features(network, samples, config, CPU)) == 24
    samples.folder = None
    assert len(kept_features(network, samples, config, CPU)) == 24


def test_a_probe_with_kept_features_is_the_same_run(dataset, tmp_path, run, monkeypatch):
    first = run(dataset, tmp_path / "first", "epochs=0", "probe_l2=0.3")
    assert kept_files(dataset)
    monkeypatch.setattr(features, "compute_features", never)
    second = run(dataset, tmp_path / "second", "epochs=0", "probe_l2=0.3")
    assert first.scores == second.scores
