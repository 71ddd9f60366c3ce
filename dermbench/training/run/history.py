"""``history.csv``: one row an epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from dermbench.artifacts.tables import write_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

COLUMNS = tuple(
    "epoch step lr train_loss val_loss val_macro_f1 val_accuracy images_per_second seconds".split()  # noqa: SIM905
)


def write_history(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the rows so far, atomically; a resumed run thereby drops what it repeats.

    Scores of groups have columns of their own after :data:`COLUMNS`.
    """
    names = dict.fromkeys([*COLUMNS, *(name for row in rows for name in row)])
    write_table(path, pd.DataFrame(list(rows), columns=list(names)))
