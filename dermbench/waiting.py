"""Show a spinner or a progress bar on a terminal when a command takes more than a second."""

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
"""Seconds between two frames of the spinner."""
NO_TERMINALS = frozenset({"dumb", "unknown"})
"""Values of TERM for terminals that cannot redraw a line."""


@dataclass
class Step:
    """A piece of work: its description, and how much of it is done."""

    text: str
    total: int | None
    done: int = 0

    def advance(self, done: int) -> None:
        """Record how much is done."""
        self.done = done


class Display(Thread):
    """The thread that draws the innermost step; it starts to import and draw after ``AFTER`` seconds."""

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
"""The display of this process, if one is running."""


@contextmanager
def waiting(text: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show progress on stderr, once the outermost ``with`` block has taken a second.

    Nothing is shown if stderr is not a terminal (pipes, files, notebooks), in continuous integration, or outside
    the main thread. The display is removed when the block ends, also by an exception. Inside the block, print only
    to stderr.

    Parameters
    ----------
    text
        Description of the work, such as ``evaluating``.
    total
        Number of items, for a bar; None for a spinner.

    Yields
    ------
    Callable
        ``advance(done)``: record how many of ``total`` are done.
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
    """Compute lazy results one after the other behind a progress bar, and return them as a list.

    Parameters
    ----------
    results
        Lazy results.
    text
        Description of the work.
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
        redirect_stdout=False,  # stdout may be a pipe
    )
