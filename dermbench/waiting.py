"""A spinner, or a bar, on a terminal while a command works for more than a second."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread, current_thread, main_thread
from typing import TYPE_CHECKING, Any, TypeVar

from dermbench.errors import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.progress import Progress

T = TypeVar("T")

AFTER = 1.0
"""Seconds of work before anything is shown."""
EVERY = 0.2
"""Seconds between two pictures of the spinner."""
NO_TERMINALS = frozenset({"dumb", "unknown"})
"""Values of TERM of terminals that can only write line after line."""


@dataclass
class Step:
    """What is being done: in words, and how much of how much."""

    text: str
    total: int | None
    done: int = 0

    def advance(self, done: int) -> None:
        """Say how much is done."""
        self.done = done


class Display(Thread):
    """The thread that draws the innermost step; for ``AFTER`` seconds it waits and imports nothing."""

    def __init__(self, step: Step) -> None:
        super().__init__(name="waiting", daemon=True)
        self.steps = [step]
        self.finished = Event()

    def run(self) -> None:
        """Draw until the work is finished, then remove what was drawn."""
        if self.finished.wait(AFTER):
            return
        with _progress() as progress:
            number = progress.add_task("", total=None)
            while True:
                step = self.steps[-1]
                text = step.text if step.total is None else f"{step.text} {step.done:,}/{step.total:,}"
                progress.tasks[0].total = step.total  # update() takes None for no change
                progress.update(number, description=printable(text, keep=""), completed=step.done)
                progress.refresh()
                if self.finished.wait(EVERY):
                    return


_DISPLAYS: list[Display] = []
"""The display of this process, while there is one."""


@contextmanager
def waiting(text: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show on stderr what the block does, once the outermost such block has taken a second.

    Nothing is shown where stderr is no terminal (pipes, files, notebooks), in continuous integration, or outside
    the main thread. What was shown is gone when the block ends, also by an exception. Within the block, print to
    stderr alone.

    Parameters
    ----------
    text
        What is being done: ``evaluating``.
    total
        Number of things to do, for a bar; None for a spinner.

    Yields
    ------
    Callable
        ``advance(done)``: say how many of ``total`` are done.
    """
    step = Step(text, total)
    if not _can_show():
        yield step.advance
        return
    if _DISPLAYS:
        steps = _DISPLAYS[0].steps
        steps.append(step)
        try:
            yield step.advance
        finally:
            steps.pop()
        return
    display = Display(step)
    _DISPLAYS.append(display)
    display.start()
    try:
        yield step.advance
    finally:
        display.finished.set()
        _DISPLAYS.clear()
        display.join()


def with_bar(results: Iterable[T], text: str, total: int) -> list[T]:
    """Return the results, made one after the other while a bar shows how many there are.

    Parameters
    ----------
    results
        What is made, lazily.
    text
        What is being done.
    total
        Number of results.
    """
    made: list[T] = []
    with waiting(text, total) as advance:
        for result in results:
            made.append(result)
            advance(len(made))
    return made


def _can_show() -> bool:
    terminal = sys.stderr.isatty() and os.environ.get("TERM", "") not in NO_TERMINALS
    return terminal and not os.environ.get("CI") and current_thread() is main_thread()


def _progress() -> Progress:
    # rich takes a tenth of a second to import
    from rich.progress import BarColumn, Progress, SpinnerColumn, Task, TextColumn, TimeElapsedColumn  # noqa: PLC0415
    from rich.table import Column  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from dermbench.console import make_console  # noqa: PLC0415

    class Counted(BarColumn):
        """A bar for steps that have a total."""

        def render(self, task: Task) -> Any:
            return Text() if task.total is None else super().render(task)

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
        Counted(bar_width=20),
        TimeElapsedColumn(),
        console=make_console(stderr=True),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,  # what goes to a pipe stays there
    )
