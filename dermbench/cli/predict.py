"""``dermbench predict``."""

from __future__ import annotations

from pathlib import Path

import typer

from dermbench.cli.output import say
from dermbench.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("predict")(predict)


def predict(
    run: list[str] = typer.Argument(
        ...,
        metavar="RUN...",
        help="Run folder, model.onnx, plugin:NAME, timm:NAME or a predictions file; several are averaged.",
    ),
    *,
    data: Path = typer.Option(..., help="Dataset folder."),
    out: Path = typer.Option(..., help="Predictions to write, .parquet or .csv."),
    split: str = typer.Option(
        "test",
        help="train, val or test; held-out: of runs on folds, each image by the runs that have not seen it; "
        "trained: what a run was trained on, to teach another (method distill).",
    ),
    batch_size: int | None = typer.Option(None, min=1, help="Images at a time; by default the run's."),
    device: str = typer.Option("auto", help="auto, cpu, cuda, cuda:1, mps."),
    tta: str = typer.Option(
        "none", help="Average views: mirror, flips (4), dihedral (8), sizes (3) or sizes-mirror (6)."
    ),
    calibrate: bool = typer.Option(False, "--calibrate", help="Scale by a temperature fitted on val."),
    neighbours: int = typer.Option(
        0,
        min=0,
        help="Mix a run's probabilities with the labels of so many images of train and val, the nearest.",
    ),
    embeddings: Path | None = typer.Option(
        None, help="Table for a run on embeddings; by default the one it was trained on.", show_default=False
    ),
    set_: list[str] = typer.Option([], "--set", metavar="weights=FILE", help="Local weights of timm:NAME."),
) -> None:
    """Predict the images of one split; writes ids and probabilities, never labels."""
    weights = None
    for text in set_:
        key, _, value = text.partition("=")
        if key.strip() != "weights" or not value:
            raise UsageError(f"--set {text!r}: predict knows weights=FILE only")
        weights = value.strip()
    if out.suffix.lower() not in {".parquet", ".csv"}:
        raise UsageError(f"{out}: predictions are written as .parquet or .csv")
    from dermbench import training

    predictions = training.predict(
        run,
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
    )
    say(f"{out}: {len(predictions):,} images, {len(predictions.classes)} classes, {predictions.digest}")
    if split == "trained":
        teach = f"--set method=distill --set method_options.distill_teacher={out}"
        say(f"next: dermbench train --data {data} --out RUN {teach} (and folds, fold as of its teacher)")
        return
    say(f"next: dermbench eval {out} --data {data} --split {_evaluated(split, data, len(predictions))}")


def _evaluated(split: str, data: Path, n_images: int) -> str:
    """Return the split that ``eval`` finds the truth of the predictions in."""
    if split != "held-out":
        return split
    from dermbench.artifacts.manifest import INFO, read_info

    return "val" if n_images == read_info(data / INFO).images.get("val") else "train+val"
