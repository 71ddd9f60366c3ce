"""``dermbench explain``."""

from __future__ import annotations

from pathlib import Path

import typer

from dermbench.cli import completion
from dermbench.cli.output import say

PLACE = 80


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("explain")(explain)


def explain(
    run: Path = typer.Argument(..., metavar="RUN", help="Run folder."),
    data: Path = typer.Option(..., help="Dataset folder."),
    out: Path = typer.Option(..., help="Folder for the pictures, a contact sheet and an index."),
    split: str = typer.Option("test", help="train, val or test.", autocompletion=completion.splits),
    per_group: int = typer.Option(4, min=1, help="Images per skin type and outcome (right or wrong)."),
    seed: int = typer.Option(0, min=0, help="Seed of the draw of images."),
    device: str = typer.Option("auto", help="auto, cpu, cuda, cuda:1, mps."),
) -> None:
    """Write Grad-CAM pictures of right and wrong answers for each skin type."""
    from dermbench.api.models import explain as write_pictures

    index = write_pictures(run, data, out, split=split, per_group=per_group, seed=seed, device=device)
    say(f"{out}: {len(index):,} pictures, {int((~index['right']).sum()):,} of them of wrong answers")
    say(f"open {out / 'index.html'} or {out / 'contact-sheet.png'}; the table is {out / 'index.csv'}")
