"""``dermbench export``."""

from __future__ import annotations

from pathlib import Path

import typer

from dermbench.cli import completion
from dermbench.cli.output import say

PLACE = 90


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("export")(export)


def export(
    run: Path = typer.Argument(..., metavar="RUN", help="Run folder."),
    out: Path = typer.Option(..., help="File to write, .onnx."),
    data: Path | None = typer.Option(
        None, help="Dataset with images to check the file on. Default: random noise."
    ),
    split: str = typer.Option("val", help="Split of that dataset.", autocompletion=completion.splits),
) -> None:
    """Export the network of a run as ONNX, if the file gives the same probabilities as the network."""
    from dermbench import training

    done = training.export(run, out, data=data, split=split)
    say(f"{done.path}: {done.size / 1e6:.1f} MB")
    what = "images of random noise" if data is None else f"images of {split}"
    say(f"largest difference between probabilities on {done.images} {what}: {done.difference:.2g}")
    say(f"next: dermbench predict {out} --data {data or 'DATASET'} --split test --out predictions.parquet")
