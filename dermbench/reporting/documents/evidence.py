"""Read the records behind a document: a report, and the run and dataset that belong to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dermbench.artifacts.cases import CASES, find_cases
from dermbench.artifacts.hashing import table_digest
from dermbench.artifacts.manifest import Dataset, read_dataset
from dermbench.artifacts.report import Report
from dermbench.artifacts.run import PREDICTIONS, RUN, RunRecord
from dermbench.artifacts.tables import read_table
from dermbench.errors import DermbenchError, InputError, UsageError, name_some

if TYPE_CHECKING:
    from collections.abc import Iterator

REPORT = "report.json"
TABLES = (".parquet", ".csv")
"""Suffixes of the predictions that a run folder keeps."""


@dataclass(frozen=True)
class Evidence:
    """Records about an evaluated model.

    Attributes
    ----------
    report
        The evaluation.
    run
        The training run; None if not given.
    dataset
        The dataset whose split was evaluated; None if not given.
    kept
        Whether the run folder contains the evaluated predictions (equal content hash). If not, nothing but the
        user's word shows that the run made them.
    """

    report: Report
    run: RunRecord | None = None
    dataset: Dataset | None = None
    kept: bool = False

    @property
    def trained_on_dataset(self) -> bool:
        """Whether the run was trained on the given dataset, according to its content hash."""
        if self.run is None or self.dataset is None:
            return False
        return self.run.dataset_digest == self.dataset.info.digest


def gather(report: Path | str, *, run: Path | str | None = None, data: Path | str | None = None) -> Evidence:
    """Read a report, and the run and dataset that belong to it.

    Parameters
    ----------
    report
        ``report.json``, or its folder.
    run
        Run folder, or its ``run.json``.
    data
        Dataset folder.

    Raises
    ------
    UsageError
        When a file or folder does not exist.
    InputError
        When a record is malformed, the run was trained on other classes than the report has, or the dataset lacks
        the evaluated images, labels or skin types.
    """
    place = Path(report)
    read = Report.read(place / REPORT if place.is_dir() else place)
    record, kept = (None, False) if run is None else _run_of(read, Path(run))
    dataset = None if data is None else read_dataset(data)
    if dataset is not None:
        _check_dataset(read, dataset)
    return Evidence(read, record, dataset, kept)


def _run_of(report: Report, place: Path) -> tuple[RunRecord, bool]:
    path = place / RUN if place.is_dir() else place
    record = RunRecord.read(path)
    if set(record.classes) != set(report.classes):
        raise InputError(
            path,
            [f"was trained on {_classes(record.classes)}; the report has {_classes(report.classes)}"],
            remedy="Give the run of the model that was evaluated, or leave out --run.",
        )
    return record, report.provenance.predictions_digest in _digests(path.parent)


def _digests(folder: Path) -> Iterator[str]:
    """Yield the content hash of each predictions table that a run folder keeps."""
    for place in (folder / PREDICTIONS, folder):
        for file in sorted(place.iterdir()) if place.is_dir() else ():
            if file.suffix in TABLES and (place != folder or file.stem == PREDICTIONS):
                try:
                    table = read_table(file).frame
                except DermbenchError:
                    continue
                if "image_id" in table:
                    yield table_digest(table)


def _classes(names: tuple[str, ...]) -> str:
    return f"{len(names):,} classes ({name_some(names)})"


def _check_dataset(report: Report, dataset: Dataset) -> None:
    info, problems = dataset.info, []
    if info.task != report.task:
        problems.append(f"has the task {info.task!r}; the report has {report.task!r}")
    if info.classes != report.classes:
        problems.append(f"has {_classes(info.classes)}; the report has {_classes(report.classes)}")
    if not problems and report.provenance.truth_digest not in _truths(report, dataset):
        problems.append(
            f"differs from what was evaluated as split {report.split!r}: ids, labels and skin types have another "
            "content hash"
        )
    if problems:
        raise InputError(
            dataset.root,
            problems,
            remedy="Give the dataset that was evaluated, evaluate again on this one, or leave out --data.",
        )


def _truths(report: Report, dataset: Dataset) -> Iterator[str]:
    """Yield the content hash of the evaluated split: by image, then by lesion and by patient."""
    try:
        truth = dataset.truth(report.split)
    except UsageError:
        return
    yield truth.digest
    for column in CASES:
        try:
            yield find_cases(truth, column).truth.digest
        except UsageError:
            continue
