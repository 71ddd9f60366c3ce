"""Text from strangers (class, group, task and entry names) made safe for the place it is printed in."""

from __future__ import annotations

import re
import unicodedata

NAME_LIMIT = 80
"""Characters of a name that are shown."""
PROSE_LIMIT = 1_000
"""Characters of a note or a reason that are shown."""

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "@": "&#64;"}
_SPECIAL = re.compile(r"([\\`*_\[\]#~$])")
_LEADING = re.compile(r"^([-+=])|^(\d+)([.)])")


class Safe(str):
    """Text made by dermbench itself: renderers print it as it is and escape every other string."""

    __slots__ = ()


def plain(text: object, *, limit: int = NAME_LIMIT) -> str:
    """Return one printable line: no control, direction-changing or invisible characters, at most ``limit`` long.

    Parameters
    ----------
    text
        Anything; line breaks and tabs count as spaces.
    limit
        Number of characters kept; a cut is shown by ``…``.
    """
    head = str(text)[: 4 * limit + 100]
    line = " ".join((head if head.isprintable() else _shown(head)).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _shown(text: str) -> str:
    spaced = "".join(" " if c in "\n\r\t\v\f\x85\u2028\u2029" else c for c in text)
    return "".join(c for c in spaced if unicodedata.category(c) not in _HIDDEN)


def markdown_text(text: object, *, limit: int = NAME_LIMIT) -> str:
    """Return :func:`plain` text that markdown shows as it is, also in a table cell.

    Neither a table, a link (not even a bare address), HTML, a formula nor a list can come out of it.
    A :class:`Safe` string passes unchanged.
    """
    if isinstance(text, Safe):
        return text
    line = plain(text, limit=limit)
    line = _SPECIAL.sub(r"\\\1", "".join(_ENTITIES.get(c, c) for c in line).replace("&#", "&\0"))
    line = line.replace("&\0", "&#").replace("://", ":&#47;&#47;")
    line = re.sub(r"(?i)\bwww\.", lambda found: f"{found[0][:-1]}&#46;", line)
    return _LEADING.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", line)
