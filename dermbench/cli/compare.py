"""``dermbench compare``: two or more models on the same images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from dermbench.cli.evaluate import (
    CLASSES,
    DATA,
    JSON,
    RESAMPLES,
    SEED,
    SPLIT,
    TASK,
    TRUTH,
    report_path,
    split_names,
)
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from rich.console import Console

    from dermbench.evaluation import Comparison


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""

    @app.command(name="compare")
    def compare_(
        files: list[Path] = typer.Argument(metavar="A B [C...]", help="Predictions files of two or more models."),
        *,
        data: Path | None = DATA,
        truth: Path | None = TRUTH,
        split: str | None = SPLIT,
        task: str | None = TASK,
        classes: str | None = CLASSES,
        baseline: Path | None = typer.Option(
            None,
            "--baseline",
            help="File or name of the model that the others are compared with; the first by default.",
        ),
        out: Path | None = typer.Option(
            None, "--out", help="Folder, or FILE.json, for the result.", show_default=False
        ),
        as_json: bool = JSON,
        seed: int = SEED,
        resamples: int = RESAMPLES,
    ) -> None:
        """Compare models on the same images: differences with paired intervals and tests."""
        from rich.console import Console

        from dermbench.evaluation import compare
        from dermbench.evaluation.inputs import load_reference

        names = model_names(files)
        first = _baseline(names, files, baseline)
        target = None if out is None else report_path(out, name="comparison.json")
        reference = load_reference(data=data, truth=truth, split=split, task=task, classes=split_names(classes))
        predictions = {name: reference.read(path) for name, path in zip(names, files, strict=True)}
        result = compare(predictions, reference.truth, baseline=first, seed=seed, n_resamples=resamples)
        print_comparison(result, Console(stderr=as_json))
        if target is not None:
            result.write(target)
            typer.echo(f"Wrote {target}", err=True)
        if as_json:
            typer.echo(result.text(), nl=False)


def model_names(files: Sequence[Path]) -> list[str]:
    """Return a name for each file: its stem, or with as many folders as tell the files apart.

    Raises
    ------
    UsageError
        When a file is given twice.
    """
    whole = [path.resolve().with_suffix("") for path in files]
    for depth in range(1, max(len(path.parts) for path in whole) + 1):
        names = ["/".join(path.parts[-depth:]) for path in whole]
        if len(set(names)) == len(names):
            return names
    raise UsageError("two of the predictions files are the same, or differ only in their suffix")


def _baseline(names: Sequence[str], files: Sequence[Path], chosen: Path | None) -> str | None:
    if chosen is None or str(chosen) in names:
        return None if chosen is None else str(chosen)
    by_path = {path.resolve(): name for path, name in zip(files, names, strict=True)}
    if chosen.resolve() not in by_path:
        raise UsageError(f"--baseline {chosen} is none of the models: {', '.join(names)}")
    return by_path[chosen.resolve()]


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print, for each model, its metrics and their differences from the baseline."""
    from rich.table import Table
    from rich.text import Text

    console.print(Text(f"{comparison.task}, {comparison.split}: {comparison.n:,} images", style="bold"))
    for model, effects in comparison.differences.items():
        table = Table(title=Text(f"{model} against {comparison.baseline}"), title_justify="left", box=None)
        for column in ("metric", comparison.baseline, model, "difference", "95 % interval", "p", "p, Holm"):
            table.add_column(
                Text(column), justify="left" if column == "metric" else "right", no_wrap=column == "metric"
            )
        for metric, effect in effects.items():
            cells = [comparison.models[name][metric]["value"] for name in (comparison.baseline, model)]
            table.add_row(metric, *map(_number, cells), *_difference(effect))
        console.print()
        console.print(table)
    console.print()
    for note in comparison.notes:
        console.print(Text(f"- {note}"))


def _difference(effect: dict[str, Any]) -> list[str]:
    ends = f"{_number(effect['low'])} to {_number(effect['high'])}" if "low" in effect else "-"
    signed = "-" if effect["value"] is None else f"{effect['value']:+.3f}"
    return [signed, ends, *(_p(effect.get(key)) for key in ("p_value", "p_holm"))]


def _p(value: float | None) -> str:
    if value is None:
        return "-"
    return "<.0001" if value < 0.0001 else f"{value:.4f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
