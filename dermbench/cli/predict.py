"""``dermbench predict`` and ``dermbench embed``."""

from __future__ import annotations

from pathlib import Path

import typer

from dermbench.cli import completion
from dermbench.cli.output import say
from dermbench.errors import UsageError

TABLES = {".parquet", ".csv"}
DEVICE = typer.Option("auto", help="auto, cpu, cuda, cuda:1, mps.")
BATCH_SIZE = typer.Option(None, min=1, help="Images per batch. Default: set by the candidate.")
WEIGHTS = typer.Option(None, help="Local weights file for timm:NAME or open_clip:NAME.", show_default=False)
PLACE = 40


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    app.command("predict")(predict)
    app.command("embed")(embed)


def predict(
    candidate: list[str] = typer.Argument(
        ...,
        metavar="CANDIDATE...",
        help="Run folder, model.onnx, predictions file, timm:NAME, hf-hub:OWNER/NAME, open_clip:NAME, "
        "answers:FILE, or PREFIX:NAME from another package. The probabilities of several are averaged.",
    ),
    *,
    data: Path = typer.Option(..., help="Dataset folder."),
    out: Path = typer.Option(..., help="Predictions file to write, .parquet or .csv."),
    split: str = typer.Option(
        "test",
        help="train, val or test. held-out: for runs on folds, predict each image with the runs that were not "
        "trained on it. trained: the images a run was trained on, to teach another run (method distill).",
        autocompletion=completion.splits,
    ),
    batch_size: int | None = BATCH_SIZE,
    device: str = DEVICE,
    tta: str = typer.Option(
        "none",
        help="Average views of each image: mirror (2), flips (4), dihedral (8), sizes (3) or sizes-mirror (6).",
    ),
    calibrate: bool = typer.Option(
        False, "--calibrate", help="Calibrate probabilities by a temperature fitted on val."
    ),
    neighbours: int = typer.Option(
        0,
        min=0,
        help="Mix a run's probabilities with the labels of this many nearest images from train and val.",
    ),
    embeddings: Path | None = typer.Option(
        None,
        help="Embeddings table, for a run trained on embeddings. Default: the table it was trained on.",
        show_default=False,
    ),
    weights: Path | None = WEIGHTS,
    prompts: Path | None = typer.Option(
        None, help="TOML file with the prompts for each class, for open_clip:NAME.", show_default=False
    ),
    map_: Path | None = typer.Option(
        None,
        "--map",
        help="Class map for answers:FILE, if its class names differ from the dataset's: a table, or TOML.",
        show_default=False,
    ),
) -> None:
    """Predict the images of one split; write ids and probabilities, never labels."""
    if out.suffix.lower() not in TABLES:
        raise UsageError(f"{out}: predictions are written as .parquet or .csv")
    from dermbench.api import models

    predictions = models.predict(
        candidate,
        data,
        split=split,
        out=out,
        batch_size=batch_size,
        device=device,
        weights=weights,
        embeddings=embeddings,
        tta=tta,
        calibrate=calibrate,
        neighbours=neighbours,
        prompts=prompts,
        mapping=map_,
    )
    say(f"{out}: {len(predictions):,} images, {len(predictions.classes)} classes, {predictions.digest}")
    for sentence in predictions.interpreted:
        say(sentence)
    if split == "trained":
        teach = f"--set method=distill --set method_options.distill_teacher={out}"
        say(f"next: dermbench train --data {data} --out RUN {teach} (with the same folds and fold as the teacher)")
        return
    say(f"next: dermbench eval {out} --data {data} --split {_evaluated(split, data, len(predictions))}")


def embed(
    candidate: str = typer.Argument(
        ...,
        metavar="CANDIDATE",
        help="Run folder, timm:NAME, hf-hub:OWNER/NAME, open_clip:NAME, or PREFIX:NAME from another package.",
    ),
    *,
    data: Path = typer.Option(..., help="Dataset folder."),
    out: Path = typer.Option(..., help="Embeddings table to write, .parquet or .csv."),
    batch_size: int | None = BATCH_SIZE,
    device: str = DEVICE,
    weights: Path | None = WEIGHTS,
) -> None:
    """Write a network's features of each image; `train --embeddings` fits a linear probe on them."""
    if out.suffix.lower() not in TABLES:
        raise UsageError(f"{out}: embeddings are written as .parquet or .csv")
    from dermbench.api import models

    table = models.embed(candidate, data, out=out, batch_size=batch_size, device=device, weights=weights)
    say(f"{out}: {len(table):,} images, {table.shape[1] - 1:,} features")
    say(f"next: dermbench train --data {data} --out RUN --embeddings {out}")


def _evaluated(split: str, data: Path, n_images: int) -> str:
    """Return the split name to give to ``eval`` for these predictions."""
    if split != "held-out":
        return split
    from dermbench.artifacts.manifest import INFO, read_info

    return "val" if n_images == read_info(data / INFO).images.get("val") else "train+val"
