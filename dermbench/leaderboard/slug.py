"""Folder names from entry names."""

from __future__ import annotations

import hashlib
import re
import unicodedata

LONGEST = 60
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))}
"""Names that some file systems reserve for devices."""


def slugify(name: str) -> str:
    """Return a folder name: lower-case ASCII letters, digits and single hyphens, never a path.

    A name without any ASCII letter or digit becomes ``entry-`` and the start of its hash.

    Parameters
    ----------
    name
        Any text.

    Returns
    -------
    str
        1 to 60 characters out of ``a-z0-9-``, starting and ending with a letter or digit.
    """
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", folded).strip("-")[:LONGEST].rstrip("-")
    if not slug:
        return f"entry-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"
    return f"entry-{slug}" if slug in RESERVED else slug
