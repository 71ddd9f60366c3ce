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
    out: Path = typer.Option(..., help="Run folder to create, or with --resume to continue."),
    preset: str | None = typer.Option(
        None,
        help="Packaged configuration: efficientnet-b4, cpu-small, ...",
        autocompletion=completion.presets,
    ),
    config: Path | None = typer.Option(None, help="TOML file with a configuration, instead of a preset."),
    set_: list[str] = typer.Option([], "--set", metavar="KEY=VALUE", help="Set one training option; repeatable."),
    seed: int | None = typer.Option(None, help="Seed of all random draws."),
    deterministic: bool = typer.Option(
        False,
        "--deterministic",
        help="Bit-identical repeats on a GPU, at some cost in speed. On a CPU repeats are identical anyway.",
    ),
    embeddings: Path | None = typer.Option(
        None,
        help="Table with image_id and features: train a linear probe on them instead of a network.",
        show_default=False,
    ),
    resume: bool = typer.Option(False, "--resume", help="Continue an interrupted run."),
) -> None:
    """Train a network on a dataset; only its train and val splits are read.

    On several GPUs or CPUs: torchrun --nproc-per-node N -m dermbench train ...
    """
    from dermbench.api import models

    overrides = [*set_, *(["deterministic=true"] if deterministic else [])]
    if embeddings is not None:
        preset = preset or (None if config else "embeddings")
        overrides = [f"model={json.dumps(f'embeddings:{embeddings}')}", *overrides]
    models.train(data, out, preset=preset, config=config, overrides=overrides, seed=seed, resume=resume)
