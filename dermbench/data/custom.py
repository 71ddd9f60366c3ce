"""Make a task from the arguments of ``data prepare``, for data without a packaged task."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from dermbench.artifacts.labels import spelling_conflicts, spellings
from dermbench.data.sources import source_names
from dermbench.errors import InputError, RegistryError, UsageError, name_some
from dermbench.tasks import Task, load_task, task_names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

ABOUT = ("task", "title", "licence", "citation", "classes")
"""Options that describe the task, not the files."""


def resolve_task(name: str, *, root: Path | None, options: Mapping[str, str]) -> Task:
    """Return the packaged task called ``name``, or make a task when ``name`` is a data source.

    Parameters
    ----------
    name
        Task, or source such as ``table`` and ``folder``.
    root
        Release; the name of the file or folder is the task's name unless ``options`` has ``task``.
    options
        ``task``, ``title``, ``licence``, ``citation`` and ``classes`` (in order, separated by commas) are
        used here.

    Raises
    ------
    RegistryError
        When there is neither a task nor a source of that name; the message suggests the nearest one.
    """
    if name in task_names():
        return load_task(name)
    sources = source_names()
    if name not in sources:
        near = difflib.get_close_matches(name, [*task_names(), *sources], n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(task_names())}"
        raise RegistryError(f"unknown task or source {name!r}; {hint}", remedy="See: dermbench data list")
    classes = tuple(c.strip() for c in options.get("classes", "").split(",") if c.strip())
    title = options.get("task") or (root.resolve().stem if root is not None else name)
    return Task(
        name=title,
        title=options.get("title", title),
        source=name,
        classes=classes,
        n_classes=len(classes),
        licence=options.get("licence", "unknown (data of your own)"),
        citation=options.get("citation", ""),
        obtain=f"Give the data with --root; see: dermbench data prepare {name} --help",
    )


def class_set(labels: pd.Series, task: Task, source: Path | str) -> tuple[str, ...]:
    """Return the classes of the task, or the labels that occur, sorted.

    Raises
    ------
    InputError
        When labels differ only in spelling, or there are fewer than two.
    UsageError
        When classes given by the user differ only in spelling.
    """
    names = list(task.classes) or sorted(labels.dropna().unique())
    doubled = [" / ".join(group) for group in spellings(names) if len(group) > 1]
    if doubled and task.classes:
        raise UsageError(f"classes that differ only in spelling: {name_some(doubled)}")
    problems = [] if task.classes else spelling_conflicts(labels)
    if len(names) < 2:
        problems.append(f"needs at least 2 classes, found {name_some(names) or 'none'}")
    if problems:
        raise InputError(source, problems, remedy="Correct the labels, or give --set classes=A,B,…")
    return tuple(names)
