"""What results do: one line, a first screen, tables, figures, files; and ``--export`` on the command line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from typer.testing import CliRunner

import dermbench
from dermbench.artifacts import make_predictions
from dermbench.artifacts.report import Report
from dermbench.cli import app
from dermbench.errors import UsageError

IDS = [f"i{k:02}" for k in range(60)]
TRUTH = pd.DataFrame({"image_id": IDS, "label": ["nevus", "melanoma"] * 30, "fst": [1, 1, 5, 5] * 15})
OLD = pd.DataFrame({"image_id": IDS, "pred": ["nevus", "melanoma", "nevus", "nevus"] * 15})
NEW = pd.DataFrame({"image_id": IDS, "pred": ["nevus", "melanoma", "nevus", "melanoma"] * 15})
LABEL = "<b>$x$ =1+1"
HOSTILE = "<script>alert(1)</script>$\\href{javascript:x}{y}$\x1b[31m\u202e\n=1+1"
TABLES = {
    "evaluation": {"metrics", "groups", "gaps", "classes", "screen", "confusion", "operating_points"},
    "comparison": {"models", "differences", "groups", "gaps", "ranks"},
}


@pytest.fixture(scope="module")
def evaluation():
    return dermbench.evaluate(OLD, TRUTH, name="old", n_resamples=99)


@pytest.fixture(scope="module")
def comparison():
    return dermbench.compare({"old": OLD, "new": NEW}, TRUTH, metrics=["accuracy"], n_resamples=99)


@pytest.fixture(params=["evaluation", "comparison"])
def result(request):
    return request.getfixturevalue(request.param)


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_repr_is_one_line_with_the_main_numbers(evaluation, comparison):
    assert repr(evaluation).startswith(
        "EvaluationResult(old on unnamed, all, n = 60: sensitivity gap by skin type 1.00 ["
    )
    assert "accuracy against old: new +.250 [" in repr(comparison)
    assert all("\n" not in repr(found) for found in (evaluation, comparison))


def test_the_line_of_an_undefined_gap_says_why():
    one = TRUTH.assign(fst=1)
    found = dermbench.evaluate(OLD, one, n_resamples=99)
    assert "undefined (" in repr(found)
    assert repr(dermbench.evaluate(OLD, one.drop(columns="fst"), n_resamples=99)).endswith("n = 60)")


def test_hostile_names_are_escaped():
    truth = TRUTH.assign(label=["nevus", LABEL] * 30)
    found = dermbench.evaluate(NEW.assign(pred=truth["label"]), truth, name=HOSTILE, n_resamples=99)
    both = dermbench.compare(
        {HOSTILE: NEW.assign(pred=truth["label"]), "b": NEW.assign(pred="nevus")}, truth, n_resamples=99
    )
    for one in (found, both):
        assert repr(one).isprintable()
        page = one._repr_html_()
        assert "<script" not in page
        assert "\u202e" not in page
        assert set(re.findall(r"<(\w+)", page)) <= {
            *("div", "p", "strong", "em", "small"),
            *("table", "thead", "tbody", "tr", "th", "td"),
        }
        assert 'class="dermbench mathjax_ignore tex2jax_ignore"' in page


def test_the_first_screen_has_the_summary_and_the_gaps(evaluation):
    page = evaluation._repr_html_()
    for sentence in evaluation.report.summary:
        assert sentence.text.split(":")[0] in page
    assert "Disparities" in page
    assert "Per class" not in page


def test_figures_are_drawn_by_name(result):
    assert result.figures
    assert isinstance(result.figure(result.figures[0]), Figure)
    with pytest.raises(UsageError, match="no figure is called 'nothing'"):
        result.figure("nothing")


def test_tables_are_read_by_name(result):
    for name in TABLES["evaluation" if hasattr(result, "report") else "comparison"]:
        assert isinstance(result.to_frame(name), pd.DataFrame)
    with pytest.raises(UsageError, match="did you mean 'groups'"):
        result.to_frame("group")


def test_saving_writes_what_the_command_writes_and_the_same_bytes_again(evaluation, tmp_path):
    every = ["csv", "latex", "figures"]
    for name in ("one", "two"):
        written = evaluation.save(tmp_path / name, export=every)
        assert {str(path.relative_to(tmp_path / name)) for path in written} == files(tmp_path / name)
    assert {name for name in files(tmp_path / "one") if "/" not in name} == {
        *("report.json", "report.md", "report.html", "tables.tex"),
    }
    assert {Path(name).stem for name in files(tmp_path / "one" / "tables")} == TABLES["evaluation"]
    figures = {f"{name}.{suffix}" for name in evaluation.figures for suffix in ("svg", "png")}
    assert files(tmp_path / "one" / "figures") == figures
    for name in files(tmp_path / "one"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    assert Report.read(tmp_path / "one" / "report.json") == evaluation.report


def test_saving_elsewhere_than_in_a_folder_is_refused(result, tmp_path):
    (tmp_path / "a.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"folder or a \.json file"):
        result.save(tmp_path / "a.txt")
    with pytest.raises(UsageError, match="there are csv, latex, figures"):
        result.save(tmp_path / "out", export=["xlsx"])
    assert files(tmp_path) == {"a.txt"}


def test_artifacts_are_one_line_each():
    made = make_predictions(IDS, np.full((60, 2), 0.5), ("nevus", "a\x1b\nb"))
    assert repr(made).isprintable()
    assert repr(made).startswith("Predictions(60 images, probabilities of 'nevus', ")


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    for name, frame in (("truth", TRUTH), ("old", OLD), ("new", NEW)):
        frame.to_csv(folder / f"{name}.csv", index=False)
    return folder


def run(tables, *words):
    paths = [str(tables / word) if str(word).endswith(".csv") else str(word) for word in words]
    options = ["--truth", str(tables / "truth.csv"), "--resamples", "99"]
    return CliRunner().invoke(app, [*paths, *options])


def test_export_on_the_command_line(tables, tmp_path):
    done = run(tables, "eval", "old.csv", "--out", tmp_path, "--export", "csv,latex,figures")
    assert done.exit_code == 0, done.stderr
    for name in ("report.json", "tables.tex", "tables/groups.csv", "figures/gap.svg", "figures/gap.png"):
        assert name in done.stderr
        assert (tmp_path / name).is_file()
    again = run(tables, "eval", "new.csv", "--out", tmp_path)
    assert "from an earlier run: tables.tex, figures/" in again.stderr
    assert "tables/groups.csv" in again.stderr
    same = run(tables, "eval", "new.csv", "--out", tmp_path, "--export", "csv,latex,figures")
    assert "from an earlier run" not in same.stderr


def test_export_of_a_comparison(tables, tmp_path):
    done = run(tables, "compare", "old.csv", "new.csv", "--out", tmp_path, "--export", "csv,latex,figures")
    assert done.exit_code == 0, done.stderr
    assert {Path(name).stem for name in files(tmp_path / "tables")} == TABLES["comparison"]
    linked = re.findall(r"!\[.*?\]\((.*?)\)", (tmp_path / "comparison.md").read_text(encoding="utf-8"))
    assert linked
    assert all((tmp_path / name).is_file() for name in linked)
    run(tables, "compare", "old.csv", "new.csv", "--out", tmp_path / "plain")
    assert "![" not in (tmp_path / "plain" / "comparison.md").read_text(encoding="utf-8")
    assert not (tmp_path / "plain" / "figures").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--export", "csv"), "--export writes files beside the report"),
        (("--export", "csv,xlsx", "--out", "x"), "cannot export 'xlsx'; there are csv, latex, figures"),
        (("--export", "", "--out", "x"), "--export is empty"),
    ],
)
def test_an_impossible_export_is_refused_before_reading(words, said, tables):
    done = run(tables, "eval", "no-such.csv", *words)
    assert done.exit_code != 0
    assert said in str(done.exception)
