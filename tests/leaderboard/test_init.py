"""Open a board, fill it, and take a pull request to it."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
import yaml
from typer.testing import CliRunner

import dermbench
from dermbench.cli import app
from dermbench.errors import DermbenchError, InputError, UsageError
from dermbench.leaderboard import Effort, add, build, init, verify
from dermbench.leaderboard.board import read_board
from tests.leaderboard.conftest import predict

QUICK = Effort(quick=True)
HOSTILE = "<script>x</script> | [l](http://e.vil) `q` ${{ github.token }} $(id) @@question \" ' \\"


@pytest.fixture(scope="module")
def table(truth, tmp_path_factory):
    path = tmp_path_factory.mktemp("truth") / "truth.csv"
    truth.table.to_csv(path, index=False)
    return path


def opened(folder, table, **how):
    return init(
        folder,
        **{"title": "Toy", "metric": "macro_f1", "truth": table, "resamples": 99, "sensitive": ("fst",), **how},
    )


def run(*arguments):
    return CliRunner().invoke(app, ["leaderboard", *map(str, arguments)])


def git(folder, *arguments):
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "core.autocrlf=true"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_settings_are_those_asked_for(tmp_path, table, truth):
    board = opened(tmp_path / "new/b", table, primary="accuracy:sex", margin=0.1, sensitive=("sex",), split="all")
    assert read_board(tmp_path / "new/b") == board
    assert (board.metric, board.primary, board.margin, board.sensitive) == (
        "macro_f1",
        ("accuracy", "sex"),
        0.1,
        ("sex",),
    )
    assert board.classes == truth.classes
    assert not board.store_truth
    assert not (tmp_path / "new/b/truth.csv").exists(), "labels are published when asked for, and only then"
    rules = (tmp_path / "new/b/RULES.md").read_text()
    assert "the gap in accuracy by sex; a gap below 0.1 counts as small." in rules
    assert "--truth TABLE" in rules
    assert "[RULES.md](RULES.md)" in (tmp_path / "new/b/README.md").read_text()
    (done,) = verify(tmp_path / "new/b")
    assert not done.problems


def test_a_packaged_task_brings_its_question(tmp_path):
    board = init(tmp_path / "b", title="Own", metric="accuracy", task="ddi")
    assert board.task == "ddi"
    assert board.n_classes == 2
    assert board.recreate == "dermbench data prepare ddi --root RAW --out DATASET"
    assert "--data DATASET" in (tmp_path / "b/CONTRIBUTING.md").read_text()


def test_an_empty_folder_is_filled(tmp_path, table):
    (tmp_path / "b").mkdir()
    opened(tmp_path / "b", table)
    assert read_board(tmp_path / "b").title == "Toy"
    assert [path.name for path in tmp_path.iterdir()] == ["b"], "nothing is left beside it"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda b: (b / "board.toml").write_text(""), "is already a board"),
        (lambda b: (b / "x\x1b.txt").write_text(""), r"is not empty \('x\\x1b.txt'\)"),
        (lambda b: (b.rmdir(), b.write_text("")), "is not a folder"),
        (lambda b: (b.rmdir(), b.symlink_to(b.parent)), "is not a folder"),
    ],
)
def test_init_never_overwrites_files(tmp_path, table, make, sentence):
    where = tmp_path / "b"
    where.mkdir()
    make(where)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UsageError, match=sentence):
        opened(where, table)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("how", "sentences"),
    [
        (
            {
                "title": " ",
                "metric": "best",
                "margin": -1,
                "requirement": "dermbench; rm -rf /",
                "licence": "a\nb",
            },
            ["title: is empty", "metric: ", "margin: ", "requirement: ", "licence: must be one line"],
        ),
        ({"title": "a\u202eb"}, ["title: must be one line"]),
        ({"title": "a\ud800"}, ["title: must be one line"]),
        ({"title": "x" * 201}, ["at most 200"]),
        ({"primary": "accuracy"}, ["METRIC:FEATURE"]),
        ({"primary": "best:fst"}, ["primary: "]),
        ({"primary": "accuracy:age"}, ["age"]),
        ({"sensitive": ("age",)}, ["age"]),
        ({"metric": "sensitivity"}, ["metric: sensitivity does not apply to this truth"]),
        ({"requirement": "dermbench"}, ["requirement: "]),
        ({"requirement": 'dermbench @ https://x/"$(id)'}, ["requirement: "]),
        ({"task": "ddi"}, ["either --truth TABLE or --task TASK"]),
        ({"truth": None}, ["either --truth TABLE or --task TASK"]),
        ({"truth": None, "task": "nothing"}, ["nothing"]),
    ],
)
def test_wrong_settings_are_one_message_and_leave_nothing(tmp_path, table, how, sentences):
    with pytest.raises(DermbenchError) as caught:
        opened(tmp_path / "b", table, **how)
    assert caught.value.exit_code == 2
    for sentence in sentences:
        assert sentence in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_faulty_truth_is_named(tmp_path, table):
    faulty = tmp_path / "truth.csv"
    faulty.write_text("image_id,label\n1,a\n1,b\n")
    with pytest.raises(InputError, match="repeated image_id: '1'"):
        opened(tmp_path / "b", faulty)


def test_hostile_titles_are_text_everywhere(tmp_path, table):
    board = opened(tmp_path / "b", table, title=HOSTILE, note=HOSTILE, licence=HOSTILE)
    assert board.title == read_board(tmp_path / "b").title == HOSTILE
    for name in ("README.md", "RULES.md", "CONTRIBUTING.md"):
        text = (tmp_path / "b" / name).read_text()
        assert not re.search(r"<script|(?<!\\)\]\(http|@@", text.replace("&#64;", "")), name
    assert not verify(tmp_path / "b")[0].problems
    plain = tmp_path / "plain"
    opened(plain, table)
    for path in sorted((plain / ".github").rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(plain)).read_bytes(), (
            "no title in workflows"
        )


def workflow(board, name):
    return yaml.safe_load((board / ".github/workflows" / name).read_text())


def steps(document):
    return [step for job in document["jobs"].values() for step in job["steps"]]


def test_workflows_do_not_trust_a_pull_request(tmp_path, table):
    opened(tmp_path / "b", table)
    verifying, commenting = workflow(tmp_path / "b", "verify.yml"), workflow(tmp_path / "b", "comment.yml")
    assert set(verifying[True]) == {"pull_request", "push"}  # YAML reads the key "on" as true
    assert verifying["permissions"] == {"contents": "read"}
    assert verifying["env"] == {"DERMBENCH": f"dermbench=={dermbench.__version__}"}
    assert commenting["permissions"] == {}
    assert commenting["jobs"]["comment"]["permissions"] == {"actions": "read", "pull-requests": "write"}
    assert not any("uses" in step for step in steps(commenting)), "the job that may write checks out nothing"
    for step in [*steps(verifying), *steps(commenting)]:
        assert "${{" not in step.get("run", ""), "text of a pull request would become a command"
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", step.get("uses", f"actions/x@{'0' * 40}"))
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False
    assert commenting[True]["workflow_run"]["workflows"] == [verifying["name"]]


def test_another_version_can_be_pinned(tmp_path, table):
    source = "dermbench @ git+https://example.org/dermbench@0123abc"
    opened(tmp_path / "b", table, requirement=source)
    assert workflow(tmp_path / "b", "verify.yml")["env"]["DERMBENCH"] == source
    assert f'pip install "{source}"' in (tmp_path / "b/CONTRIBUTING.md").read_text()


def submitted(board, path, name):
    add(board, path, name=name, training_data="toy")
    (done,) = build(board, effort=QUICK)
    assert not done.problems
    git(board, "add", "--all")
    git(board, "commit", "-qm", f"Add {name}")


@pytest.fixture(scope="module")
def opened_board(tmp_path_factory, table, truth):
    """A repository with a board of two entries; copied for each test."""
    root = tmp_path_factory.mktemp("opened")
    board = root / "board"
    asked = ["--title", "Toy", "--metric", "macro_f1", "--primary", "accuracy:fst", "--sensitive", "fst"]
    done = run("init", board, *asked, "--truth", table, "--store-truth", "--resamples", "99")
    assert done.exit_code == 0, done.output
    git(board, "init", "-q", "-b", "main")
    for seed, (name, accuracy) in enumerate((("Good", 0.9), ("Middle", 0.5))):
        submitted(board, predict(root / f"{seed}.csv", truth, accuracy, seed), name)
    return board


@pytest.fixture
def repository(opened_board, tmp_path):
    return shutil.copytree(opened_board, tmp_path / "board")


def test_a_pull_request(repository, predictions, tmp_path):
    git(tmp_path, "clone", "-q", str(repository), "fork")
    before, fork = tmp_path / "before", tmp_path / "fork"
    git(tmp_path, "clone", "-q", str(repository), "before")
    submitted(fork, predictions[2], "@me <b>")
    done = run("verify", fork, "--quick", "--since", before, "--markdown", tmp_path / "summary.md")
    assert done.exit_code == 0, done.output
    assert "added: @me <b>, rank 3" in done.output
    text = (tmp_path / "summary.md").read_text()
    assert text.startswith("## Toy: agrees\n")
    assert "| &#64;me &lt;b&gt; | new | 3 |" in text
    assert "All other entries keep their rank bands." in text
    git(repository, "pull", "-q", str(fork), "main")
    assert not verify(repository, effort=QUICK)[0].problems, (
        "line ends are as they were, although git was told to convert them"
    )


def test_a_pull_request_that_rewrites_the_board(repository, predictions, tmp_path):
    git(tmp_path, "clone", "-q", str(repository), "before")
    shutil.rmtree(repository / "entries/middle")
    lines = (repository / "index.jsonl").read_text().splitlines(keepends=True)
    (repository / "index.jsonl").write_text("".join(lines[:-1]))
    submitted(repository, predictions[2], "Mine")
    done = run(
        "verify", repository, "--quick", "--since", tmp_path / "before", "--markdown", tmp_path / "summary.md"
    )
    assert done.exit_code == 1
    text = (tmp_path / "summary.md").read_text()
    assert text.startswith("## Toy: 1 finding\n")
    assert "rewritten since" in text
    assert "| entry |" not in text, "places of a board that does not agree mean nothing"
