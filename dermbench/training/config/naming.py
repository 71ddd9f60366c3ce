"""What a message says about a name that is unknown."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def suggest(name: str, known: Mapping[str, Any]) -> str:
    """Return "did you mean ...?" with the nearest name, or all the known ones."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
