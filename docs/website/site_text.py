"""Markdown of the repository as the site needs it: links between files, and whether a code host shows the same."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LINK = re.compile(
    r"(?P<code>^(?P<fence>```+|~~~+).*?^(?P=fence)[ \t]*$|(?P<tick>`+)(?!`).+?(?<!`)(?P=tick)(?!`)|<!--.*?-->)"
    r"|(?P<picture>!?)\[(?P<text>(?:[^\[\]]|\[[^\[\]]*\])*)\]\((?P<target>[^()\s]+)\)",
    re.MULTILINE | re.DOTALL,
)
PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")
"""Reads Markdown as a code host does."""


def slug(heading: str, separator: str = "-") -> str:
    """Return the anchor that a code host gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", separator)


def move_links(text: str, source: str, places: Mapping[str, str], exists: Callable[[str], bool]) -> str:
    """Return a page with its links to files as links of the site, or as the path where a file is not on the site.

    Parameters
    ----------
    text
        Markdown of the page.
    source
        Path of the page in the repository.
    places
        {path in the repository: path on the site}.
    exists
        Whether there is a file or folder of this path in the repository.

    Raises
    ------
    ValueError
        When a link leads to nothing.
    """
    here = posixpath.dirname(places[source])

    def move(match: re.Match[str]) -> str:
        if match["code"] or re.match(r"[a-z]+:|#", match["target"]):
            return match[0]
        target, mark, anchor = match["target"].partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        found = places.get(path) or places.get(f"{path}/README.md")
        if found is not None:
            return f"{match['picture']}[{match['text']}]({posixpath.relpath(found, here or '.')}{mark}{anchor})"
        if not exists(path):
            raise ValueError(f"{source}: the link to {match['target']} leads to nothing")
        return as_path(match["text"], path)

    return LINK.sub(move, text)


def as_path(text: str, path: str) -> str:
    """Return the words of a link and the path that they stood for; the path alone where they say the same."""
    return f"`{path}`" if path.endswith(text.strip("`").rstrip("/")) else f"{text} (`{path}`)"


def count_parts(html: str) -> dict[str, int]:
    """Return how many lists, items, tables and blocks of code a page has."""
    return {name: len(re.findall(rf"<{name}[ >]", html)) for name in ("ol", "ul", "li", "table", "pre")}


def read_as_code_host(text: str) -> dict[str, int]:
    """Return the same counts of a page as a code host shows it."""
    return count_parts(PARSER.render(text))
