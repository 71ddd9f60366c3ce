"""``dermbench eval``: predictions and truth in, a report out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from dermbench.cli import completion
from dermbench.cli.output import say
from dermbench.errors import UsageError
from dermbench.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.results import EvaluationResult

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
PLACE = 50


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""

    @app.command(name="eval")
    def evaluate_(
        predictions: Path = typer.Argument(
            metavar="PREDICTIONS",
            help="Predictions file: image_id with prob_<class> columns, or with pred (and no_answer).",
        ),
        *,
        data: Path | None = DATA,
        truth: Path | None = TRUTH,
        split: str | None = SPLIT,
        task: str | None = TASK,
        classes: str | None = CLASSES,
        id_column: str | None = ID,
        label: str | None = LABEL,
        fst: str | None = FST,
        sensitive: list[str] = typer.Option(
            [], "--sensitive", help="Sensitive feature; repeat for several, fst,sex for an intersection."
        ),
        ordered: list[str] = ORDERED,
        bins: list[str] = BINS,
        out: Path | None = typer.Option(
            None, "--out", help="Folder, or FILE.json, for the report.", show_default=False
        ),
        validation: Path | None = typer.Option(
            None,
            "--validation",
            help="Predictions for the val split of --data or --truth: thresholds are found there.",
            show_default=False,
        ),
        primary: str | None = typer.Option(
            None,
            "--primary",
            help="Primary question, METRIC:FEATURE; by default the task's, else sensitivity or accuracy.",
            show_default=False,
        ),
        margin: float | None = typer.Option(
            None,
            "--margin",
            help="Largest gap of the primary metric that is small enough, stated before the results.",
            show_default=False,
        ),
        adjust: str | None = typer.Option(
            None,
            "--adjust",
            help="Columns held fixed besides the true class in one more comparison of groups: site,quality,age.",
            show_default=False,
        ),
        positive: str | None = POSITIVE,
        skin_type_error: bool = typer.Option(
            False,
            "--skin-type-error",
            help="Correct the primary gap for errors in the skin types, from two or more labellings.",
        ),
        operating_point: list[str] = typer.Option(
            [],
            "--operating-point",
            help="Call images positive at sensitivity=.9 or specificity=.9 of --validation, or threshold=.5.",
            show_default=False,
        ),
        prevalence: str | None = typer.Option(
            None,
            "--prevalence",
            help="Shares of positive cases at which predictive values are given: .01,.1",
            show_default=False,
        ),
        class_map: Path | None = MAP,
        aggregate: str | None = AGGREGATE,
        missing: str = MISSING,
        logits: bool = LOGITS,
        name: str | None = typer.Option(
            None,
            "--name",
            help="Name of the model in the report; by default the name of the predictions file.",
            show_default=False,
        ),
        export: str | None = EXPORT,
        as_json: bool = JSON,
        seed: int = SEED,
        resamples: int = RESAMPLES,
        full: bool = typer.Option(False, "--full", help="Print every table, of all features and metrics."),
        workers: int = typer.Option(1, "--workers", min=1, help="Threads; any number gives the same report."),
    ) -> None:
        """Evaluate predictions: overall, by class and by subgroup, with uncertainty."""
        target, kinds = export_target(out, export, name="report.json")
        with waiting("evaluating"):
            from dermbench.api.evaluation import evaluate

            result = evaluate(
                predictions,
                truth,
                data=data,
                split=split,
                task=task,
                classes=split_names(classes),
                id=id_column,
                label=label,
                fst=fst,
                sensitive=sensitive or None,
                ordered=ordered,
                bins=bins,
                validation=validation,
                primary=primary,
                margin=margin,
                positive=stated("--positive", positive),
                operating_points=operating_point,
                prevalences=_numbers("--prevalence", prevalence),
                map=class_map,
                aggregate=aggregate,
                missing=missing,
                adjust=stated("--adjust", adjust),
                skin_type_error=skin_type_error,
                logits=logits,
                name=name,
                seed=seed,
                n_resamples=resamples,
                workers=workers,
            )
        _show(result, target, kinds, as_json=as_json, full=full)


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


def _numbers(option: str, text: str | None) -> tuple[float, ...]:
    try:
        return tuple(map(float, stated(option, text)))
    except ValueError as error:
        raise UsageError(f"{option} {text}: write shares, as in .02,.1 for 2 % and 10 %") from error


def say_written(paths: Sequence[Path], target: Path) -> None:
    """Say which files were written beside the document, and which are there from an earlier run."""
    from dermbench.reporting.export import earlier_exports

    say(f"Wrote {_beside(target, paths)} in {target.parent}", err=True)
    if earlier := earlier_exports(target, paths):
        say(f"Not written now, so of an earlier run: {_beside(target, earlier)}", err=True)


def _beside(target: Path, paths: Sequence[Path]) -> str:
    names = [path.relative_to(target.parent) for path in paths]
    return ", ".join(map(str, sorted(names, key=lambda path: (len(path.parts), path))))


def _show(
    result: EvaluationResult, target: Path | None, export: tuple[str, ...], *, as_json: bool, full: bool
) -> None:
    with waiting("drawing the report"):
        written = [] if target is None else result.save(target, export=export)
    if as_json:
        say(result.report.text(), end="")
    else:
        from dermbench.console import make_console
        from dermbench.reporting.terminal import print_report

        print_report(result.report, make_console(), full=full)
    if target is not None:
        say_written(written, target)
