"""How a user gets a release that dermbench may not, or cannot, fetch."""

from __future__ import annotations

from typing import NoReturn

from dermbench.errors import UsageError
from dermbench.tasks import load_task, task_names


def refuse_download(name: str) -> NoReturn:
    """Say why a release is not fetched by a script, and where it is.

    Parameters
    ----------
    name
        Task, or source.

    Raises
    ------
    UsageError
        Always: no packaged task has an address that needs no form, login or licence click and whose bytes
        are known beforehand.
    """
    if name not in task_names():
        raise UsageError(f"{name}: there is nothing to download")
    task = load_task(name)
    where = f" Its page: {task.homepage}" if task.homepage else ""
    raise UsageError(
        f"{name}: a script does not fetch this release (licence: {task.licence})", remedy=task.obtain + where
    )
