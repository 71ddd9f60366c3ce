"""Sentences about the classes of a report and the confusions between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dermbench.artifacts.report import Report

MOST = 8
"""Maximum number of classes, or of confusions, that a sentence names."""
SMALL_TABLE = 4
"""Maximum number of classes whose whole confusion matrix is written out."""


def supports(report: Report, names: Iterable[str]) -> str:
    """Return ``nevus 400, wart 20``: images per class, largest first."""
    known = [(report.per_class[name].support, name) for name in names if name in report.per_class]
    rows = sorted(known, key=lambda item: (-item[0], item[1]))
    shown = ", ".join(f"{name} {n:,}" for n, name in rows[:MOST])
    return shown + (f" and {len(rows) - MOST:,} rarer classes" if len(rows) > MOST else "")


def n_positive(report: Report) -> int:
    """Return the number of images of positive classes; 0 if there are none."""
    names = () if report.positive is None else report.positive.classes
    return sum(report.per_class[name].support for name in names if name in report.per_class)


def cross_table(report: Report) -> list[str]:
    """Return the cross table of positive and other images, or of a few classes; empty for many classes."""
    labels, matrix = report.confusion.labels, report.confusion.matrix
    sides = {label: label for label in labels}
    if report.positive is not None:
        sides = {label: "positive" if label in report.positive.classes else "not positive" for label in labels}
    names = tuple(dict.fromkeys(sides[label] for label in labels))
    if len(names) > SMALL_TABLE:
        return []
    counts = dict.fromkeys([(true, called) for true in names for called in names], 0)
    for true, row in zip(labels, matrix, strict=True):
        for called, n in zip(labels, row, strict=True):
            counts[sides[true], sides[called]] += n
    rows = [
        f"true {true}: " + ", ".join(f"{counts[true, called]:,} called {called}" for called in names)
        for true in names
    ]
    return [*positive(report), f"Cross table, by the predicted class: {'; '.join(rows)}."]


def positive(report: Report) -> list[str]:
    """Return the positive classes and the source of this choice."""
    found = report.positive
    return [] if found is None else [f"Positive classes: {', '.join(found.classes)} ({found.source})."]


def unanswered(report: Report) -> int:
    """Return the number of images without a usable prediction, which the confusion matrix counts as wrong."""
    return 0 if report.no_answer is None else report.no_answer.overall.absent


def confusions(report: Report) -> list[str]:
    """Return the number of correct images and the most frequent confusions."""
    labels, matrix = report.confusion.labels, report.confusion.matrix
    off = [
        (-n, true, called)
        for true, row in zip(labels, matrix, strict=True)
        for called, n in zip(labels, row, strict=True)
        if true != called and n
    ]
    right = sum(row[i] for i, row in enumerate(matrix))
    found = [f"{right:,} of {sum(map(sum, matrix)):,} images are put into their true class."]
    words = [f"{true} taken for {called}: {-n:,}" for n, true, called in sorted(off)[:MOST]]
    return [*found, f"Most frequent errors: {'; '.join(words)}."] if words else found
