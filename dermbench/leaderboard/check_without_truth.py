"""Check an entry without the true labels of its board."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.columns import find_column
from dermbench.artifacts.no_answer import REASONS
from dermbench.artifacts.tables import read_table
from dermbench.artifacts.text_form import to_text
from dermbench.artifacts.truth import make_truth
from dermbench.errors import InputError
from dermbench.evaluation.core.metric import METRICS, Tally
from dermbench.evaluation.metrics.counts import f1, precision, recall
from dermbench.leaderboard.check_sums import check_sums
from dermbench.leaderboard.recompute import TOLERANCE
from dermbench.leaderboard.stored import read_stored
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.report import Cell, Report
    from dermbench.leaderboard.board import Board

PROVED = (
    "without the true labels: reports name these predictions; the columns of confusion tables are their counts; "
    "scores that depend only on a confusion table were computed from it again; groups add up to it; all entries "
    "were scored on the same numbers of images by class and group"
)


def check_without_truth(report: Report, predictions: Path, board: Board) -> str | None:
    """Return how a report contradicts its predictions, its board or itself; None if it does not.

    Raises
    ------
    InputError
        With all problems of the predictions.
    """
    return next(_misfits(report, _read(predictions, board), board), None)


def check_sizes(reports: Mapping[str, Report]) -> list[str]:
    """Return a sentence about the first entry whose numbers of images by class or group differ from the others."""
    sizes = [(slug, _sizes(report)) for slug, report in reports.items()]
    if not sizes:
        return []
    (first, wanted), *others = sizes
    return [
        f"entries/{slug}/report.json: {key} has {found.get(key, 0)} images, in that of {first} "
        f"{wanted.get(key, 0)}: not the same truth"
        for slug, found in others
        for key in sorted({*found, *wanted})
        if found.get(key) != wanted.get(key)
    ][:1]


def _read(path: Path, board: Board) -> Predictions:
    """Read predictions for the images that they list."""
    table = read_table(path).frame
    column = find_column(table, "image_id")
    if column is None:
        raise InputError(path, ["no column image_id"])
    ids = to_text(table[column]).drop_duplicates()
    names = pd.DataFrame({"image_id": ids, "label": board.classes[0]})
    return read_stored(path, make_truth(names, source=path, classes=board.classes))


def _misfits(report: Report, made: Predictions, board: Board) -> Iterator[str]:
    told = report.provenance
    digests = (
        ("truth_digest", told.truth_digest, board.truth_digest),
        ("predictions_digest", told.predictions_digest, made.digest),
    )
    for key, stored, digest in digests:
        if stored != digest:
            yield f"{key} is {plain(stored)}, it should be {digest}"
    if (report.n, report.classes) != (len(made), board.classes):
        yield f"is of {report.n:,} images or other classes; the predictions are of {len(made):,}"
        return
    table = np.asarray(report.confusion.matrix, dtype=np.float64)
    counts = np.bincount(made.answered().y_pred, minlength=len(made.classes))
    if table.shape != (len(counts), len(counts)) or table.sum() != report.n:
        yield "its confusion table is not one of its classes and images"
        return
    yield from _predicted(report, made, table.sum(axis=0) - counts, counts)
    yield from _scores(report, table)
    if apart := check_sums(report):
        yield apart


def _predicted(
    report: Report, made: Predictions, more: NDArray[np.float64], counts: NDArray[np.intp]
) -> Iterator[str]:
    """Yield where the counts of predicted classes, or of images without a prediction, differ from the report.

    An image without a prediction counts as wrong; its column in the confusion table depends on the true label.
    """
    reasons = made.no_answer
    wanted = {} if reasons is None else {reason: int((reasons == reason).sum()) for reason in REASONS}
    block = report.no_answer
    told = {} if block is None else {reason: getattr(block.overall, reason) for reason in REASONS}
    if told != wanted:
        yield f"images without a prediction are {plain(told or 'none')}, the predictions have {wanted or 'none'}"
    for name, surplus, there in zip(made.classes, more, counts, strict=True):
        if surplus < 0 or (surplus and not wanted):
            yield f"{there} are predicted {name!r}, its confusion table says {there + surplus:g}"


def _scores(report: Report, table: NDArray[np.float64]) -> Iterator[str]:
    counts = Tally(table.sum(axis=1), table.sum(axis=0), np.diag(table))
    versions = report.provenance.metric_versions
    for name, cell in report.overall.items():
        metric = METRICS.get(name)
        if versions.get(name) != metric.version:
            yield f"made with other metric versions: {name} {plain(versions.get(name))} -> {metric.version}"
        elif metric.kind == "counts" and metric.view == "classes" and not metric.needs_order:
            yield from _apart(f"overall.{name}", cell, float(metric.score(counts)))
    for key, values in {"precision": precision(counts), "recall": recall(counts), "f1": f1(counts)}.items():
        for name, value in zip(report.classes, values, strict=True):
            row = report.per_class.get(name)
            yield from _apart(f"per_class.{name}.{key}", None if row is None else getattr(row, key), float(value))


def _apart(where: str, cell: Cell | None, value: float) -> Iterator[str]:
    stored = None if cell is None else cell.value
    same = np.isnan(value) if stored is None else abs(stored - value) <= TOLERANCE
    if not same:
        yield f"{where}.value is {plain(stored)}, its confusion table gives {value:.6f}"


def _sizes(report: Report) -> dict[str, int]:
    """Return the numbers of images by class and group, which depend only on the truth."""
    matrix = report.confusion.matrix
    sizes = {f"class {name}": sum(row) for name, row in zip(report.classes, matrix, strict=False)}
    for feature, block in report.features.items():
        sizes |= {f"{feature} {name}": group.n for name, group in block.groups.items()}
    return sizes
