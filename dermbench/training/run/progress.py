"""Show progress of a run on stderr: bars on a terminal, and one line for each epoch."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from dermbench.console import make_console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray


class Reporter:
    """Prints to stderr, unless ``quiet``."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.console = make_console(stderr=True, quiet=quiet)

    def say(self, text: str) -> None:
        """Print one line."""
        self.console.print(text, soft_wrap=True)

    def class_table(
        self, classes: tuple[str, ...], counts: NDArray[Any], weights: Mapping[str, float], formula: str
    ) -> None:
        """Print the number of training images and the loss weight of each class."""
        self.say(f"class weights: w_c = {formula}")
        table = Table()
        table.add_column("class")
        table.add_column("n_c", justify="right")
        table.add_column("w_c", justify="right")
        for name, count in zip(classes, counts, strict=True):
            table.add_row(name, f"{count:,}", f"{weights[name]:.4f}")
        self.console.print(table)

    @contextmanager
    def bar(self, text: str, total: int, *, unit: str = "images") -> Iterator[Callable[[int, str], None]]:
        """Show a bar on a terminal during the block, which gets the function ``advance(done, note)``."""
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(f"{unit}  {{task.fields[note]}}"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        ) as progress:
            task = progress.add_task(text, total=total, note="")

            def advance(done: int, note: str = "") -> None:
                progress.update(task, completed=done, note=note)

            yield advance

    def epoch(self, row: Mapping[str, Any], epochs: int, *, best: bool) -> None:
        """Print one line for a finished epoch."""
        speed = f"  {row['images_per_second']:.1f} images/s" if row["images_per_second"] else ""
        loss = f"  train loss {row['train_loss']:.4f}" if row["train_loss"] is not None else "  before training"
        val = ""
        if "val_loss" in row:  # some epochs may not be validated
            val = (
                f"  val loss {row['val_loss']:.4f}  macro-F1 {row['val_macro_f1']:.4f}"
                f"  accuracy {row['val_accuracy']:.4f}"
            )
        self.say(f"epoch {row['epoch']:>3}/{epochs}{loss}{val}{speed}  {row['seconds']:.1f} s{'  best' * best}")
