"""Reports and settings of odd shapes: each is a finding with a sentence, none a traceback."""

from __future__ import annotations

import json
import random

import pytest

from dermbench.artifacts.hashing import file_digest
from dermbench.errors import InputError
from dermbench.leaderboard import Effort, verify
from dermbench.leaderboard.board import read_board
from dermbench.leaderboard.check_entry import Against, check_entry
from dermbench.leaderboard.reported import read_reported

ODD = [None, True, -1, 0, 1e308, 2**63, "", "x", [], [[1]], {}, {"reason": "r"}, {"x": 1}]


def paths(node, path=()):
    """Yield the path of every part of a document."""
    yield path
    parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, part in parts:
        yield from paths(part, (*path, key))


def changed(text, path, value):
    """Return a document with another value, or without one, at a path."""
    document = json.loads(text)
    if not path:
        return value
    node = document
    for key in path[:-1]:
        node = node[key]
    if value is ...:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return document


def misfit(folder, board, document):
    """Return the problems of an entry whose report is another document, with its hash made to fit."""
    path = folder / "report.json"
    path.write_text(json.dumps(document))
    entry = folder / "entry.toml"
    was, kept = MADE["digest"], MADE["entry"]
    entry.write_text(kept.replace(was, file_digest(path)))
    return check_entry(folder, Against(board, None, {})).problems


MADE: dict[str, str] = {}


@pytest.mark.parametrize("seed", range(3))
def test_reports_of_any_shape(board, seed):
    """A report is changed in one place, keeping its hash right, where no truth can contradict it."""
    folder, settings = board / "entries/middle", read_board(board)
    text = (folder / "report.json").read_text()
    MADE.update(digest=file_digest(folder / "report.json"), entry=(folder / "entry.toml").read_text())
    everywhere = list(paths(json.loads(text)))
    chance = random.Random(seed)
    for _ in range(40):
        path, value = chance.choice(everywhere), chance.choice([*ODD, ...])
        document = changed(text, path, None if not path and value is ... else value)
        if document != json.loads(text):
            problems = misfit(folder, settings, document)
            assert all("report" in problem for problem in problems), (path, value, problems)


SHAPES = {
    ("confusion", "matrix"): [[1, 2], [3]],
    ("features", "fst", "disparities", "accuracy", "raw", "worst_group"): "nobody",
    ("features", "fst", "groups"): {},
    ("overall",): {"no_such_metric": {"value": 0.5}},
    ("per_class",): {},
    ("classes",): ["macule", "macule", "wheal"],
    ("primary", "feature"): "none",
    ("n",): 10**30,
}


@pytest.mark.parametrize("path", SHAPES, ids=".".join)
def test_reports_whose_parts_do_not_fit(board, path):
    folder = board / "entries/middle"
    document = changed((folder / "report.json").read_text(), path, SHAPES[path])
    (folder / "report.json").write_text(json.dumps(document))
    (board / "truth.csv").unlink()
    (done,) = verify(board, effort=Effort(quick=True))
    assert any("report.json" in problem for problem in done.problems)
    assert not any(problem.startswith("entries/good-one") for problem in done.problems), "the rest is checked"


def test_groups_add_up_to_the_confusion_table(board, edit_report):
    """A group with one right answer more is seen without the truth."""
    folder = board / "entries/middle"
    (board / "truth.csv").unlink()

    def change(document):
        group = document["features"]["fst"]["groups"]["I"]
        group["accuracy"]["value"] += 1 / group["n"]

    edit_report(folder, change)
    problems = check_entry(folder, Against(read_board(board), None, {})).problems
    assert any("features.fst.groups have " in p and "classified rightly" in p for p in problems), problems


@pytest.mark.parametrize(
    ("where", "change", "sentence"),
    [
        (("features", "fst", "groups", "I", "n"), 1, "features.fst.groups have "),
        (("per_class", "papule", "support"), 1, "per_class.papule.support is 31, its confusion table has 30"),
    ],
)
def test_counts_add_up(board, edit_report, where, change, sentence):
    folder = board / "entries/middle"
    (board / "truth.csv").unlink()

    def edit(document):
        node = document
        for key in where[:-1]:
            node = node[key]
        node[where[-1]] += change

    edit_report(folder, edit)
    problems = check_entry(folder, Against(read_board(board), None, {})).problems
    assert any(sentence in problem for problem in problems), problems


@pytest.mark.parametrize(
    "number",
    [
        "nan",
        "inf",
        "-inf",
        "1e999",
        "1e999999999",
        "true",
        '"0.5"',
        "[0.5]",
        "1" * 5000,
        f"0.{'1' * 30}",
        "1e-999",
    ],
)
@pytest.mark.parametrize("key", ["scores", "groups"])
def test_published_values_that_are_not_numbers_are_refused(tmp_path, number, key):
    text = (
        f'schema = "dermbench.reported/1"\n[[row]]\nentry = "a"\nsource = "b"\n{key} = {{ accuracy = {number} }}\n'
    )
    (tmp_path / "reported.toml").write_text(text)
    with pytest.raises(InputError, match=r"reported\.toml"):
        read_reported(tmp_path)


def test_odd_published_numbers_are_a_finding(board):
    (board / "reported.toml").write_text(
        'schema = "dermbench.reported/1"\n[[row]]\nentry = "a"\nsource = "b"\nscores = { accuracy = nan }\n'
    )
    (done,) = verify(board, effort=Effort(quick=True))
    assert any("NaN or infinity" in problem for problem in done.problems)


def test_an_unknown_ranking_metric_is_refused(board):
    path = board / "board.toml"
    path.write_text(path.read_text() + 'metric = "=<img src=x>"\n')
    (done,) = verify(board, effort=Effort(quick=True))
    assert "metric: no metric '=<img src=x>'; there are: " in done.problems[0]
