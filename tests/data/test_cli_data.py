import json

import pytest
from typer.testing import CliRunner

from dermbench.cli import app
from dermbench.errors import InputError, UsageError

from .conftest import draw, own_table

runner = CliRunner()


def run(*arguments):
    result = runner.invoke(app, ["data", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def out(tmp_path, csv):
    path = csv(own_table())
    assert run("prepare", "table", "--root", path, "--out", tmp_path / "out").exit_code == 0
    return tmp_path / "out"


def test_list_shows_every_task():
    result = run("list")
    for word in ("ajl-21", "pad-ufes-20", "CC BY 4.0", "2,860 train"):
        assert word in result.stdout
    names = [task["name"] for task in json.loads(run("list", "--json").stdout)]
    assert {"ajl-21", "fitzpatrick17k-114", "fitzpatrick17k-9", "fitzpatrick17k-3", "pad-ufes-20"} <= set(names)


def test_prepare_prints_what_there_is_and_what_was_left_out(tmp_path, csv):
    path = csv(own_table(20), images=18)
    result = run("prepare", "table", "--root", path, "--out", tmp_path / "out", "--allow-missing")
    for words in ("18 images, 2 classes", "left out: 2 x missing image file", "hash: sha256:"):
        assert words in result.stdout


def test_prepare_can_print_json_alone(tmp_path, csv):
    result = run(
        "prepare", "table", "--root", csv(own_table()), "--out", tmp_path / "out", "--json", "--seed", "3",
        "--set", "task=mine", "--split-fractions", "1,1,1",
    )  # fmt: skip
    document = json.loads(result.stdout)
    assert document["task"] == "mine"
    assert document["split"]["seed"] == 3
    assert document["split"]["train"] == pytest.approx(1 / 3)


def test_prepare_ends_with_what_the_test_split_can_show(tmp_path, csv):
    said = run("prepare", "table", "--root", csv(own_table(36)), "--out", tmp_path / "out").stdout.splitlines()
    assert said[-1].startswith("This test split finds ")
    assert " in sensitivity for type " in said[-1]  # two classes, one of them malignant
    assert "(0 positive" not in said[-1]
    assert said[-1].endswith(f"More: dermbench plan --data {tmp_path / 'out'}")


def test_missing_images_raise_one_readable_error(tmp_path, csv):
    with pytest.raises(InputError, match="2 of 20 images are missing") as caught:
        run("prepare", "table", "--root", csv(own_table(20), images=18), "--out", tmp_path / "out")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "novalue"], "write --set key=value"),
        (["--set", "task=a", "--set", "task=b"], "given twice"),
        (["--set", "colour=red"], "no option colour"),
        (["--split-fractions", "1,2"], "three numbers"),
        (["--split-fractions", "a,b,c"], "three numbers"),
        (["--split-fractions", "0,0,0"], "three shares"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(tmp_path, csv, arguments, message):
    with pytest.raises(UsageError, match=message):
        run("prepare", "table", "--root", csv(own_table()), "--out", tmp_path / "out", *arguments)


def test_a_release_that_is_not_there_is_told_where_to_get(tmp_path):
    with pytest.raises(UsageError, match=r"metadata\.csv(.|\n)*data\.mendeley\.com"):
        run("prepare", "pad-ufes-20", "--out", tmp_path / "out")


def test_check_exits_1_when_something_is_wrong(out, tmp_path):
    assert run("check", out).exit_code == 0
    draw(tmp_path / "own" / "img" / "000.jpg", 50)
    result = run("check", out)
    assert result.exit_code == 1
    assert "img/000.jpg has changed" in result.stderr
    document = json.loads(run("check", out, "--json").stdout)
    assert document["ok"] is False
    assert len(document["problems"]) == 1


def test_audit_exits_1_when_the_split_leaks(out, tmp_path, csv):
    assert run("audit", out).exit_code == 0
    table = (
        own_table().drop(columns="patient").assign(split=["train", "test", "train", "train", "test", "train"] * 2)
    )
    path = csv(table)
    (path.parent / "img" / "001.jpg").write_bytes((path.parent / "img" / "000.jpg").read_bytes())
    run("prepare", "table", "--root", path, "--out", tmp_path / "leaky", "--split-fractions", "1,0,0")
    result = run("audit", tmp_path / "leaky", "--out", tmp_path / "audit")
    assert result.exit_code == 1
    assert "Leaks between splits: 1" in result.stdout
    document = json.loads((tmp_path / "audit" / "audit.json").read_text())
    assert document["leaked_images"] == {"train": 1, "test": 1}
    assert document == json.loads(run("audit", tmp_path / "leaky", "--json").stdout)


def test_the_list_fits_the_terminal_and_breaks_no_address(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    lines = run("list").stdout.splitlines()
    assert lines[0] == "ajl-21"
    assert lines[2] == "  skin types I 766, II 1,361, III 805, IV 579, V 299, VI"
    assert lines[3] == "             133, unknown 144"
    assert not [line for line in lines if len(line) > 60 and not line.strip().startswith("https://")]
    assert "             https://www.kaggle.com/competitions/bttai-ajl-2025" in lines
