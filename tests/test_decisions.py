"""Notes on decisions: each has the same five parts, and is short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

NOTES = sorted((Path(__file__).parents[1] / "docs" / "decisions").glob("*.md"))
PARTS = ("Question", "Decision", "Why", "Rejected", "What would change our mind")
MOST_WORDS = 300


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.stem)
def test_a_note_has_its_parts_in_order_and_is_short(note):
    text = note.read_text(encoding="utf-8")
    found = re.findall(r"^\*\*(.+)\.\*\*", text, re.MULTILINE)
    assert [part for part in found if part in PARTS] == list(PARTS)
    prose = [line for line in text.splitlines() if not line.startswith(("|", "#"))]
    assert len(" ".join(prose).split()) <= MOST_WORDS
