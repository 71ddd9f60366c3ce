"""The whole output of a report with every block, byte for byte; ``full.py`` says how to renew the files."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("full_report", Path(__file__).with_name("full.py"))
full = importlib.util.module_from_spec(spec)
spec.loader.exec_module(full)


@pytest.mark.parametrize("name", ["report.md", "terminal-80.txt", "terminal-120.txt", "terminal-full-80.txt"])
def test_output_is_as_it_was(name):
    assert full.outputs()[name].encode() == (full.GOLDEN / name).read_bytes()


def test_every_golden_file_is_compared():
    assert {path.name for path in full.GOLDEN.iterdir()} == set(full.outputs())
