"""Compare the settings of a board with those that its index records, and record changes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from dermbench.artifacts.files import locked
from dermbench.errors import DermbenchError, InputError
from dermbench.leaderboard.board import INDEX, LOCK
from dermbench.leaderboard.index import SettingsLine, append_settings, read_index
from dermbench.leaderboard.settings import compare_settings, contradictions, read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dermbench.leaderboard.index import Line


def changed_settings(folder: Path) -> list[str]:
    """Return one sentence per setting that differs from the index; none if a file is missing or unreadable."""
    try:
        recorded, now = read_index(folder).settings, read_settings(folder)
    except DermbenchError:
        return []  # reported by the function that needs the file
    return [] if recorded is None else contradictions(compare_settings(recorded.settings, now), recorded.sequence)


def refuse_changed_settings(folder: Path) -> None:
    """Raise if ``board.toml`` or ``reported.toml`` differ from the settings in the index.

    Raises
    ------
    InputError
        With every setting that differs.
    """
    if problems := changed_settings(folder):
        raise InputError(
            folder,
            problems,
            remedy="Restore the settings, or record the change in the index with: "
            f"dermbench leaderboard build {folder} --accept-settings",
        )


def record_settings(folder: Path) -> None:
    """Append the settings to the index if it has no settings or different ones."""
    with locked(folder / LOCK):
        recorded, settings = read_index(folder).settings, read_settings(folder)
        if recorded is None or recorded.settings != settings:
            append_settings(folder, settings)


def settings_changes(lines: Sequence[Line], n_before: int) -> list[str]:
    """Return one sentence per setting that was changed after the first ``n_before`` lines."""
    recorded = [line for line in lines if isinstance(line, SettingsLine)]
    return [
        f"settings changed: {change} (line {after.sequence} of {INDEX})"
        for before, after in pairwise(recorded)
        if after.sequence > n_before
        for change in compare_settings(before.settings, after.settings)
    ]
