"""The commands of the how-to pages on GPUs, run in order with a small network on a few images."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dermbench.artifacts import RunRecord
from dermbench.cli import app

PAGES = [Path(__file__).parents[2] / "docs" / "how-to" / name for name in ("gpu.md", "several-gpus.md")]
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LAUNCHER = re.compile(r"^torchrun --nproc-per-node \d+ -m dermbench ")


def commands():
    """Words of each command of the pages, in order, launchers left out."""
    for block in FENCE.findall("".join(page.read_text(encoding="utf-8") for page in PAGES)):
        for line in block.replace("\\\n", " ").splitlines():
            bare = LAUNCHER.sub("dermbench ", line)
            if bare.startswith("dermbench "):
                yield shlex.split(bare)[1:]


def outcome(words):
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, (words, done.output)
    return done.output


@pytest.fixture
def there(shared_dataset, tmp_path, monkeypatch):
    """The folder the commands are called in, with the dataset where the page puts it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEEP", str(tmp_path / "kept"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ajl-21").symlink_to(shared_dataset.root, target_is_directory=True)
    return tmp_path


def test_the_commands_of_the_pages_work_in_order(there, tiny):
    """Preparing takes the release, and the board its truth: both are left out."""
    sets = [word for text in (*tiny, "epochs=1") for word in ("--set", text)]
    ran = []
    for given in commands():
        words = [word.replace("$KEEP", str(there / "kept")) for word in given]
        if words[0] in {"data", "doctor", "leaderboard"}:
            continue
        fresh = words[0] == "train" and "--preset" in words
        if fresh and (there / words[words.index("--out") + 1]).exists():
            words[words.index("--out") + 1] += "-again"  # the launcher's run, as one process
        ran.append(words[0])
        outcome([*words, *sets] if fresh else words)
    assert ran == ["train", "predict", "eval", *["train"] * 6]
    assert RunRecord.read(there / "runs" / "b4" / "run.json").config["class_weights"] == "balanced"
    assert (there / "report" / "report.json").is_file()
    assert RunRecord.read(there / "kept" / "runs" / "b4" / "run.json").status == "finished"
