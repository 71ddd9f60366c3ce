"""docs/concepts/glossary.md has an entry for the words that reports use."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from dermbench.artifacts.report.disparity import Disparity, Role, VerdictKind
from dermbench.evaluation import METRICS
from dermbench.reporting.sections.disparity import MAIN, MORE

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "glossary.md"
STYLE = (
    "manifest",
    "Fitzpatrick skin type",
    "sensitive feature",
    "group",
    "support",
    "run",
    "predictions",
    "report",
    "entry",
    "leaderboard",
    "gap",
    "raw gap",
    "at least",
    "at most",
    "operating point",
    "undefined",
    "unit",
    "rank band",
    "control",
)
"""Words that documents use for one thing alone."""
ELSEWHERE = {
    "p": "p-value",
    "verdict": "Verdicts",
    "raw, includes class mix": "raw gap",
    "clearest contrast": "contrast",
    "raw ratio": "raw gap",
    "n_classes": "class",
    "n_groups": "group",
    "reasons": "undefined",
}
"""Words that are explained under another heading."""
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="docs/ is not part of this tree")


@pytest.fixture(scope="module")
def text():
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def entries(text):
    return {title.lower() for title in re.findall(r"^##+ (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize(
    "word", dict.fromkeys([*get_args(VerdictKind), *get_args(Role), *MAIN, *MORE, *STYLE, *ELSEWHERE.values()])
)
def test_every_word_has_an_entry(entries, word):
    assert ELSEWHERE.get(word, word).lower() in entries


def test_every_field_of_a_gap_is_named(text, entries):
    shown = {name for name in Disparity.model_fields if f"`{name}`" in text or f"`{name}." in text}
    assert set(Disparity.model_fields) - shown - {"p_value", "drawn"} - set(ELSEWHERE) == set()


def test_every_metric_is_explained(text):
    for name in METRICS.names():
        if METRICS.get(name).score.__module__.startswith("dermbench."):
            assert f"| `{name}` | {METRICS.get(name).title} | " in text


def test_every_entry_says_where_to_read_on(text):
    said = re.split(r"^##+ (.+)$", text, flags=re.MULTILINE)[1:]
    verdicts = set(get_args(VerdictKind))
    for title, body in zip(said[::2], said[1::2], strict=True):
        assert title in verdicts or not body.strip() or "](" in body, title
