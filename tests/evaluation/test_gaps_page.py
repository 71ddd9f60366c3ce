"""The worked example of docs/concepts/gaps.md: by hand, and as dermbench computes it."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import get_args

import pandas as pd
import pytest

import dermbench
from dermbench.artifacts.report.disparity import VerdictKind
from dermbench.artifacts.wording import decimal, limit, p_value
from dermbench.reporting.sections.disparity import verdict_words

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "gaps.md"
CLASSES, FST = ("acne", "eczema"), {"II": 2, "V": 5}
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="docs/ is not part of this tree")


def page():
    return PAGE.read_text(encoding="utf-8")


def counts():
    """Return {(type, class): (recognised, images)} of the first table."""
    rows = re.findall(r"^\| type (\w+) \| (\d+) of (\d+) .*? \| (\d+) of (\d+) ", page(), re.MULTILINE)
    cells = {}
    for name, *numbers in rows:
        k_acne, n_acne, k_eczema, n_eczema = map(int, numbers)
        cells |= {(name, "acne"): (k_acne, n_acne), (name, "eczema"): (k_eczema, n_eczema)}
    return cells


def files(cells, times):
    rows = [
        (label, FST[name], label if i < k * times else CLASSES[label == "acne"])
        for (name, label), (k, n) in cells.items()
        for i in range(n * times)
    ]
    table = pd.DataFrame(rows, columns=["label", "fst", "pred"])
    table.insert(0, "image_id", [f"image-{i:04d}" for i in range(len(table))])
    return table[["image_id", "pred"]], table[["image_id", "label", "fst"]]


def by_hand(cells):
    """Return the raw gap and the gap."""
    first, second = FST
    accuracy = [sum(cells[g, c][0] for c in CLASSES) / sum(cells[g, c][1] for c in CLASSES) for g in FST]
    weighted = weights = 0.0
    for c in CLASSES:
        (k1, n1), (k2, n2) = cells[first, c], cells[second, c]
        weight = n1 * n2 / (n1 + n2)
        weighted += weight * (k1 / n1 - k2 / n2)
        weights += weight
    return accuracy[0] - accuracy[1], weighted / weights


def row(cells, times=1):
    report = dermbench.evaluate(*files(cells, times)).report
    return report.n, report.features["fst"].disparities["accuracy"]


def test_the_gap_by_hand():
    raw, gap = by_hand(counts())
    assert (raw, gap) == (pytest.approx(0.175), pytest.approx(0.08))
    raw, gap = by_hand(counts() | {("V", "eczema"): (12, 20)})
    assert (raw, gap) == (pytest.approx(0.075), pytest.approx(0.0))


def test_the_gap_without_a_difference_within_a_class():
    _, found = row(counts() | {("V", "eczema"): (12, 20)})
    assert (found.raw.difference, found.gap) == (pytest.approx(0.075), 0.0)


@pytest.mark.parametrize("times", [1, 10])
def test_the_rows_that_are_shown(times):
    n, found = row(counts(), times)
    assert (found.raw.difference, found.gap) == pytest.approx(by_hand(counts()))
    numbers = [decimal(found.gap), limit(found.low), decimal(found.high), decimal(found.chance)]
    shown = [f"{n:,}", *numbers, p_value(found.p_value), verdict_words(found)]
    assert f"| {' | '.join(shown)} |" in page()


def test_every_verdict_has_a_row():
    assert all(re.search(rf"^\| .* \| `{kind}` \| ", page(), re.MULTILINE) for kind in get_args(VerdictKind))


def test_the_caption_says_what_the_figure_says():
    figure = (PAGE.parents[1] / "images" / "gap.svg").read_text(encoding="utf-8")
    said = unescape(re.search(r"<desc>(.*?)</desc>", figure)[1])
    assert f"![{said}](../images/gap.svg)" in page()
