"""Make names of files and folders that are valid on every system from labels and ids."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from dermbench.errors import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST = 120
"""Largest name in bytes; file systems allow 255."""
NOT_IN_NAMES = frozenset('<>:"/\\|?*')
"""Characters that some file systems refuse."""
RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
"""Names that Windows keeps for devices."""


def safe_names(texts: Iterable[str]) -> dict[str, str]:
    """Return a file name for each text, the text itself if it is a valid name.

    Names differ also in lower case. They depend on the set of texts, not on their order.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    texts = sorted(set(texts))
    for text in sorted(texts, key=lambda text: (_safe(text) != text, text)):  # valid names are kept
        base, name, number = _safe(text), _safe(text), 1
        while name.casefold() in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add(name.casefold())
        found[text] = name
    return {text: found[text] for text in texts}


def _safe(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    name = "".join("_" if c in NOT_IN_NAMES or unicodedata.category(c) in HIDDEN else c for c in composed)
    name = re.sub(r"^[_.\s]{2,}|^[.\s]", "_", name)  # hidden files, and folders that loaders leave out
    name = name.encode()[:LONGEST].decode(errors="ignore").rstrip(". ") or "_"
    return f"_{name}" if RESERVED.fullmatch(name) else name
