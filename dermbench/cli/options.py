"""Options that several verbs share, and helpers that read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from dermbench.cli import completion
from dermbench.cli.output import say
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

DATA = typer.Option(None, "--data", help="Dataset folder, which has the true labels.", show_default=False)
TRUTH = typer.Option(
    None,
    "--truth",
    help="Table of true labels: image_id, label and sensitive features.",
    show_default=False,
)
SPLIT = typer.Option(
    None,
    "--split",
    help="Split to evaluate, or several: train+val. Default: test for --data, all rows for --truth.",
    autocompletion=completion.splits,
)
TASK = typer.Option(
    None,
    "--task",
    help="Packaged task that the --truth table belongs to; see `dermbench data list`.",
    show_default=False,
    autocompletion=completion.tasks,
)
CLASSES = typer.Option(None, "--classes", help="All classes of the --truth table: A,B,C.", show_default=False)
ID = typer.Option(
    None, "--id", help="Column with the image ids, in --truth and in the predictions.", show_default=False
)
LABEL = typer.Option(None, "--label", help="Column with the label in --truth.", show_default=False)
FST = typer.Option(None, "--fst", help="Column with the Fitzpatrick skin type in --truth.", show_default=False)
ORDERED = typer.Option(
    [],
    "--ordered",
    help="Sensitive feature with ordered values: COL for numbers, or COL=low,middle,high. Repeatable.",
    show_default=False,
)
BINS = typer.Option(
    [],
    "--bins",
    help="Bands of a numeric sensitive feature: age=40,60 for below 40, 40 to 60, and 60 and above. Repeatable.",
    show_default=False,
)
POSITIVE = typer.Option(
    None,
    "--positive",
    help="Positive classes for sensitivity and specificity: A,B. Default: the malignant classes, where known.",
    show_default=False,
)
LOGITS = typer.Option(False, "--logits", help="The predictions are logits, not probabilities.")
MAP = typer.Option(
    None,
    "--map",
    help="Class map from the model's classes to the truth's: a table with the columns model and truth, or TOML.",
    show_default=False,
)
AGGREGATE = typer.Option(
    None,
    "--aggregate",
    help="Score lesions or patients instead of images, by mean probability: lesion_id or patient_id.",
    show_default=False,
)
MISSING = typer.Option(
    "refuse", "--missing", help="Images without a prediction: refuse (reject the file) or wrong (count as errors)."
)
SEED = typer.Option(0, "--seed", min=0, help="Seed of all resamples and permutations.")
RESAMPLES = typer.Option(9999, "--resamples", min=99, max=1_000_000, help="Number of resamples and permutations.")
EXPORT = typer.Option(
    None,
    "--export",
    help="Also write csv (tables/NAME.csv), latex (tables.tex), figures (figures/NAME.svg and .png): csv,latex.",
    show_default=False,
)
JSON = typer.Option(False, "--json", help="Print one JSON document, and nothing else, on stdout.")


def export_target(out: Path | None, export: str | None, *, name: str) -> tuple[Path | None, tuple[str, ...]]:
    """Return the file of the report and the kinds of export; checked before anything is computed.

    Raises
    ------
    UsageError
        When ``--export`` comes without ``--out`` or names an unknown kind, or ``--out`` is a file of another kind.
    """
    from dermbench.artifacts.outputs import document_path
    from dermbench.reporting.export import export_kinds

    kinds = export_kinds(listed_names("--export", export))
    if kinds and out is None:
        raise UsageError("--export writes files beside the report, so it needs --out", remedy="Add --out FOLDER.")
    return (None if out is None else document_path(out, name=name)), kinds


def split_names(text: str | None) -> tuple[str, ...]:
    """Return the names in a comma-separated list."""
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def listed_names(option: str, text: str | None) -> tuple[str, ...]:
    """Return the names that an option lists; none if the option is not given.

    Raises
    ------
    UsageError
        When the option is given but empty.
    """
    names = split_names(text)
    if text is not None and not names:
        raise UsageError(f"{option} is empty", remedy="Leave the option out, or list at least one value.")
    return names


def say_written(paths: Sequence[Path], target: Path) -> None:
    """Print which files were written, and which exports beside them come from an earlier run."""
    from dermbench.reporting.export import earlier_exports

    say(f"Wrote {_relative_names(target, paths)} in {target.parent}", err=True)
    if earlier := earlier_exports(target, paths):
        say(f"Not rewritten, still from an earlier run: {_relative_names(target, earlier)}", err=True)


def _relative_names(target: Path, paths: Sequence[Path]) -> str:
    names = [path.relative_to(target.parent) for path in paths]
    return ", ".join(map(str, sorted(names, key=lambda path: (len(path.parts), path))))
