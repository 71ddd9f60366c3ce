"""The board as one HTML file: what it holds, that names are inert, and that it allows its own script alone."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from typer.testing import CliRunner

from dermbench.artifacts import read_entry
from dermbench.artifacts.report import Report
from dermbench.cli import app
from dermbench.errors import UsageError
from dermbench.leaderboard import Effort, build, verify
from dermbench.leaderboard.board import read_board
from dermbench.leaderboard.page import to_page
from dermbench.leaderboard.ranking import Ranked, Standings

QUICK = Effort(quick=True)
HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>\u202e</table>'


class Page(HTMLParser):
    """Tags with their attributes, texts of table cells by row, and the script."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.rows, self.script, self._inside = [], [], "", ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"} and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.script += data
        elif self._inside in {"td", "th"}:
            self.rows[-1][-1] += data

    def named(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def ranked(board, slug, rank, **about):
    folder = board / "entries" / slug
    entry = read_entry(folder / "entry.toml").model_copy(update=about)
    return Ranked(slug, entry, Report.read(folder / "report.json"), rank=rank, band=(rank, 2))


@pytest.fixture
def page_of(board):
    def made(title="Toy", **about):
        entries = ranked(board, "good-one", 1, **about), ranked(board, "middle", 2)
        settings = read_board(board).model_copy(update={"title": title, "note": title})
        return to_page(settings, Standings(entries, 0.0123))

    return made


def test_the_page_is_written_on_request_and_not_part_of_the_board(board):
    def run(*options):
        return CliRunner().invoke(app, ["leaderboard", "build", str(board), "--quick", *options])

    assert run().exit_code == 0
    assert not (board / "leaderboard.html").exists()
    done = run("--html")
    assert done.exit_code == 0, done.output
    assert "written: leaderboard.html" in done.output
    first = (board / "leaderboard.html").read_bytes()
    run("--html")
    assert (board / "leaderboard.html").read_bytes() == first
    (found,) = verify(board, effort=QUICK)
    assert not found.problems
    assert any("'leaderboard.html'" in line for line in found.unchecked)
    with pytest.raises(UsageError, match="--html"):
        build(board, html=True, check=True)


def test_the_page_has_the_numbers_of_the_board(page_of, board):
    page = Page(page_of())
    head, first, second = page.rows[:3]
    assert head[:4] == ["rank", "entry", "macro-F1", "95 % interval"]
    assert [first[0], first[1]] == ["1\N{EN DASH}2", "Good one"]
    assert second[1] == "Middle"
    assert f"{first[2]} {first[3]}" in (board / "README.md").read_text()
    assert "On average this flatters its macro-F1 by about .012" in page_of()
    values = [float(attrs["data-value"]) for attrs in page.named("td") if "data-value" in attrs]
    assert values[0] < 2, "the first place sorts first"


def test_the_page_requests_nothing_and_runs_only_its_own_script(page_of):
    text = page_of()
    page = Page(text)
    (policy,) = [a["content"] for a in page.named("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(page.script.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert len(page.named("script")) == 1
    for _, attrs in page.tags:
        assert not {"src", "srcset", "action", "style"} & attrs.keys() - {"style"}
        assert not any(name.startswith("on") for name in attrs)
        assert attrs.get("href", "#").startswith("#")
    assert "innerHTML" not in page.script
    assert len(text) < 300_000


def test_it_is_readable_without_its_script_and_by_a_screen_reader(page_of):
    page = Page(page_of())
    assert not page.named("button"), "the script makes the controls that need it"
    assert not page.named("input")
    assert {attrs.get("scope") for attrs in page.named("th")} == {"col", "row"}
    (svg,) = page.named("svg")
    assert svg["role"] == "img"
    assert "aria-sort" in page.script


def test_hostile_names_are_text(page_of):
    text = page_of(HOSTILE, name=HOSTILE, model=HOSTILE)
    page = Page(text)
    assert len(page.named("script")) == 1
    assert not page.named("img")
    assert "\u202e" not in text
    assert page.rows[1][1].startswith("<script>alert(1)</script>"), "shown as it is"
    assert not re.search(r"<script>alert", text)


def test_a_board_without_entries(board):
    page = Page(to_page(read_board(board), Standings()))
    assert not page.named("svg")
    assert page.rows[0][0] == "rank"
