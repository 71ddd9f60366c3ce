"""Escape untrusted text (class, group, task and entry names) for each output format."""

from __future__ import annotations

import re
import unicodedata

NAME_LIMIT = 80
"""Maximum length of a name, in characters."""
PROSE_LIMIT = 1_000
"""Maximum length of a note or a reason, in characters."""

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "@": "&#64;"}
_SPECIAL = re.compile(r"([\\`*_\[\]#~$])")
_LEADING = re.compile(r"^([-+=])|^(\d+)([.)])")


class Safe(str):
    """Text made by dermbench itself; renderers print it unchanged and escape every other string."""

    __slots__ = ()


def plain(text: object, *, limit: int = NAME_LIMIT) -> str:
    """Return one printable line: no control, direction-changing or invisible characters, at most ``limit`` long.

    Parameters
    ----------
    text
        Any object; line breaks and tabs become spaces.
    limit
        Maximum number of characters; a longer text ends with ``…``.
    """
    head = str(text)[: 4 * limit + 100]
    line = " ".join((head if head.isprintable() else _shown(head)).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _shown(text: str) -> str:
    spaced = "".join(" " if c in "\n\r\t\v\f\x85\u2028\u2029" else c for c in text)
    return "".join(c for c in spaced if unicodedata.category(c) not in _HIDDEN)


def markdown_text(text: object, *, limit: int = NAME_LIMIT) -> str:
    """Return :func:`plain` text with all markdown escaped, also for a table cell.

    It cannot become a table, a link (even from a bare address), HTML, a formula or a list. A :class:`Safe` string
    is returned unchanged.
    """
    if isinstance(text, Safe):
        return text
    line = plain(text, limit=limit)
    line = _SPECIAL.sub(r"\\\1", "".join(_ENTITIES.get(c, c) for c in line).replace("&#", "&\0"))
    line = line.replace("&\0", "&#").replace("://", ":&#47;&#47;")
    line = re.sub(r"(?i)\bwww\.", lambda found: f"{found[0][:-1]}&#46;", line)
    return _LEADING.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", line)
