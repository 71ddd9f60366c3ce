"""Adjusted differences in a report: what is compared, what is refused, what is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import dermbench
from dermbench.artifacts.report import Report, Undefined
from dermbench.cli import app
from dermbench.errors import UsageError
from dermbench.reporting.sections.adjusted import adjusted_sections


def evaluate(predictions, truth, **given):
    return dermbench.evaluate(predictions, truth, **given).report


def tables(n=600, *, seed=0):
    """Truth and predictions: sites differ in accuracy and in their skin types, which have no effect themselves."""
    rng = np.random.default_rng(seed)
    fst = rng.integers(1, 4, n)
    palm = rng.random(n) < np.array([0.15, 0.3, 0.7])[fst - 1]
    label = rng.choice(["eczema", "acne"], n)
    right = rng.random(n) < np.where(palm, 0.45, 0.85)
    other = np.where(label == "eczema", "acne", "eczema")
    ids = [f"i{k:04}" for k in range(n)]
    site = np.where(palm, "palm", "face")
    truth = pd.DataFrame(
        {"image_id": ids, "label": label, "fst": fst, "site": site, "age": rng.integers(20, 80, n)}
    )
    return truth, pd.DataFrame({"image_id": ids, "pred": np.where(right, label, other)})


@pytest.fixture(scope="module")
def report():
    truth, predictions = tables()
    return evaluate(predictions, truth, adjust=["site", "age"], n_resamples=99)


def test_a_site_that_explains_the_difference_takes_it_away(report):
    block = report.adjusted
    assert (block.metric, block.feature, block.columns) == ("accuracy", "fst", ("site", "age"))
    first = block.contrasts[0]
    row = report.features["fst"].disparities["accuracy"].contrast
    assert (first.kind, first.first, first.second) == ("primary", row.first, row.second)
    assert abs(first.by_class.value) > 0.1
    assert first.by_class.low > 0 or first.by_class.high < 0
    assert first.adjusted.low < 0 < first.adjusted.high
    assert abs(first.adjusted.value) < 0.06


def test_every_group_stands_against_the_rest(report):
    rest = [item for item in report.adjusted.contrasts if item.kind == "rest"]
    assert [(item.first, item.second) for item in rest] == [
        (("I",), ("II", "III")),
        (("II",), ("I", "III")),
        (("III",), ("I", "II")),
    ]
    groups = report.features["fst"].groups
    n = {name: groups[name].n for name in groups}
    value = {name: groups[name].cells["accuracy"].value for name in groups}
    others = (n["I"] * value["I"] + n["II"] * value["II"]) / (n["I"] + n["II"])
    assert rest[2].raw.value == pytest.approx(value["III"] - others, abs=1e-5)


def test_two_groups_have_one_row_and_an_aliased_name_is_understood():
    truth, predictions = tables()
    truth = truth.rename(columns={"site": "Region"}).assign(fst=truth["fst"].clip(upper=2))
    block = evaluate(predictions, truth, adjust=["region"], n_resamples=99).adjusted
    assert block.columns == ("site",)
    assert [item.kind for item in block.contrasts] == ["primary"]


def test_reasons_stand_in_the_record():
    truth, predictions = tables()
    truth["clinic"] = np.where(truth["fst"] == 3, "north", "south")
    block = evaluate(predictions, truth, adjust=["clinic"], n_resamples=99).adjusted
    third = block.contrasts[3].adjusted
    assert third.value is None
    assert third.reason == "clinic 'north', 'south' occurs on one side only"
    told = evaluate(predictions, truth, adjust=["site"], primary="macro_f1:fst", n_resamples=99).adjusted
    assert told == Undefined(
        reason="only a metric that is a mean of 0 and 1 over images is adjusted, macro-F1 is not"
    )


def test_classes_on_one_side_only_are_left_out_and_rare_ones_pooled():
    truth, predictions = tables(300)
    truth.loc[:4, "label"], truth.loc[:4, "fst"] = "rosacea", 3
    truth.loc[5:8, "label"], truth.loc[5:8, "fst"] = "psoriasis", [1, 1, 2, 3]
    block = evaluate(predictions, truth, adjust=["site"], n_resamples=99).adjusted
    third = block.contrasts[3]
    assert (third.n_one_sided, third.n_rare, third.raw.n, third.adjusted.n) == (5, 4, 300, 295)


def test_nothing_is_adjusted_unless_asked():
    truth, predictions = tables(100)
    made = evaluate(predictions, truth, n_resamples=99)
    assert made.adjusted is None
    assert adjusted_sections(made) == []


def test_columns_that_mean_nothing_are_refused_together():
    truth, predictions = tables(100)
    with pytest.raises(UsageError) as refused:
        evaluate(predictions, truth, adjust=["fst_band", "label", "quality"], n_resamples=99)
    assert str(refused.value) == (
        "--adjust: fst_band is what is compared (fst); label is an id or the label, which is held fixed anyway; "
        "the truth has no column 'quality'; it has fst, site, age, fst_band"
    )


def test_the_command_writes_and_prints_it(tmp_path):
    truth, predictions = tables(300)
    truth.to_csv(tmp_path / "truth.csv", index=False)
    predictions.to_csv(tmp_path / "pred.csv", index=False)
    files = [str(tmp_path / "pred.csv"), "--truth", str(tmp_path / "truth.csv"), "--out", str(tmp_path / "out")]
    ended = CliRunner().invoke(app, ["eval", *files, "--adjust", "site,age", "--resamples", "99", "--full"])
    assert ended.exit_code == 0
    assert "class, site and" in ended.stdout
    written = Report.read(tmp_path / "out" / "report.json")
    assert written.adjusted.columns == ("site", "age")
    assert "Adjusted differences of accuracy" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_sensitivity_is_adjusted_over_the_positive_images_alone():
    truth, predictions = tables(500)
    given = {"positive": ["acne"], "primary": "sensitivity:fst", "n_resamples": 99}
    block = evaluate(predictions, truth, adjust=["site"], **given).adjusted
    assert block.metric == "sensitivity"
    rest = block.contrasts[1]
    sick = (truth["label"] == "acne").to_numpy()
    right = (predictions["pred"] == "acne").to_numpy()
    light = (truth["fst"] == 1).to_numpy()
    assert rest.raw.n == int(sick.sum())
    assert rest.raw.value == pytest.approx(right[sick & light].mean() - right[sick & ~light].mean(), abs=1e-5)
    # one class: holding it fixed changes nothing
    assert rest.by_class.value == pytest.approx(rest.raw.value, abs=1e-6)


def test_sides_without_a_common_class_are_not_adjusted():
    truth, predictions = tables(120)
    truth["label"] = predictions["pred"] = np.where(truth["fst"] == 3, "rosacea", truth["label"])
    third = evaluate(predictions, truth, adjust=["site"], n_resamples=99).adjusted.contrasts[-1]
    assert third.first == ("III",)
    assert (third.by_class.reason, third.adjusted.n, third.n_one_sided) == ("the two sides share no class", 0, 120)


@pytest.mark.parametrize("asked", [{"adjust": ["site"]}, {"skin_type_error": True}])
def test_without_groups_there_is_nothing_to_adjust(asked):
    truth, predictions = tables(60)
    with pytest.raises(UsageError, match="no sensitive feature is evaluated"):
        evaluate(predictions, truth[["image_id", "label", "site"]], n_resamples=99, **asked)


def test_numbers_that_are_codes_are_categories_and_ids_are_refused():
    truth, predictions = tables()
    truth["code"] = np.where(truth["site"] == "palm", 31, 11)
    truth["exam"] = np.random.default_rng(1).permutation(len(truth))
    by_code, by_text = (
        evaluate(predictions, truth, adjust=[name, "age"], n_resamples=99).adjusted for name in ("code", "site")
    )
    assert by_code.levels == {"code": 2}
    assert by_code.contrasts == by_text.contrasts
    assert (
        "Read: code as 2 categories and age as a number"
        in adjusted_sections(evaluate(predictions, truth, adjust=["code", "age"], n_resamples=99))[0].notes[0]
    )
    with pytest.raises(UsageError, match="exam has a different whole number for each image, like an id"):
        evaluate(predictions, truth, adjust=["exam"], n_resamples=99)
