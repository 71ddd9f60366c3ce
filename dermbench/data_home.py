"""``DERMBENCH_DATA``: the default folder of releases (``raw/NAME``) and of prepared datasets (``prepared/NAME``).

NAME is a task or a source.
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "DERMBENCH_DATA"


def raw_release(*names: str) -> Path | None:
    """Return the folder of the first of these releases that exists; None if none does."""
    home = data_home()
    found = [] if home is None else [home / "raw" / name for name in names if (home / "raw" / name).is_dir()]
    return found[0] if found else None


def prepared_dataset(name: str) -> Path | None:
    """Return the folder for the prepared dataset ``name``, whether or not it exists.

    None when ``DERMBENCH_DATA`` is not set, or ``name`` is not a plain name (such as ``a/b`` or ``..``).
    """
    home = data_home()
    return None if home is None or Path(name).name != name or name in {"", ".", ".."} else home / "prepared" / name


def data_home() -> Path | None:
    """Return the folder that ``DERMBENCH_DATA`` names; None when it is not set."""
    text = os.environ.get(VARIABLE, "").strip()
    return Path(text).expanduser() if text else None
