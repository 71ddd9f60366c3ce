"""What ``dermbench doctor`` says works is what the package's metadata asks for and the machine has."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from importlib.metadata import PathDistribution, version

import pytest
from typer.testing import CliRunner

import dermbench
from dermbench import installed
from dermbench.cli import app, doctor
from dermbench.installed import installed_extras

METADATA = """Metadata-Version: 2.4
Name: dermbench
Version: 0
Provides-Extra: train
Provides-Extra: xlsx
Requires-Dist: numpy>=1.26
Requires-Dist: no-such-package; sys_platform == "no-such-system"
Requires-Dist: numpy>=999; extra == "train"
Requires-Dist: no-such-package>=2; extra == "xlsx"
Requires-Dist: packaging; extra == "xlsx"
"""


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "dermbench-0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(METADATA, encoding="utf-8")
    return PathDistribution(folder)


@pytest.fixture
def diagnosed(monkeypatch, package):
    """Return a function that runs doctor where a package is installed and torch answers."""

    def run(*words, devices=None, metadata=METADATA, **env):
        (package._path / "METADATA").write_text(metadata, encoding="utf-8")
        monkeypatch.setattr(installed, "distribution", lambda _: package)
        monkeypatch.setattr(doctor, "_devices", lambda: devices or doctor.Devices(("cpu (2 cores)",)))
        env = {"COLUMNS": "200", "DERMBENCH_DATA": "", "HF_HUB_OFFLINE": "", **env}
        return CliRunner().invoke(app, ["doctor", *words], env=env)

    return run


def test_extras_come_from_the_metadata(package):
    core, train, xlsx = installed_extras(package)
    assert [(p.name, p.needed, p.fits) for p in core.packages] == [("numpy", ">=1.26", True)]
    assert core.lacks == ()
    assert train.lacks == (f"numpy {version('numpy')} is not >=999",)
    assert [p.name for p in xlsx.packages] == ["no-such-package", "packaging"]
    assert xlsx.lacks == ("no-such-package is missing",)
    assert xlsx.install == "python -m pip install 'dermbench[xlsx]'"


def test_every_extra_of_the_project_has_a_use(project_root):
    project = tomllib.loads((project_root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(doctor.USES) == {"", *project["optional-dependencies"]}


def test_doctor_lists_what_works_and_what_is_missing(diagnosed, tmp_path):
    (tmp_path / "raw" / "ddi").mkdir(parents=True)
    (tmp_path / "hub" / "models--timm--a").mkdir(parents=True)
    done = diagnosed(DERMBENCH_DATA=str(tmp_path), HF_HUB_CACHE=str(tmp_path / "hub"), HF_HUB_OFFLINE="1")
    lines = [" ".join(line.split()) for line in done.stdout.split("what works\n")[1].splitlines()]
    assert done.exit_code == 0
    assert lines[0] == "works dermbench: evaluate, compare, plan, prepare and audit data, keep leaderboards"
    assert lines[1] == "MISSING [xlsx]: read tables of Excel: no-such-package is missing"
    assert lines[2] == "python -m pip install 'dermbench[xlsx]'"
    text = " ".join(lines)
    assert f"works data: {tmp_path}; raw releases: 1, prepared datasets: 0" in text
    assert f"weights: {tmp_path / 'hub'}; networks: 1, no others are downloaded (HF_HUB_OFFLINE)" in text
    assert "GiB free on the disk of " in text
    assert f"MISSING [train]: train, predict, embed and explain: numpy {version('numpy')} is not >=999" in text


def test_a_long_name_of_the_system_is_wrapped(diagnosed, monkeypatch):
    monkeypatch.setattr(doctor.platform, "platform", lambda: f"Linux-{'6' * 40}-with-glibc2.36")
    first, second = diagnosed(COLUMNS="80").stdout.splitlines()[:2]
    assert len(first) <= 80
    assert second.startswith("  ")
    assert second.endswith(" cores")


TRAINS = METADATA.replace("999", "1")


@pytest.mark.parametrize(
    ("devices", "words"),
    [
        (doctor.Devices(("cpu (2 cores)",)), "works [train]: {}, on cpu (2 cores); no GPU found"),
        (doctor.Devices(("cuda:0 (A)", "cpu (2 cores)")), "works [train]: {}, on cuda:0 (A), cpu (2 cores)"),
        (
            doctor.Devices(problem="torch does not start: x"),
            "MISSING [train]: {}: torch does not start: x",
        ),
    ],
)
def test_doctor_says_on_which_device_training_works(diagnosed, devices, words):
    lines = diagnosed(devices=devices, metadata=TRAINS).stdout.strip().splitlines()
    if devices.problem:
        assert lines.pop().strip() == "python -m pip install 'dermbench[train]'"
    assert " ".join(lines[-1].split()) == words.format("train, predict, embed and explain")


def test_json_has_the_same_facts(diagnosed):
    found = json.loads(diagnosed("--json").stdout)
    assert found["dermbench"] == dermbench.__version__
    assert found["devices"] == {"found": ["cpu (2 cores)"], "problem": ""}
    assert found["packages"]["xlsx"][0] == {
        "name": "no-such-package", "needed": ">=2", "version": None, "fits": False
    }  # fmt: skip
    works = {finding["name"]: finding["works"] for finding in found["findings"]}
    assert works == {"core": True, "xlsx": False, "data": None, "weights": None, "room": None, "train": False}


def test_a_core_that_is_too_old_exits_with_1(diagnosed):
    assert diagnosed(metadata=METADATA.replace("1.26", "999")).exit_code == 1


def test_doctor_says_when_dermbench_is_not_installed(diagnosed, monkeypatch):
    def absent(name):
        raise installed.PackageNotFoundError(name)

    diagnosed()
    monkeypatch.setattr(installed, "distribution", absent)
    assert "is not installed as a package" in CliRunner().invoke(app, ["doctor"]).stdout


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("print('[\"cpu\"]')", ""),
        ("raise SystemExit('no driver')", "torch does not start: no driver"),
        ("import os; os.abort()", "torch does not start: exit code -6"),
        ("import time; time.sleep(60)", "torch does not answer within 1 s"),
    ],
)
def test_doctor_reports_a_broken_torch(monkeypatch, code, problem):
    run = subprocess.run
    monkeypatch.setattr(doctor, "PATIENCE", 1 if "sleep" in code else 60)
    monkeypatch.setattr(doctor, "_is_there", lambda _: True)
    monkeypatch.setattr(subprocess, "run", lambda _, **options: run([sys.executable, "-c", code], **options))
    devices = doctor._devices()
    assert devices == doctor.Devices(problem=problem) if problem else doctor.Devices(("cpu",))


def test_doctor_prints_before_it_asks_torch_for_devices(monkeypatch, diagnosed, capsys):
    seen = []
    diagnosed()

    def ask():
        seen.append(capsys.readouterr().out)
        return doctor.Devices(("cpu (2 cores)",))

    monkeypatch.setattr(doctor, "_devices", ask)
    doctor.doctor(as_json=False)
    assert "what works" in seen[0]
    assert "[xlsx]" in seen[0]
    assert capsys.readouterr().out.strip().startswith("MISSING  [train]")


@pytest.mark.train
def test_torch_is_asked_for_its_devices():
    done = subprocess.run(
        [sys.executable, "-m", "dermbench.torch_devices"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)[-1].startswith("cpu (")
