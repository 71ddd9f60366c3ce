"""docs/tutorials/auditor.md shows what its command prints, and its files are those that are drawn anew."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dermbench.cli import app
from dermbench.data.synth.audit_files import write_audit_files

ROOT = Path(__file__).parents[2]
PAGE, FILES = ROOT / "docs" / "tutorials" / "auditor.md", ROOT / "examples" / "audit"
SCREEN = re.compile(r"<!-- first screen -->\n```\n(.*?)```", re.DOTALL)

pytestmark = pytest.mark.skipif(not FILES.is_dir(), reason="examples/ is not part of this tree")


def test_the_first_screen_is_what_the_command_prints(monkeypatch, tmp_path):
    monkeypatch.chdir(FILES)
    page = PAGE.read_text(encoding="utf-8")
    words = re.search(r"^dermbench (eval .*) --out report$", page, re.MULTILINE)[1].split()
    result = CliRunner().invoke(app, [*words, "--out", str(tmp_path)], env={"COLUMNS": "80"})
    assert result.exit_code == 0
    shown = SCREEN.search(page)[1]
    assert len(shown.splitlines()) > 20
    assert result.stdout.startswith(shown)


def test_the_files_are_those_that_are_drawn(tmp_path):
    written = write_audit_files(tmp_path / "new")
    assert len(written) == 3
    for file in written:
        assert file.read_text() == (FILES / file.name).read_text()
