"""The method and the predictor of docs/how-to/predictor.md, installed as a user does."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from dermbench.errors import InputError, RegistryError, UsageError
from dermbench.training import embed, predict
from dermbench.training.predicting import registry
from dermbench.training.predicting.image_predictor import ImagePredictor

RUN_ALL = """
import json, sys
from dermbench.cli import app
for words in json.loads(sys.argv[1]):
    app(words, standalone_mode=False)
"""


def run_all(site, *commands):
    """Run commands of dermbench one after another in a process that sees the installed package."""
    listed = json.dumps([[str(word) for word in words] for words in commands])
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL, listed],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])},
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def site(install_page):
    return install_page("predictor.md")


@pytest.mark.long
def test_an_installed_method_is_trained_and_an_installed_predictor_predicts(site, shared_dataset, tmp_path, tiny):
    data, folder = ("--data", shared_dataset.root), tmp_path
    sets = [*tiny, "epochs=1", "method=mixup+logit_norm", "method_options.logit_norm_temperature=0.5"]
    words = [word for text in sets for word in ("--set", text)]
    few = (*data, "--resamples", "99", "--out")
    run_all(
        site,
        ("train", *data, "--out", folder / "run", "--preset", "cpu-small", *words),
        ("predict", folder / "run", *data, "--out", folder / "method.parquet"),
        ("eval", folder / "method.parquet", *few, folder / "method.json"),
        ("predict", "brightest:", *data, "--out", folder / "model.csv"),
        ("eval", folder / "model.csv", *few, folder / "model.json"),
    )
    config = json.loads((folder / "run" / "run.json").read_text())["config"]
    assert config["method"] == "mixup+logit_norm"
    assert config["method_options"]["logit_norm_temperature"] == 0.5
    assert json.loads((folder / "method.json").read_text())["n"] == 9
    # the brightest channel of each class's colour is red, green, blue
    assert json.loads((folder / "model.json").read_text())["overall"]["accuracy"]["value"] == 1


def test_without_the_package_the_method_is_unknown(shared_dataset, tmp_path, run):
    with pytest.raises(InputError, match="unknown method 'logit_norm'"):
        run(shared_dataset, tmp_path / "run", "method=logit_norm")


def predictor(values, side=16):
    class Own(ImagePredictor):
        prefix, form, image_size = "own", "own:", side

        def probabilities(self, images, classes):
            assert images.dtype == np.uint8
            assert images.shape[1:] == (side, side, 3)
            return values(len(images), len(classes))

    return Own


@pytest.fixture
def registered(monkeypatch):
    def add(item):
        known = registry.Registry("predictor", "dermbench.none", is_one=lambda _: True)
        known.add("own", item)
        monkeypatch.setattr(registry, "PREDICTORS", known)

    return add


def test_a_function_of_pixels_is_given_uint8_and_averaged_over_views(shared_dataset, registered):
    registered(predictor(lambda n, k: np.tile(np.arange(1, k + 1) / 6, (n, 1))))
    for views in ("none", "dihedral"):
        np.testing.assert_allclose(predict("own:", shared_dataset, tta=views).y_prob[0], [1 / 6, 2 / 6, 3 / 6])
    with pytest.raises(UsageError, match="images of one size"):
        predict("own:", shared_dataset, tta="sizes")
    with pytest.raises(UsageError, match="has no embeddings"):
        embed("own:", shared_dataset)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (lambda n, k: np.ones((n, k + 1)) / (k + 1), r"shape \(9, 4\), not \(9, 3\)"),
        (lambda n, k: np.ones((n + 1, k)) / k, r"shape \(10, 3\) for 9 images"),
        (lambda n, k: np.ones((n, k)), "no probabilities"),
        (lambda n, k: np.full((n, k), np.nan), "NaN or infinity"),
        (lambda n, k: "many", "no table of numbers"),
    ],
)
def test_what_a_predictor_returns_is_checked(shared_dataset, registered, values, text):
    registered(predictor(values))
    with pytest.raises(InputError, match=text):
        predict("own:", shared_dataset)


@pytest.mark.parametrize("side", [8, 5000, 224.0, True])
def test_a_side_that_cannot_be_is_refused(shared_dataset, registered, side):
    registered(predictor(lambda n, k: np.ones((n, k)) / k, side))
    with pytest.raises(InputError, match="is no whole number from 16 to 4096"):
        predict("own:", shared_dataset)


def test_an_unknown_prefix_is_refused(shared_dataset):
    with pytest.raises(RegistryError, match="unknown predictor 'brightest'"):
        predict("brightest:", shared_dataset)
    with pytest.raises(RegistryError, match="did you mean 'timm'"):
        predict("tim:resnet18", shared_dataset)
