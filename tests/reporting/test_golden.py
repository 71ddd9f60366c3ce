"""The whole output of a report with every part, byte for byte; ``full.py`` says how to renew the files."""

from __future__ import annotations

import full
import pytest


@pytest.mark.parametrize("name", sorted(full.outputs()))
def test_output_equals_the_golden_files(name):
    assert full.outputs()[name].encode() == (full.GOLDEN / name).read_bytes()


def test_every_golden_file_is_compared():
    assert {path.name for path in full.GOLDEN.iterdir()} == set(full.outputs())
