from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def load(name):
    """Import a module that lies beside this one; tests are no package."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


readme, reproduce = load("readme"), load("reproduce")

TEXT = """\
Prose.

<!-- reproduce -->
```sh
$ dermbench doctor --json \\
    --quiet
dermbench data list   # all of them
```

prints

```
done in 12.3 s

two
```

```sh
dermbench not marked
```

<!-- excerpt: board.md -->

| a | b |
|--:|--:|
| 1 | 2 |

More.
"""


def fake(answers):
    """Stand in for the command line: the first matching start of a command answers."""
    seen = []

    def run(arguments, folder):
        seen.append((tuple(arguments), folder))
        line = " ".join(arguments)
        return next((answer for start, answer in answers.items() if line.startswith(start)), (0, ""))

    run.seen = seen
    return run


def test_marked_commands_and_excerpts_are_read():
    (claim,) = readme.claims(TEXT)
    assert claim.commands == (("doctor", "--json", "--quiet"), ("data", "list"))
    assert claim.output == "done in 12.3 s\n\ntwo\n"
    assert readme.excerpts(TEXT) == [("board.md", ["| a | b |", "|--:|--:|", "| 1 | 2 |"])]


def test_an_excerpt_is_of_one_table():
    text = "| a | b |\n|--:|--:|\n| x | 1 |\n| y | 2 |\n\n| a | c |\n|--:|--:|\n| x | 3 |\n"
    assert readme.absent(["| a | b |", "|--:|--:|", "| y | 2 |"], text) is None
    assert readme.absent(["| a | b |", "|--:|--:|", "| x | 3 |"], text) == "| x | 3 |"
    assert readme.absent(["| a | c |", "| x | 4 |"], text) == "| x | 4 |"
    assert readme.absent(["| a | b |"], "") == "| a | b |"


@pytest.mark.parametrize(
    "text",
    [
        "<!-- reproduce -->\n```sh\ndermbench a\n```\n",
        "<!-- reproduce -->\nno block\n",
        "<!-- reproduce -->\n```sh\nrm -rf x\n```\n```\n```\n",
        "<!-- reproduce -->\n```sh\ndermbench a && rm b\n```\n```\n```\n",
    ],
)
def test_other_marked_blocks_are_refused(text):
    with pytest.raises(ValueError, match="mark"):
        readme.claims(text)


@pytest.mark.parametrize(
    ("shown", "printed", "found"),
    [
        ("done in 61 s\n", "done in 58.2 s  \n\n", None),
        ("rate 33 images/s, 1:02 min", "rate 35.1 images/s, 2:13 min", None),
        ("n = 61\n", "n = 62\n", "shows 'n = 61', prints 'n = 62'"),
        ("accuracy .61 s\n", "accuracy .62\n", "shows 'accuracy .# s', prints 'accuracy .62'"),
        ("a\nb\n", "a\n", "only one of both shows 'b'"),
        ("a\n", "a\nb\n", "only one of both prints 'b'"),
        ("a\n…\nd\n", "a\nb\nc\nd\n", None),
        ("a\n…\n", "a\nb\nc\n", None),
        ("…\nc\n", "a\nb\nc\n", None),
        ("a\n…\nd\n", "a\nb\nd\ne\n", "only one of both prints 'e'"),
        ("a\n…\nx\n", "a\nb\n", "nowhere prints 'x'"),
        ("a\n…\nc\nb\n", "a\nb\nc\n", "only one of both shows 'b'"),
        ("train 'x' -> y\n", "train 'x' -> y ───────\n", None),
    ],
)
def test_output_is_compared_without_the_clock(shown, printed, found):
    assert readme.first_difference(shown, printed) == found


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        ("accuracy .84 [.76, 0.90] 182", None),
        ("accuracy .88 [.77, .90] 182", None),
        ("accuracy .89 [.77, .90] 182", "shows"),
        ("accuracy .85 [.77, .90] 181", "shows"),
        ("accuracy .85 [.77] 182", "shows"),
        ("precision .85 [.77, .90] 182", "shows"),
    ],
)
def test_fractions_of_a_training_may_be_a_little_away(printed, found):
    shown = "accuracy .85 [.77, .90] 182"
    difference = readme.first_difference(shown, printed, 0.03)
    assert difference is None if found is None else difference.startswith(found)
    assert readme.first_difference(f"…\n{shown}", f"x\n{printed}", 0.03) is None or found
    assert readme.first_difference(shown, printed) is not None


def test_a_claim_says_how_far_fractions_may_be():
    (claim,) = readme.claims(TEXT.replace("<!-- reproduce -->", "<!-- reproduce to .03 -->"))
    assert claim.tolerance == 0.03


@pytest.fixture
def repository(tmp_path):
    root = tmp_path / "root"
    boards = {
        "drawn": 'recreate = "dermbench data prepare synthderm --out DATASET"\ndataset_digest = "sha256:1"\n',
        "real": 'recreate = "dermbench data prepare pad --root RAW --out DATASET"\ntruth_digest = "sha256:2"\n',
    }
    for name, text in boards.items():
        (root / "leaderboards" / name).mkdir(parents=True)
        (root / "leaderboards" / name / "board.toml").write_text(text)
    (root / "README.md").write_text(TEXT)
    (root / "board.md").write_text("| a | b |\n|--:|--:|\n| 1 | 2 |\n")
    return root


@pytest.mark.parametrize(("digest", "failures"), [("sha256:1", 0), ("sha256:9", 1)])
def test_recreated_data_must_have_the_hash_of_the_board(repository, tmp_path, digest, failures):
    def run(arguments, _folder):
        folder = Path(arguments[arguments.index("--out") + 1])
        folder.mkdir()
        (folder / "dataset.toml").write_text(f'digest = "{digest}"\n')
        return 0, ""

    found = reproduce.Findings()
    made = reproduce.recreate(found, repository, tmp_path, run)
    assert list(made) == ["drawn"]
    assert len(found.failed) == failures
    assert [line.split(":")[0] for line in found.unproved] == ["real"]


@pytest.mark.parametrize(("second", "failures"), [("sha256:a", 0), ("sha256:b", 1)])
def test_two_trainings_must_agree(tmp_path, second, failures):
    def run(_arguments, folder):
        report = folder / "out/entries/lite0/report.json"
        report.parent.mkdir(parents=True)
        digest = "sha256:a" if folder.name == "first" else second
        report.write_text(json.dumps({"provenance": {"predictions_digest": digest}}))
        return 0, f"in {folder.name}"

    found = reproduce.Findings()
    assert reproduce.train_twice(found, tmp_path, run) == "in first"
    assert len(found.failed) == failures
    assert len(found.proved) == 1 - failures


def test_trainings_without_an_entry_prove_nothing(tmp_path):
    found = reproduce.Findings()
    reproduce.train_twice(found, tmp_path, fake({}))
    assert found.failed == [
        "two quickstarts in separate processes give the same predictions (): there is no entry"
    ]


def test_boards_are_verified_and_gaps_named(repository):
    run = fake({"leaderboard verify": (1, "x: differs\n  checked: hashes\n  not checked: truth\n")})
    found = reproduce.Findings()
    reproduce.verify_boards(found, repository, {"drawn": Path("d")}, run)
    assert found.proved == ["drawn: hashes", "real: hashes"]
    assert found.unproved == ["drawn: truth", "real: truth"]
    assert found.failed == ["drawn: `leaderboard verify` exits with 1", "real: `leaderboard verify` exits with 1"]
    assert "--data" not in run.seen[0][0], "a board without a truth has nothing to compare"


@pytest.mark.parametrize(
    ("answer", "failed"),
    [((0, "done in 9 s\ntwo\n"), 0), ((0, "done in 9 s\nthree\n"), 1), ((1, "done in 9 s\ntwo\n"), 1)],
)
def test_readme_must_show_what_is_printed(repository, tmp_path, answer, failed):
    found = reproduce.Findings()
    reproduce.read_readme(found, repository, tmp_path / "work", None, fake({"doctor": answer}))
    assert len(found.failed) == failed
    (repository / "board.md").write_text("| a | b |\n|--:|--:|\n| 1 | 3 |\n")
    reproduce.read_readme(found, repository, tmp_path / "work", None, fake({"doctor": answer}))
    assert "README: an excerpt stands in board.md: without '| 1 | 2 |'" in found.failed


def test_the_quickstart_is_not_run_a_third_time(repository, tmp_path):
    (repository / "README.md").write_text("<!-- reproduce -->\n```\ndermbench quickstart\n```\n```\nA\n```\n")
    run = fake({})
    found = reproduce.Findings()
    reproduce.read_readme(found, repository, tmp_path / "work", "A\n", run)
    assert not found.failed
    assert run.seen == []


def test_generated_files_that_differ_fail(repository, capsys):
    found = reproduce.Findings()
    reproduce.regenerate(found, repository, fake({"leaderboard build": (1, "differs: README.md")}))
    assert found.report() == 1
    assert capsys.readouterr().out.startswith("FAILED: generated files are what `dermbench leaderboard build")


def test_the_readme_of_this_repository_can_be_read(project_root):
    text = (project_root / "README.md").read_text(encoding="utf-8")
    readme.claims(text)
    for name, lines in readme.excerpts(text):
        there = (project_root / name).read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if line not in there] == []
