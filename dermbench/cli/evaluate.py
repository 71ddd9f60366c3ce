"""``dermbench eval``: predictions and truth in, a report out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from dermbench.cli.options import (
    AGGREGATE,
    BINS,
    CLASSES,
    DATA,
    EXPORT,
    FST,
    ID,
    JSON,
    LABEL,
    LOGITS,
    MAP,
    MISSING,
    ORDERED,
    POSITIVE,
    RESAMPLES,
    SEED,
    SPLIT,
    TASK,
    TRUTH,
    export_target,
    listed_names,
    say_written,
    split_names,
)
from dermbench.cli.output import say
from dermbench.errors import UsageError
from dermbench.waiting import waiting

if TYPE_CHECKING:
    from dermbench.results import EvaluationResult

PLACE = 50


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""

    @app.command(name="eval")
    def evaluate_(
        predictions: Path = typer.Argument(
            metavar="PREDICTIONS",
            help="Predictions file: image_id and one prob_<class> column per class; or image_id and pred "
            "(optionally no_answer).",
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
            [], "--sensitive", help="Sensitive feature; repeatable. fst,sex evaluates the intersection."
        ),
        ordered: list[str] = ORDERED,
        bins: list[str] = BINS,
        out: Path | None = typer.Option(
            None, "--out", help="Folder for the report, or its FILE.json.", show_default=False
        ),
        validation: Path | None = typer.Option(
            None,
            "--validation",
            help="The same model's predictions for the val split; thresholds are fitted on them.",
            show_default=False,
        ),
        primary: str | None = typer.Option(
            None,
            "--primary",
            help="Primary question, METRIC:FEATURE. Default: the task's; else sensitivity or accuracy by skin "
            "type.",
            show_default=False,
        ),
        margin: float | None = typer.Option(
            None,
            "--margin",
            help="Largest acceptable gap of the primary metric; fix it before you see the results.",
            show_default=False,
        ),
        adjust: str | None = typer.Option(
            None,
            "--adjust",
            help="Compare groups again with these columns held fixed besides the true class: site,quality,age.",
            show_default=False,
        ),
        positive: str | None = POSITIVE,
        skin_type_error: bool = typer.Option(
            False,
            "--skin-type-error",
            help="Also correct the primary gap for errors in the skin types; needs two or more labellings.",
        ),
        operating_point: list[str] = typer.Option(
            [],
            "--operating-point",
            help="Operating point: sensitivity=.9 or specificity=.9 (threshold fitted on --validation), or "
            "threshold=.5. Repeatable.",
            show_default=False,
        ),
        prevalence: str | None = typer.Option(
            None,
            "--prevalence",
            help="Prevalences at which to report predictive values: .01,.1",
            show_default=False,
        ),
        class_map: Path | None = MAP,
        aggregate: str | None = AGGREGATE,
        missing: str = MISSING,
        logits: bool = LOGITS,
        name: str | None = typer.Option(
            None,
            "--name",
            help="Name of the model in the report. Default: the name of the predictions file.",
            show_default=False,
        ),
        export: str | None = EXPORT,
        as_json: bool = JSON,
        seed: int = SEED,
        resamples: int = RESAMPLES,
        full: bool = typer.Option(False, "--full", help="Print every table, for all features and metrics."),
        workers: int = typer.Option(
            1, "--workers", min=1, help="Threads; the report does not depend on their number."
        ),
    ) -> None:
        """Evaluate predictions: overall, by class and by subgroup, with uncertainty."""
        with waiting("evaluating"):
            from dermbench.api.evaluation import evaluate

            target, kinds = export_target(out, export, name="report.json")
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
                positive=listed_names("--positive", positive),
                operating_points=operating_point,
                prevalences=_numbers("--prevalence", prevalence),
                map=class_map,
                aggregate=aggregate,
                missing=missing,
                adjust=listed_names("--adjust", adjust),
                skin_type_error=skin_type_error,
                logits=logits,
                name=name,
                seed=seed,
                n_resamples=resamples,
                workers=workers,
            )
        _show(result, target, kinds, as_json=as_json, full=full)


def _numbers(option: str, text: str | None) -> tuple[float, ...]:
    try:
        return tuple(map(float, listed_names(option, text)))
    except ValueError as error:
        raise UsageError(f"{option} {text}: write shares, for example .02,.1 for 2 % and 10 %") from error


def _show(
    result: EvaluationResult, target: Path | None, export: tuple[str, ...], *, as_json: bool, full: bool
) -> None:
    with waiting("writing the report"):
        written = [] if target is None else result.save(target, export=export)
    if as_json:
        say(result.report.text(), end="")
    else:
        from dermbench.console import make_console
        from dermbench.reporting.terminal import print_report

        print_report(result.report, make_console(), full=full)
    if target is not None:
        say_written(written, target)
