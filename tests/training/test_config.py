from __future__ import annotations

import os

import pytest

from dermbench.errors import InputError, UsageError
from dermbench.training.run.configure import differing, load_config, preset_names


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_valid(name):
    assert load_config(preset=name).model


def test_the_reference_preset_is_the_published_recipe():
    config = load_config(preset="efficientnet-b4-reference")
    assert config.model == "tf_efficientnet_b4.aa_in1k"
    assert (config.image_size, config.epochs, config.batch_size) == (380, 30, 32)
    assert (config.optimizer, config.class_weights) == ("adam", "balanced")
    assert config.pretrained
    assert config.patience > 0
    assert config.probe_l2 == config.ema_decay == config.label_smoothing == 0


def test_overrides_are_toml_typed_and_reach_into_tables():
    overrides = ["epochs=3", "learning_rate=1e-5", "pretrained=false", "device=cpu", "augment.rotation=30"]
    config = load_config(preset="cpu-small", overrides=overrides, seed=7)
    assert (config.epochs, config.learning_rate, config.pretrained) == (3, 1e-5, False)
    assert (config.device, config.augment.rotation, config.seed) == ("cpu", 30.0, 7)


def test_all_problems_of_a_configuration_come_in_one_message():
    overrides = ["epoch=3", "augment.rotatoin=1", "optimizer=adamq", "batch_size=0"]
    with pytest.raises(InputError) as caught:
        load_config(preset="cpu-small", overrides=overrides)
    assert len(caught.value.problems) == 4
    text = str(caught.value)
    for hint in (
        "did you mean 'epochs'",
        "did you mean 'augment.rotation'",
        "did you mean 'adam",
        "batch_size = 0",
    ):
        assert hint in text


def test_unknown_preset_suggests_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'cpu-small'"):
        load_config(preset="cpu-smal")


@pytest.mark.parametrize("given", [{}, {"preset": "cpu-small", "config": "x.toml"}])
def test_exactly_one_of_preset_and_file(given):
    with pytest.raises(UsageError, match="either a preset or a configuration file"):
        load_config(**given)


def test_configuration_files(tmp_path):
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text('model = "resnet18"\nimage_size = 64\n[augment]\nrotation = 5\n')
    bad.write_text("model = [")
    assert load_config(config=good).augment.rotation == 5
    with pytest.raises(InputError, match="not TOML"):
        load_config(config=bad)
    with pytest.raises(UsageError, match="no such file"):
        load_config(config=tmp_path / "absent.toml")
    os.mkfifo(tmp_path / "pipe.toml")
    for odd in (tmp_path / "pipe.toml", "/dev/zero", tmp_path):
        with pytest.raises(UsageError, match="is not a plain file"):
            load_config(config=odd)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[" * 3000, "more than 64 levels deep"),
        ("{a=" * 3000, "more than 64 levels deep"),
        ("9" * 5000, "too many digits"),
        ("1" + "0" * 30, "larger than 64 bits"),
        ("nan", "NaN or infinity"),
        ('"\\u0000"', "the character NUL"),
    ],
)
def test_values_that_no_configuration_can_hold(value, message):
    with pytest.raises(InputError, match=message) as caught:
        load_config(preset="cpu-small", overrides=[f"model={value}"])
    assert len(str(caught.value)) < 300


def test_a_key_of_too_many_tables_is_refused():
    with pytest.raises(UsageError, match="not of the form key=value"):
        load_config(preset="cpu-small", overrides=["a." * 3000 + "a=1"])


@pytest.mark.parametrize("text", ["epochs", "=3", "augment.=3", "epochs.x=3"])
def test_malformed_overrides(text):
    with pytest.raises(UsageError, match="--set"):
        load_config(preset="cpu-small", overrides=[text])


def test_the_cache_is_larger_than_the_crop_only_when_crops_are_drawn():
    cropped = load_config(preset="cpu-small", overrides=["image_size=100", "augment.crop_scale=0.5"])
    whole = load_config(preset="cpu-small", overrides=["image_size=100", "augment.crop_scale=1.0"])
    assert cropped.cached_side == 114
    assert whole.cached_side == 100


def test_differing_names_nested_keys():
    assert differing({"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 3}}) == ["b.c: 2 -> 3"]
