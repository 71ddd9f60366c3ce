"""``dermbench train``."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from dermbench.cli import completion

PLACE = 30


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("train")(train)


def train(
    *,
    data: Path = typer.Option(..., help="Dataset folder."),
    out: Path = typer.Option(..., help="Run folder to make or, with --resume, to go on with."),
    preset: str | None = typer.Option(
        None,
        help="Packaged configuration: efficientnet-b4, cpu-small, ...",
        autocompletion=completion.presets,
    ),
    config: Path | None = typer.Option(None, help="TOML file, instead of a preset."),
    set_: list[str] = typer.Option([], "--set", metavar="KEY=VALUE", help="Change one value; repeatable."),
    seed: int | None = typer.Option(None, help="Seed of everything that is drawn."),
    deterministic: bool = typer.Option(
        False,
        "--deterministic",
        help="Same bits each time on a GPU, too, at some cost in speed (on a CPU that is the rule).",
    ),
    embeddings: Path | None = typer.Option(
        None,
        help="Table of image_id and features of your own: a linear probe on them instead of a network.",
        show_default=False,
    ),
    resume: bool = typer.Option(False, "--resume", help="Go on with an interrupted run."),
) -> None:
    """Train a network on a dataset; only its train and val splits are opened.

    On several GPUs or CPUs: torchrun --nproc-per-node N -m dermbench train ...
    """
    from dermbench.api import models

    overrides = [*set_, *(["deterministic=true"] if deterministic else [])]
    if embeddings is not None:
        preset = preset or (None if config else "embeddings")
        overrides = [f"model={json.dumps(f'embeddings:{embeddings}')}", *overrides]
    models.train(data, out, preset=preset, config=config, overrides=overrides, seed=seed, resume=resume)
