"""Options that several verbs have, and what is done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from dermbench.cli import completion
from dermbench.cli.output import say
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DATA = typer.Option(None, "--data", help="Dataset folder that holds the truth.", show_default=False)
TRUTH = typer.Option(
    None, "--truth", help="Table with image_id, label and sensitive features.", show_default=False
)
SPLIT = typer.Option(
    None,
    "--split",
    help="Split to evaluate, or several as train+val; test of a dataset folder, all rows of a table.",
    autocompletion=completion.splits,
)
TASK = typer.Option(
    None,
    "--task",
    help="Packaged task that the --truth table is of.",
    show_default=False,
    autocompletion=completion.tasks,
)
CLASSES = typer.Option(None, "--classes", help="Class set of the --truth table: a,b,c.", show_default=False)
ID = typer.Option(None, "--id", help="Column of the ids in the tables.", show_default=False)
LABEL = typer.Option(None, "--label", help="Column of the label in --truth.", show_default=False)
FST = typer.Option(None, "--fst", help="Column of the skin type in --truth.", show_default=False)
ORDERED = typer.Option(
    [],
    "--ordered",
    help="Ordered sensitive feature: COL of numbers, or COL=low,middle,high.",
    show_default=False,
)
BINS = typer.Option(
    [], "--bins", help="Bands of a sensitive feature: age=40,60, the lower ends but the first.", show_default=False
)
POSITIVE = typer.Option(
    None,
    "--positive",
    help="Positive classes, for sensitivity and specificity: A,B. By default the malignant ones, where known.",
    show_default=False,
)
LOGITS = typer.Option(False, "--logits", help="The predictions are logits, not probabilities.")
MAP = typer.Option(
    None,
    "--map",
    help="Class map: a table with the columns model and truth, or TOML, from the model's classes to the truth's.",
    show_default=False,
)
AGGREGATE = typer.Option(
    None,
    "--aggregate",
    help="Score cases instead of images, by mean probability: lesion_id or patient_id.",
    show_default=False,
)
MISSING = typer.Option(
    "refuse", "--missing", help="Images without a prediction: refuse the file, or count them as wrong."
)
SEED = typer.Option(0, "--seed", min=0, help="Seed of everything that is resampled or permuted.")
RESAMPLES = typer.Option(9999, "--resamples", min=99, max=1_000_000, help="Number of resamples and permutations.")
EXPORT = typer.Option(
    None,
    "--export",
    help="Write besides, as csv,latex,figures: tables/NAME.csv, tables.tex, figures/NAME.svg and .png.",
    show_default=False,
)
JSON = typer.Option(False, "--json", help="Print one JSON document on stdout, and nothing else there.")


def export_target(out: Path | None, export: str | None, *, name: str) -> tuple[Path | None, tuple[str, ...]]:
    """Return the document to write and what to export, before anything is computed.

    Raises
    ------
    UsageError
        When ``--export`` is without ``--out`` or names what cannot be exported, or ``--out`` is another file.
    """
    from dermbench.artifacts.outputs import document_path
    from dermbench.reporting.export import export_kinds

    kinds = export_kinds(stated("--export", export))
    if kinds and out is None:
        raise UsageError("--export writes beside the report", remedy="Say where: --out FOLDER.")
    return (None if out is None else document_path(out, name=name)), kinds


def split_names(text: str | None) -> tuple[str, ...]:
    """Return the names in a comma-separated list."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def stated(option: str, text: str | None) -> tuple[str, ...]:
    """Return the names that an option lists; none where it is not given.

    Raises
    ------
    UsageError
        When it is given and lists nothing.
    """
    names = split_names(text)
    if text is not None and not names:
        raise UsageError(f"{option} names nothing", remedy="Leave it out, or name something.")
    return names


def say_written(paths: Sequence[Path], target: Path) -> None:
    """Say which files were written beside the document, and which are there from an earlier run."""
    from dermbench.reporting.export import earlier_exports

    say(f"Wrote {_beside(target, paths)} in {target.parent}", err=True)
    if earlier := earlier_exports(target, paths):
        say(f"Not written now, so of an earlier run: {_beside(target, earlier)}", err=True)


def _beside(target: Path, paths: Sequence[Path]) -> str:
    names = [path.relative_to(target.parent) for path in paths]
    return ", ".join(map(str, sorted(names, key=lambda path: (len(path.parts), path))))
