"""``dermbench plan`` as a user runs it."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from dermbench.artifacts.plan import Plan, plan_schema
from dermbench.cli import app
from dermbench.cli.plan import read_sizes
from dermbench.errors import DermbenchError, UsageError
from dermbench.evaluation.planning import approximate, study, test_set


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Simulate little."""
    monkeypatch.setattr(study, "ROUNDS", (20, 40))
    monkeypatch.setattr(test_set, "ROUNDS", (20, 40))
    monkeypatch.setattr(test_set, "MARGIN_SETS", 100)
    monkeypatch.setattr(approximate, "LOG_POINTS", 8)


def run(*arguments):
    result = CliRunner().invoke(app, ["plan", *map(str, arguments)])
    if isinstance(result.exception, DermbenchError):
        return result.exception.exit_code, result.stdout, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def truth(tmp_path):
    fst = [1] * 60 + [6] * 20
    ids = [f"i{k:03d}" for k in range(80)]
    path = tmp_path / "truth.csv"
    pd.DataFrame({"image_id": ids, "label": ["x", "y"] * 40, "fst": fst}).to_csv(path, index=False)
    return path


def test_a_new_study_is_answered_in_sentences():
    code, out, _ = run("--group", "V-VI", "--drop", ".2")
    said = " ".join(out.split())
    assert code == 0
    assert "To find a drop of .20 in types V\N{EN DASH}VI with 80 % power:" in said
    assert "as many of every other group (3 groups in all)" in said
    assert "Assumed: accuracy is .80 in every class and, apart from the drop, in every group." in said
    assert "Assumed: one image per patient." in said


def test_json_is_the_whole_document_and_the_same_again(tmp_path):
    code, out, _ = run("--group", "V-VI", "--margin", ".3", "--json", "--out", tmp_path)
    assert code == 0
    assert (tmp_path / "plan.json").read_text(encoding="utf-8") == out
    schema = plan_schema()
    assert schema["properties"]["schema"]["const"] == json.loads(out)["schema"] == "dermbench.plan/1"
    assert set(json.loads(out)) <= set(schema["properties"])
    made = Plan.read(tmp_path / "plan.json")
    assert made.text() == out
    assert [size.question for size in made.sizes] == ["margin"]
    assert run("--group", "V-VI", "--margin", ".3", "--json")[1] == out


def test_a_table_is_answered_with_page_and_curve(truth, tmp_path):
    code, out, said = run("--truth", truth, "--rate", ".62", "--out", tmp_path / "p")
    assert code == 0
    assert "Wrote plan.json, plan.md, plan.svg" in said
    line = "If no group differs, the upper limit of the gap is below .10 in none of 100 simulated test sets;"
    assert line in " ".join(out.split())
    page = (tmp_path / "p" / "plan.md").read_text(encoding="utf-8")
    assert "| group | images | smallest drop found | power | chance to find .10 |" in page
    assert "| drop | type I | type VI |" in page
    assert (tmp_path / "p" / "plan.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_positive_classes_make_sensitivity_the_question(truth):
    code, out, _ = run("--truth", truth, "--positive", "y", "--group", "VI")
    said = " ".join(out.split())
    assert code == 0
    assert "or more in sensitivity for type VI (10 images) is found with at least 80 % power." in said
    assert "Images: only those that count for sensitivity." in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "a new study needs a group"),
        (("--group", "VI", "--feature", "fst"), "has no feature, split, task or positive classes"),
        (("--group", "VI", "--rate", "80"), "rate 80 is not between 0 and 1"),
        (("--group", "VI", "--sizes", "I=2;II=3"), "'I=2;II=3' is not NAME=NUMBER"),
    ],
)
def test_wrong_usage_is_one_message(options, said):
    code, _, message = run(*options)
    assert code == 2
    assert said in message


def test_sizes_do_not_go_with_a_dataset(truth):
    code, _, message = run("--truth", truth, "--sizes", "I=20")
    assert code == 2
    assert "those of the existing test set" in message


def test_sizes_are_read_with_all_problems():
    assert read_sizes("I=200, I\N{EN DASH}II = 3") == {"I": 200, "I-II": 3}
    with pytest.raises(UsageError, match="'II' is not NAME=NUMBER; I is given twice; 'V=-3' is not"):
        read_sizes("I=1,II,I=2,V=-3")
