"""``DERMBENCH_DATA``: the folder under which releases and datasets are looked for when no path is given.

Releases as downloaded lie in ``raw/NAME``, datasets as prepared in ``prepared/NAME``, NAME being a task or source.
"""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "DERMBENCH_DATA"


def raw_release(*names: str) -> Path | None:
    """Return the first folder of a release called one of ``names``, None where there is none."""
    home = data_home()
    found = [] if home is None else [home / "raw" / name for name in names if (home / "raw" / name).is_dir()]
    return found[0] if found else None


def prepared_dataset(name: str) -> Path | None:
    """Return where the dataset called ``name`` is or would be, None when ``DERMBENCH_DATA`` is not set.

    A text that is no plain name has no such place.
    """
    home = data_home()
    return None if home is None or Path(name).name != name or name in {"", ".", ".."} else home / "prepared" / name


def data_home() -> Path | None:
    """Return the folder, None when ``DERMBENCH_DATA`` is not set."""
    text = os.environ.get(VARIABLE, "").strip()
    return Path(text).expanduser() if text else None
