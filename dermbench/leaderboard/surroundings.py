"""Check the keeper's own text around the board in README.md: it must not imitate or hide the board."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from dermbench.leaderboard.board import README
from dermbench.leaderboard.render import BEGIN, END

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

TAGS = {"a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "details", "div", "dl", "dt", "em", "hr", "i"}
TAGS |= {"h1", "h2", "h3", "h4", "h5", "h6", "kbd", "li", "ol", "p", "pre", "s", "small", "span", "strong", "sub"}
TAGS |= {"summary", "sup", "u", "ul"}
"""HTML tags allowed around a board; others could show pictures, tables or foreign content."""
EMPTY = {"br", "hr"}
TABLE = {"caption", "col", "colgroup", "table", "tbody", "td", "tfoot", "th", "thead", "tr"}
LONGEST = 100_000
"""Maximum number of characters around a board."""
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ROW = re.compile(r"^[\s>]*\|.*\|", re.MULTILINE)


def check_surroundings(text: str) -> tuple[list[str], list[str]]:
    """Check the text outside the markers of ``README.md``.

    Parameters
    ----------
    text
        Content of the file, each marker once and in order.

    Returns
    -------
    tuple
        Findings: a table, an image, HTML, a comment or fence that is not closed, and anything else that changes
        how the board is shown. Then one sentence that other text is not checked, if there is any.
    """
    before, rest = text.split(BEGIN, 1)
    inside, after = rest.split(END, 1)
    parts = {"above": before, "below": after}
    if sum(map(len, parts.values())) > LONGEST:
        return [f"{README}: more than {LONGEST:,} characters of text around the board"], []
    problems = [
        f"{README}: the text {where} the board holds {what}"
        for where, part in parts.items()
        for what in dict.fromkeys(_suspicious(part))
    ]
    if not problems and _shown(text) != [*_shown(before), *_shown(BEGIN + inside + END), *_shown(after)]:
        problems.append(f"{README}: the text around the board changes how the board is shown")
    n_lines = sum(bool(line.strip()) for part in parts.values() for line in part.splitlines())
    if problems or not n_lines:
        return problems, []
    return [], [f"{README}: {n_lines:,} line{'s' * (n_lines != 1)} of text outside of the markers of the board"]


def _shown(text: str) -> list[str]:
    """Return the words of the HTML rendered from a text."""
    html: str = _reader().render(text)
    return html.split()


def _reader() -> MarkdownIt:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"])


def _suspicious(part: str) -> Iterator[str]:
    tokens = _reader().parse(part)
    flat = [inner for token in tokens for inner in (token, *(token.children or ()))]
    kinds = {token.type for token in flat}
    code = [token.content for token in flat if token.type in {"fence", "code_block"}]
    if "table_open" in kinds or any(map(_ROW.search, code)) or _ROW.search(part):
        yield "a table"
    if "image" in kinds:
        yield "an image"
    lines = re.split(r"\r\n?|\n", part)  # as markdown counts them
    if any(not _is_closed(token, lines) for token in tokens if token.type == "fence"):
        yield "a code block that is not closed"
    yield from _html("\n".join(token.content for token in flat if token.type in {"html_block", "html_inline"}))


def _is_closed(fence: Token, lines: Sequence[str]) -> bool:
    start, end = fence.map or (0, 0)
    last = lines[end - 1].strip(" \t>") if end - start > 1 else ""
    return len(last) >= len(fence.markup) and set(last) == set(fence.markup)


def _html(source: str) -> Iterator[str]:
    rest = _COMMENT.sub("", source)
    if re.search(r"<[!?]", rest):
        yield "a comment or declaration that is not closed"
    tags = _Tags()
    tags.feed(rest)
    for name in sorted(tags.foreign):
        yield "a table" if name in TABLE else "an image" if name == "img" else f"the HTML tag {name!r}"
    if tags.open or tags.stray or "<" in tags.rawdata:
        names = dict.fromkeys([*tags.open, *tags.stray])
        yield f"HTML that is not closed there: {', '.join(names) or '<'}"


class _Tags(HTMLParser):
    """Collect tags left open, tags closed without being opened, and tags that are not allowed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.stray: list[str] = []
        self.foreign: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - HTMLParser's
        """Record an opening tag."""
        if tag not in TAGS:
            self.foreign.add(tag)
        elif tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Treat ``<details/>`` as browsers do: as an opening tag."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Close the last open tag, if it has this name."""
        if tag in self.foreign:
            return
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.stray.append(tag)
