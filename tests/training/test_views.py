from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from dermbench.artifacts import read_predictions
from dermbench.errors import UsageError
from dermbench.training import predict
from dermbench.training.network.scoring import softmax
from dermbench.training.predict import side_record
from dermbench.training.predicting.temperature import fit_temperature
from dermbench.training.predicting.tta import VIEWS


@pytest.fixture(scope="module")
def other_run(shared_dataset, tmp_path_factory, run):
    out = tmp_path_factory.mktemp("runs") / "other"
    run(shared_dataset, out, "epochs=1", seed=5)
    return out


@pytest.mark.parametrize(("name", "n"), [("mirror", 2), ("flips", 4), ("dihedral", 8)])
def test_views_are_different_and_keep_the_pixels(name, n):
    images = torch.arange(2 * 3 * 4 * 4, dtype=torch.float32).view(2, 3, 4, 4)
    seen = [view.turn(images) for view in VIEWS[name]]
    assert torch.equal(seen[0], images)
    assert len({tuple(x.flatten().tolist()) for x in seen}) == n
    for x in seen:
        assert torch.equal(x.flatten(2).sort(-1).values, images.flatten(2))


def test_sizes_are_below_at_and_above_that_of_training():
    assert [view.side(224) for view in VIEWS["sizes"]] == [196, 224, 252]
    assert [view.side(90) for view in VIEWS["sizes"]] == [80, 90, 100]


def test_flips_give_the_same_for_a_flipped_image(finished_run, shared_dataset):
    """The mean over a group of turns does not change when the image is turned."""
    from dermbench.training.predicting.run_loading import load_run

    network, *_ = load_run(finished_run, shared_dataset, device="cpu")
    network.module.eval()
    images = torch.rand(3, 3, 32, 32)
    with torch.inference_mode():
        for name in ("mirror", "flips", "dihedral"):
            mean = [
                torch.stack([network.module(view.turn(x)).softmax(1) for view in VIEWS[name]]).mean(0)
                for x in (images, images.flip(3))
            ]
            torch.testing.assert_close(*mean)


@pytest.mark.parametrize("name", sorted(set(VIEWS) - {"none"}))
def test_every_set_of_views_changes_the_probabilities(name, finished_run, shared_dataset, tmp_path):
    plain = predict(finished_run, shared_dataset)
    out = tmp_path / "p.parquet"
    seen = predict(finished_run, shared_dataset, tta=name, out=out)
    assert not np.allclose(plain.y_prob, seen.y_prob, atol=1e-7)
    np.testing.assert_allclose(seen.y_prob.sum(axis=1), 1)
    assert json.loads(side_record(out).read_text())["tta"] == name


def test_an_ensemble_is_the_average_of_its_members(finished_run, other_run, shared_dataset, tmp_path):
    out = tmp_path / "both.parquet"
    both = predict([finished_run, other_run], shared_dataset, out=out)
    one, two = (predict(name, shared_dataset) for name in (finished_run, other_run))
    np.testing.assert_allclose(both.y_prob, (one.y_prob + two.y_prob) / 2, atol=1e-12)
    about = json.loads(side_record(out).read_text())
    assert [c["name"] for c in about["candidates"]] == ["run", "other"]
    assert about["candidates"][0]["digest"].startswith("sha256:")
    assert about["predictions"] == both.digest
    assert read_predictions(out, shared_dataset.truth("test")).digest == both.digest


def test_members_may_order_their_classes_differently(finished_run, shared_dataset, tmp_path, make_dataset, run):
    turned = make_dataset(tmp_path / "data", classes=("plaque", "nodule", "macule"), per_class=(3, 3, 3))
    run(turned, tmp_path / "turned", "epochs=1")
    both = predict([finished_run, tmp_path / "turned"], shared_dataset)
    one, two = (predict(name, shared_dataset) for name in (finished_run, tmp_path / "turned"))
    np.testing.assert_allclose(both.y_prob, (one.y_prob + two.y_prob[:, ::-1]) / 2, atol=1e-12)


def test_a_plain_prediction_has_no_side_record(finished_run, shared_dataset, tmp_path):
    predict(finished_run, shared_dataset, out=tmp_path / "p.parquet")
    assert [p.name for p in tmp_path.iterdir()] == ["p.parquet"]


@pytest.mark.parametrize("true_t", [0.4, 1.0, 3.0])
def test_the_temperature_is_found_again(true_t):
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 4))
    labels = np.array([rng.choice(4, p=p) for p in softmax(logits)])
    found = fit_temperature(logits * true_t, labels)
    assert found.value == pytest.approx(true_t, rel=0.05)
    assert found.after <= found.before


def test_calibration_keeps_the_classes_and_says_where_it_was_fitted(finished_run, shared_dataset, tmp_path):
    out = tmp_path / "p.parquet"
    plain, scaled = (
        predict(finished_run, shared_dataset),
        predict(finished_run, shared_dataset, calibrate=True, out=out),
    )
    np.testing.assert_array_equal(plain.y_pred, scaled.y_pred)
    fitted = json.loads(side_record(out).read_text())["temperature"]
    assert fitted["split"] == "val"
    assert fitted["truth"] == shared_dataset.truth("val").digest
    assert fitted["after"] <= fitted["before"]
    expected = softmax(np.log(plain.y_prob) / fitted["value"])
    np.testing.assert_allclose(scaled.y_prob, expected, atol=1e-5)


def test_calibration_on_the_split_that_is_predicted_is_refused(finished_run, shared_dataset):
    with pytest.raises(UsageError, match="val cannot be predicted with it"):
        predict(finished_run, shared_dataset, split="val", calibrate=True)


def test_unknown_views_are_refused(finished_run, shared_dataset):
    with pytest.raises(UsageError, match="did you mean 'flips'"):
        predict(finished_run, shared_dataset, tta="flip")


def test_the_command_takes_several_runs(finished_run, other_run, shared_dataset, tmp_path):
    from typer.testing import CliRunner

    from dermbench.cli import app

    out = tmp_path / "p.csv"
    words = ["predict", str(finished_run), str(other_run), "--data", str(shared_dataset.root), "--out", str(out)]
    done = CliRunner().invoke(app, [*words, "--tta", "mirror", "--calibrate"])
    assert done.exit_code == 0, done.output
    about = json.loads(side_record(out).read_text())
    assert (len(about["candidates"]), about["tta"], about["temperature"]["n"]) == (2, "mirror", 12)
