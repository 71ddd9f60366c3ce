"""The GPU kernels, interpreted: the checks of ``interpreted_kernels.py`` in a process that interprets Triton."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKS = Path(__file__).with_name("interpreted_kernels.py")


@pytest.mark.long
@pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="PyTorch came without Triton: there are no kernels here"
)
def test_the_kernels_give_what_pytorch_gives():
    command = [sys.executable, "-m", "pytest", CHECKS, "-q", "-p", "no:xdist", "-p", "no:cacheprovider"]
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed, done.stdout
    assert int(passed[1]) > 25
    assert "skipped" not in done.stdout
