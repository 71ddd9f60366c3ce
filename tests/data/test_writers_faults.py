"""Two processes that prepare the same folder, and what a killed one has left there."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from dermbench.artifacts.outputs import sole_writer
from dermbench.data import prepare
from dermbench.errors import UsageError
from tests.faults import ALL

from .conftest import own_table

TINY = {"images": "4", "size": "32"}
WHOLE = {"cache", "dataset.toml", "images", "manifest.parquet"}
"""What a dataset folder of drawn images holds."""


def test_a_second_prepare_of_the_same_folder_is_refused_and_changes_nothing(tmp_path, csv):
    path, out = csv(own_table()), tmp_path / "out"
    with sole_writer(out):
        with pytest.raises(UsageError, match=r"out: another process is writing there \(it holds .*\.lock\)"):
            prepare("table", root=path, out=out)
        assert [file.name for file in out.iterdir()] == [".dermbench.lock"]
    prepare("table", root=path, out=out)
    assert {file.name for file in out.iterdir()} == WHOLE - {"images"}


def test_prepare_removes_what_a_killed_one_left(tmp_path):
    (tmp_path / "out" / ".images-ab12_xyz" / "new").mkdir(parents=True)
    (tmp_path / "out" / ".images-ab12_xyz" / "new" / "sd-000000.jpg").write_bytes(b"half")
    (tmp_path / "out" / ".manifest-ab12_xyz.parquet").write_bytes(b"half")
    (tmp_path / "out" / ".dermbench.lock").touch()
    prepare("synthderm", out=tmp_path / "out", options=TINY, workers=1)
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "cache",
        "dataset.toml",
        "images",
        "manifest.parquet",
    }


INTERRUPTIBLE = (
    "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "runpy.run_module('dermbench', run_name='__main__', alter_sys=True)"
)
"""The command line where Ctrl-C counts, as it does not in what a shell runs in the background."""
ENDS = [signal.SIGTERM, signal.SIGKILL, signal.SIGINT]


@pytest.mark.parametrize("number", ENDS if os.environ.get(ALL) == "all" else ENDS[:1])
def test_a_prepare_that_is_ended_leaves_nothing_or_what_the_next_one_removes(tmp_path, number):
    out = tmp_path / "out"
    words = ["data", "prepare", "synthderm", "--out", str(out), "--set", "images=900", "--workers", "2"]
    error = tmp_path / "error.txt"
    with error.open("w") as file:  # no pipe: the drawing processes of a killed one keep it open
        command = [sys.executable, "-c", INTERRUPTIBLE, *words]
        process = subprocess.Popen(command, stderr=file, start_new_session=True)
    end = time.monotonic() + 60
    while not list(out.glob(".images-*/new/*.jpg")) and time.monotonic() < end:
        time.sleep(0.05)
    os.kill(process.pid, number)
    process.wait(60)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    assert "Traceback" not in error.read_text()
    if number != signal.SIGKILL:
        assert process.returncode == 128 + number
        assert not out.exists()
    prepare("synthderm", out=out, options=TINY, workers=1)
    assert {file.name for file in out.iterdir()} == WHOLE
    assert len(list((out / "images").iterdir())) == 4
