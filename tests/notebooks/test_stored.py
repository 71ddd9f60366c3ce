"""What the notebooks of examples/ store reads well on the web; ``nox -s examples`` runs them."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
MACHINE = re.compile(r"(?<![\w.<])/(?:home|root|tmp|usr|work|content|Users)/|\x1b|\b20\d\d-\d\d-\d\d|it/s\b|\d%\|")
"""Absolute paths, escape codes, dates and progress bars."""
LINK = re.compile(r"\]\(([^)#]+)")
LARGEST = 1_000_000
"""Bytes of a notebook; larger ones are not shown on the web."""

pytestmark = pytest.mark.skipif(not NOTEBOOKS, reason="examples/ is not part of this tree")
each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path, kind):
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == kind]


def texts(cell):
    for output in cell["outputs"]:
        found = {"stream": output.get("text", "")} | output.get("data", {})
        yield from ("".join(text) for kind, text in found.items() if not kind.startswith("image/png"))


def test_both_are_there():
    assert [path.stem for path in NOTEBOOKS] == ["audit", "quickstart"]


@each
def test_it_was_run_from_top_to_bottom(path):
    counts = [cell["execution_count"] for cell in cells(path, "code")]
    assert counts == list(range(1, len(counts) + 1))
    assert path.stat().st_size < LARGEST


@each
def test_outputs_hold_no_error_warning_or_fact_about_the_machine(path):
    for cell in cells(path, "code"):
        assert all(output["output_type"] != "error" for output in cell["outputs"]), cell["id"]
        assert all(output.get("name") != "stderr" for output in cell["outputs"]), cell["id"]
        assert set(cell["metadata"]) <= {"tags"}
        for text in texts(cell):
            assert not MACHINE.search(text), f"{cell['id']}: {MACHINE.search(text)}"


@pytest.mark.parametrize(
    "text", ["/root/x", "see /home/me/a", "\x1b[1m", "2026-01-02", "3.2it/s", " 50%|###", "'/tmp/x'"]
)
def test_the_pattern_finds_facts_about_the_machine(text):
    assert MACHINE.search(text)


@each
def test_it_shows_tables_and_pictures(path):
    kinds = {kind for cell in cells(path, "code") for output in cell["outputs"] for kind in output.get("data", {})}
    assert {"text/html", "image/png"} <= kinds


@each
def test_links_lead_to_files(path):
    links = [link for cell in cells(path, "markdown") for link in LINK.findall("".join(cell["source"]))]
    assert links
    for link in links:
        assert (path.parent / link).is_file(), link


def test_one_line_of_the_quickstart_chooses_the_task():
    source = ["".join(cell["source"]) for cell in cells(ROOT / "examples" / "quickstart.ipynb", "code")]
    naming = [text for text in source if "synthderm" in text]
    assert len(naming) == 1
    [line] = naming[0].splitlines()
    assert [value.value for value in ast.parse(line).body[0].value.elts] == ["synthderm", None, "quickstart"]
