"""``dermbench compare``: two or more models on the same images."""

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
    from dermbench.results import ComparisonResult

POINT = 0.01
PLACE = 60


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""

    @app.command(name="compare")
    def compare_(
        models: list[str] = typer.Argument(
            metavar="A B [C...]",
            help="Predictions files of two or more models: PATH or NAME=PATH; NAME@SEED=PATH for several seeds of "
            "one model.",
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
        baseline: str | None = typer.Option(
            None,
            "--baseline",
            help="Model that the others are compared with, by name or file. Default: the first.",
            show_default=False,
        ),
        metric: list[str] = typer.Option(
            [], "--metric", help="Metric to compare; repeatable. The first one ranks the models. Default: all."
        ),
        sensitive: list[str] = typer.Option(
            [], "--sensitive", help="Sensitive feature; repeatable. fst,sex evaluates the intersection."
        ),
        ordered: list[str] = ORDERED,
        bins: list[str] = BINS,
        margin: float | None = typer.Option(
            None,
            "--margin",
            help="Largest acceptable loss of a group, in points (1 point = .01).",
            show_default=False,
        ),
        out: Path | None = typer.Option(
            None, "--out", help="Folder for the comparison, or its FILE.json.", show_default=False
        ),
        positive: str | None = POSITIVE,
        class_map: Path | None = MAP,
        aggregate: str | None = AGGREGATE,
        missing: str = MISSING,
        logits: bool = LOGITS,
        export: str | None = EXPORT,
        as_json: bool = JSON,
        seed: int = SEED,
        resamples: int = RESAMPLES,
    ) -> None:
        """Compare models on the same images: paired differences, overall and by group, and rank bands."""
        with waiting("comparing"):
            from dermbench.api.evaluation import compare

            target, kinds = export_target(out, export, name="comparison.json")
            result = compare(
                models,
                truth,
                data=data,
                split=split,
                task=task,
                classes=split_names(classes),
                baseline=baseline,
                metrics=metric,
                id=id_column,
                label=label,
                fst=fst,
                sensitive=sensitive or None,
                ordered=ordered,
                bins=bins,
                margin=_points(margin),
                positive=listed_names("--positive", positive),
                map=class_map,
                aggregate=aggregate,
                missing=missing,
                logits=logits,
                seed=seed,
                n_resamples=resamples,
            )
        _show(result, target, kinds, as_json=as_json)


def _points(margin: float | None) -> float | None:
    if margin is None:
        return None
    if not 0.1 <= margin < 100:
        raise UsageError(
            f"--margin {margin:g} is not between 0.1 and 100 points",
            remedy="The margin is in points: --margin 2 accepts a loss of up to .02.",
        )
    return margin * POINT


def _show(result: ComparisonResult, target: Path | None, export: tuple[str, ...], *, as_json: bool) -> None:
    from dermbench.console import make_console
    from dermbench.reporting.compared.tables import print_comparison

    print_comparison(result.comparison, make_console(stderr=as_json))
    if target is not None:
        with waiting("writing the comparison"):
            written = result.save(target, export=export)
        say_written(written, target)
    if as_json:
        say(result.comparison.text(), end="")
