"""Show untrusted text in Markdown literally, never as markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dermbench.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~!&$^@])")
_AUTOMATIC = re.compile(r"(?<=[a-zA-Z]):(?=//)|(?<=www)\.|(?<=WWW)\.")
"""Places where a renderer would make a link by itself."""
_BEGINNING = re.compile(r"^(\d+)([.)])|^([-+=])")


def plain(text: object) -> str:
    """Return Markdown that shows a text literally, in one line."""
    line = " ".join(printable(text, keep="\n\t").split())
    line = _AUTOMATIC.sub(lambda found: f"\\{found[0]}", _MARKUP.sub(r"\\\1", line))
    return _BEGINNING.sub(lambda found: f"{found[1]}\\{found[2]}" if found[1] else f"\\{found[3]}", line)


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; the first column is text, the others are numbers."""
    head = [f"| {' | '.join(columns)} |", f"|---|{'--:|' * (len(columns) - 1)}"]
    return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in rows)])


def markdown_list(texts: Iterable[str]) -> str:
    """Return a list of untrusted sentences."""
    return "\n".join(f"* {plain(text)}" for text in texts)
