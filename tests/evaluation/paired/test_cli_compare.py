"""``dermbench compare`` as a user types it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from dermbench.artifacts import write_predictions
from dermbench.cli import app
from dermbench.errors import DermbenchError


@pytest.fixture(scope="module")
def folder(models, tmp_path_factory):
    """Truth of 90 images with skin types, and four predictions files."""
    path = tmp_path_factory.mktemp("compare")
    predictions, truth = models(90, gains=(0, 0, 1, 1), fst=[1 + k % 6 for k in range(90)])
    truth.table.drop(columns="fst_band").to_csv(path / "truth.csv", index=False)
    for name, item in zip(("a@0", "a@1", "b", "c"), predictions.values(), strict=True):
        write_predictions(path / f"{name}.csv", item)
    return path


def run(folder, *arguments):
    common = ["--truth", str(folder / "truth.csv"), "--resamples", "99"]
    paths = [str(folder / a) if a.endswith(".csv") and "=" not in a else a for a in arguments]
    return CliRunner().invoke(app, ["compare", *paths, *common])


def test_out_and_json(folder, tmp_path):
    done = run(folder, "a@0.csv", "a@1.csv", "b.csv", "--out", str(tmp_path / "out"), "--json", "--margin", "5")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found == json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert found["baseline"] == "a"
    assert found["seeds"]["a"]["accuracy"]["n"] == 2
    assert "Rank bands" in done.stderr
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"comparison.json", "comparison.md", "comparison.html"}


def test_same_bytes_again(folder, tmp_path):
    for name in ("one", "two"):
        assert run(folder, "b.csv", "c.csv", "--out", str(tmp_path / name)).exit_code == 0
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("baseline", ["b", "b.csv"])
def test_baseline_by_name_or_file(folder, baseline):
    done = run(folder, "a@0.csv", "b.csv", "--baseline", baseline, "--json")
    assert json.loads(done.stdout)["baseline"] == "b"
    assert list(json.loads(done.stdout)["differences"]) == ["a"]


def test_declared_metrics_and_names(folder):
    path = folder / "b.csv"
    done = run(folder, "a@0.csv", f"mine={path}", "--metric", "accuracy", "--metric", "macro_f1", "--json")
    found = json.loads(done.stdout)
    assert set(found["differences"]["mine"]) == {"accuracy", "macro_f1"}
    assert found["ranks"]["metric"] == "accuracy"
    assert "accuracy, macro_f1" in found["families"]["overall"]
    p = [found["differences"]["mine"][m] for m in ("accuracy", "macro_f1")]
    assert min(i["p_holm"] for i in p) == pytest.approx(min(1, 2 * min(i["p_value"] for i in p)), abs=2e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a@0.csv"], "at least two models"),
        (["a@0.csv", "a@1.csv"], "seeds of one candidate"),
        (["a@0.csv", "b.csv", "--baseline", "z"], "--baseline z is none of the models: a, b"),
        (["a@0.csv", "b.csv", "--margin", "0.02"], "--margin 2 accepts"),
        (["a@0.csv", "b.csv", "--metric", "macro_f11"], "macro_f1"),
        (["a@0.csv", "b.csv", "--metric", "sensitivity"], "not defined for this task"),
        (["a@0.csv", "b.csv", "--sensitive", "sex"], "no sensitive feature 'sex'"),
        (["a@0.csv", "none.csv"], "none.csv"),
    ],
)
def test_refusals(folder, arguments, message):
    done = run(folder, *arguments)
    assert isinstance(done.exception, DermbenchError)
    assert message in str(done.exception)


def test_missing_ids_and_foreign_classes_are_named(folder, tmp_path):
    lines = (folder / "b.csv").read_text().splitlines()
    short = tmp_path / "short.csv"
    short.write_text("\n".join(lines[:-1]))
    assert "1 missing image_id: 'i0089'" in str(run(folder, "a@0.csv", str(short)).exception)
    foreign = tmp_path / "foreign.csv"
    foreign.write_text("\n".join([lines[0].replace("prob_c", "prob_z"), *lines[1:]]))
    assert "prob_z" in str(run(folder, "a@0.csv", str(foreign)).exception)


def test_a_class_map_missing_predictions_and_cases(folder, tmp_path):
    lines = (folder / "b.csv").read_text().splitlines()
    other = tmp_path / "other.csv"
    other.write_text("\n".join([lines[0].replace("prob_a", "prob_z"), *lines[1:-1]]))
    (tmp_path / "map.toml").write_text("z = 'a'\n")
    code = run(folder, "a@0.csv", str(other), "--map", str(tmp_path / "map.toml"))
    assert "1 missing image_id: 'i0089'" in str(code.exception)
    settings = ("--map", str(tmp_path / "map.toml"), "--missing", "wrong", "--json")
    done = run(folder, "a@0.csv", str(other), *settings)
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["unanswered"] == {"other": 1}
    said = document["provenance"]["interpreted"]
    assert said["a@0"] == [said["other"][0]]
    assert said["other"][0].endswith("by map.toml.")
    assert said["other"][1].startswith("1 of 90 answers have no prediction (1); they count as wrong")
    assert "the truth has no lesion_id" in str(
        run(folder, "a@0.csv", "b.csv", "--aggregate", "lesion_id").exception
    )
