"""``dermbench quickstart``: the whole workflow on synthetic images, with a control that must score at chance."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import TYPE_CHECKING

import typer

from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from dermbench.artifacts import Dataset, Predictions, Report

TASK = "synthderm"
PRESET = "quickstart"


@dataclass(frozen=True)
class Candidate:
    """A run of the quickstart: its name on the board, and how it differs from the preset."""

    name: str
    slug: str
    overrides: tuple[str, ...] = ()
    method: str = "linear probe, then brief fine-tuning"


CANDIDATES = (
    Candidate("lite0, quickstart preset", "lite0"),
    Candidate(
        "control, labels shuffled",
        "shuffled",
        ("labels=shuffled", "epochs=0"),
        "linear probe on permuted labels",
    ),
)
PLACE = 10


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""

    @app.command()
    def quickstart(
        out: Path = typer.Option(Path("dermbench-quickstart"), "--out", help="Folder to work in."),
        seed: int = typer.Option(0, "--seed", help="Seed of the images, the split and the training."),
    ) -> None:
        """Try it all on synthetic images: train, predict, eval, leaderboard; a minute on two CPU cores.

        A second model is a control: a linear probe on the same features with shuffled labels, which must not score
        above chance. After an interruption, run the command again to continue.
        """
        from dermbench.console import make_console

        _run(out, seed, make_console())


def _run(out: Path, seed: int, console: Console) -> None:
    from dermbench.api.evaluation import evaluate
    from dermbench.leaderboard import Effort, build
    from dermbench.reporting import print_report

    started, board = perf_counter(), out / "leaderboards" / TASK
    dataset = _dataset(out / "data", seed, console)
    predictions = [_predictions(c, dataset, out / "runs" / c.slug, seed, console) for c in CANDIDATES]
    _step(console, f"evaluate on the test split -> {out / 'report.md'}")
    result = evaluate(predictions[0], data=dataset, name=CANDIDATES[0].name, seed=seed)
    result.save(out)
    print_report(result.report, console)
    _step(console, f"leaderboard -> {board / 'README.md'}")
    entered = [_enter(board, candidate, out / "runs" / candidate.slug, dataset) for candidate in CANDIDATES]
    build(board, effort=Effort(quick=True))  # the entries were evaluated a moment ago
    for candidate, entry in zip(CANDIDATES, entered, strict=True):
        console.print(_against_chance(candidate, entry), soft_wrap=True)
    console.print(f"done in {perf_counter() - started:.0f} s; not for clinical use")


@contextmanager
def _importing(name: str) -> Iterator[None]:
    """Import a package and torch in the background, while the block draws images in other processes.

    A failed import is ignored here; the code that needs the package reports it.
    """

    def load() -> None:
        with suppress(Exception):
            import_module(name)

    loading = Thread(target=load, daemon=True)
    loading.start()
    try:
        yield
    finally:
        loading.join()


def _dataset(folder: Path, seed: int, console: Console) -> Dataset:
    from dermbench.artifacts import read_dataset
    from dermbench.artifacts.manifest import INFO
    from dermbench.data import prepare

    _step(console, f"draw {TASK} -> {folder}")
    if (folder / INFO).is_file():
        dataset = read_dataset(folder)
        if dataset.info.options.get("seed") != seed or dataset.info.task != TASK:
            raise UsageError(
                f"{folder} contains another dataset", remedy="Choose another --out, or delete the folder."
            )
        return dataset
    with _importing("timm"):
        return prepare(TASK, out=folder, seed=seed)


def _predictions(candidate: Candidate, dataset: Dataset, run: Path, seed: int, console: Console) -> Predictions:
    from dermbench.training import predict, train

    _step(console, f"train {candidate.name!r} -> {run}")
    if (run / "run.json").is_file():
        train(dataset, run, resume=True)
    else:
        train(dataset, run, preset=PRESET, overrides=candidate.overrides, seed=seed)
    return predict(run, dataset, split="test", out=run / "predictions" / "test.parquet")


def _enter(board: Path, candidate: Candidate, run: Path, dataset: Dataset) -> Report:
    """Add a run to the board and return its report there."""
    from dermbench.artifacts import Report
    from dermbench.leaderboard import add, slugify
    from dermbench.leaderboard.board import ENTRIES
    from dermbench.leaderboard.contents import REPORT

    entry = add(
        board,
        run / "predictions" / "test.parquet",
        name=candidate.name,
        truth=dataset,
        store_truth=True,
        run=run,
        replace=True,
        method=candidate.method,
        training_data=f"{TASK}, training split",
    )
    return Report.read(board / ENTRIES / slugify(entry.name) / REPORT)


def _against_chance(candidate: Candidate, report: Report) -> str:
    cell, chance = report.overall["balanced_accuracy"], 1 / len(report.classes)
    text = f"{candidate.name}: balanced accuracy"
    if cell.value is None or cell.low is None or cell.high is None:
        return f"{text} has no interval: {cell.reason}"
    where = "above" if cell.low > chance else "not above"
    return (
        f"{text} {cell.value:.2f} (95 % interval {cell.low:.2f} to {cell.high:.2f}), {where} chance ({chance:.2f})"
    )


def _step(console: Console, text: str) -> None:
    console.rule(text, align="left", style="dim")
