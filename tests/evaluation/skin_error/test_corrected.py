"""The corrected gap: exact without errors, undone attenuation with them, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import dermbench
from dermbench.artifacts.report import Report, Undefined
from dermbench.cli import app
from dermbench.evaluation.skin_error.regression import Cells, side_differences
from dermbench.reporting.sections.skin_error import skin_error_sections


def evaluate(predictions, truth, **given):
    return dermbench.evaluate(predictions, truth, **given).report


def tables(n=900, labellings=2, *, error=0.25, drop=0.3, seed=0):
    """Truth and predictions: accuracy falls by ``drop`` in V-VI, and labels are wrong by one type."""
    rng = np.random.default_rng(seed)
    true = rng.integers(1, 7, n)
    label = rng.choice(["eczema", "acne"], n)
    right = rng.random(n) < 0.85 - drop * (true > 4)
    columns = {}
    for name in ("fst", "fst_b", "fst_c")[:labellings]:
        step = rng.choice([-1, 1], n) * (rng.random(n) < error)
        moved = true + step
        columns[name] = np.where((moved < 1) | (moved > 6), true - step, moved)
    ids = [f"i{k:04}" for k in range(n)]
    truth = pd.DataFrame({"image_id": ids, "label": label, **columns})
    other = np.where(label == "eczema", "acne", "eczema")
    return truth, pd.DataFrame({"image_id": ids, "pred": np.where(right, label, other)})


def corrected(truth, predictions, **given):
    return evaluate(predictions, truth, skin_type_error=True, n_resamples=99, **given)


@pytest.fixture(scope="module")
def report():
    return corrected(*tables())


def test_two_labellings_share_one_rate_and_the_assumption_is_said(report):
    block = report.skin_type_error
    assert (block.model, block.columns, block.resamples) == ("adjacent", ("fst", "fst_b"), 99)
    assert block.error_rates["fst"] == pytest.approx(0.25, abs=0.05)
    assert block.error_rates["fst"] == block.error_rates["fst_b"]
    assert block.assumption.startswith("both labellings err alike and independently of each other, whatever")
    assert "of labels are one type off, up and down alike (inwards at I and VI)" in block.assumption


def test_the_first_contrast_is_that_of_the_primary_row(report):
    first = report.skin_type_error.contrasts[0]
    row = report.features["fst"].disparities["accuracy"].contrast
    assert (first.kind, first.first, first.second) == ("primary", row.first, row.second)
    assert first.uncorrected.value == pytest.approx(row.value, abs=1e-6)


def test_attenuation_is_undone(report):
    bands = {(item.first, item.second): item for item in report.skin_type_error.contrasts if item.kind == "bands"}
    assert set(bands) == {(("V", "VI"), ("III", "IV")), (("V", "VI"), ("I", "II")), (("III", "IV"), ("I", "II"))}
    near = bands[("V", "VI"), ("III", "IV")]
    assert near.corrected.value < near.uncorrected.value - 0.02
    assert near.corrected.low < -0.3 < near.corrected.high


def test_labels_that_tell_nothing_about_each_other_are_refused():
    truth, predictions = tables(600, error=0.0)
    truth.loc[0, "fst_b"] = pd.NA  # differs, so that it counts as a labelling of its own
    assert "seems to follow from the other labellings" in corrected(truth, predictions).skin_type_error.reason
    truth, predictions = tables(600)
    truth.loc[80:, "fst_b"] = pd.NA
    assert (
        "80 images have two labels or more, needed are 100" in corrected(truth, predictions).skin_type_error.reason
    )
    truth, predictions = tables(600)
    truth["fst_b"] = 7 - truth["fst_b"]
    assert "one scale the other way round" in corrected(truth, predictions).skin_type_error.reason
    truth, predictions = tables(600, 3)
    truth["fst"] = truth[["fst", "fst_b", "fst_c"]].median(axis=1).astype(int)
    assert "fst seems to follow from the other" in corrected(truth, predictions).skin_type_error.reason


def test_three_labellings_have_rates_of_their_own():
    truth, predictions = tables(400, 3)
    rng = np.random.default_rng(9)
    truth["fst_c"] = np.where(rng.random(400) < 0.5, truth["fst_c"], rng.integers(1, 7, 400))
    block = corrected(truth, predictions).skin_type_error
    assert (block.model, block.columns) == ("dawid_skene", ("fst", "fst_b", "fst_c"))
    assert block.error_rates["fst_c"] > block.error_rates["fst_b"] + 0.15


def test_bands_are_corrected_by_the_types_in_them():
    block = corrected(*tables(600), primary="accuracy:fst_band").skin_type_error
    assert block.feature == "fst_band"
    assert {name for item in block.contrasts for name in item.first + item.second} <= {"I-II", "III-IV", "V-VI"}
    assert all(item.corrected.value is not None for item in block.contrasts)


def test_reasons_stand_in_the_record():
    truth, predictions = tables(300, 1)
    told = corrected(truth, predictions).skin_type_error
    assert told == Undefined(reason="the truth has one labelling of the skin type, needed are two that differ")
    truth, predictions = tables(300)
    truth["sex"] = ["f", "m"] * 150
    told = corrected(truth, predictions, sensitive=["sex"]).skin_type_error
    assert told == Undefined(reason="the primary feature, sex, is not a skin type")
    told = corrected(truth, predictions, primary="macro_f1:fst").skin_type_error
    assert told == Undefined(reason="only a metric that is a mean over images is corrected, macro-F1 is not")


def test_a_side_with_few_images_has_no_value():
    truth, predictions = tables(300)
    dark = truth["fst"].isin([5, 6]) | truth["fst_b"].isin([5, 6])
    kept = ~dark | (dark.cumsum() <= 6)
    block = corrected(truth[kept], predictions[kept]).skin_type_error
    thin = [item for item in block.contrasts if item.kind == "bands" and "VI" in item.first]
    assert thin
    assert all("images are expected on one side, needed are 10" in item.corrected.reason for item in thin)


def test_it_depends_on_the_seed_alone_and_is_not_made_unless_asked():
    truth, predictions = tables(200)
    assert corrected(truth, predictions) == corrected(truth.sample(frac=1, random_state=1), predictions)
    silent = evaluate(predictions, truth, n_resamples=99)
    assert silent.skin_type_error is None
    assert skin_error_sections(silent) == []


def test_least_squares_on_probabilities_by_hand():
    # one class, two patterns that are of group 0 with .8 and .3: means .8 a + .2 b = .7 and .3 a + .7 b = .45
    cells = Cells(np.array([[100.0, 100.0]]), np.array([[70.0, 45.0]]), np.ones((2, 1)))
    types = np.array([[[0.8, 0.3], [0.2, 0.7]]])
    assert side_differences(cells, types, np.array([0]), np.array([1])) == pytest.approx([0.5])
    same = np.full((1, 2, 2), 0.5)
    assert np.isnan(side_differences(cells, same, np.array([0]), np.array([1]))).all()


def test_the_command_writes_and_prints_it(tmp_path):
    truth, predictions = tables(300)
    truth.to_csv(tmp_path / "truth.csv", index=False)
    predictions.to_csv(tmp_path / "pred.csv", index=False)
    files = [tmp_path / "pred.csv", "--truth", tmp_path / "truth.csv", "--out", tmp_path / "out"]
    ended = CliRunner().invoke(app, ["eval", *map(str, files), "--skin-type-error", "--resamples", "99", "--full"])
    assert ended.exit_code == 0
    assert "A sensitivity analysis" in ended.stdout
    assert Report.read(tmp_path / "out" / "report.json").skin_type_error.columns == ("fst", "fst_b")
