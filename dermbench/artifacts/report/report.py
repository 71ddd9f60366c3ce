"""The report: every number with its n and interval; undefined is ``null`` with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from dermbench.artifacts.guarded import read_json
from dermbench.artifacts.records import Record
from dermbench.artifacts.report.adjusted import Adjusted
from dermbench.artifacts.report.calibration import Calibration
from dermbench.artifacts.report.clinical import Clinical, OperatingPoint
from dermbench.artifacts.report.disparity import Disparity
from dermbench.artifacts.report.features import Feature
from dermbench.artifacts.report.no_answer import NoAnswer
from dermbench.artifacts.report.parts import DRAWN, OF_THIS_MACHINE, Cell, OrUndefined, Part
from dermbench.artifacts.report.skin_error import SkinTypeError
from dermbench.artifacts.report.writing import compact_json
from dermbench.errors import DermbenchError, InputError, name_some

SCHEMA = "dermbench.report/2"
OLD_SCHEMA = "dermbench.report/1"


class Unit(Part):
    """The unit that is resampled and permuted as a whole.

    Attributes
    ----------
    column
        Column of the truth (``patient_id`` ...); None if images count as independent.
    count
        Number of units.
    """

    column: str | None
    count: int = Field(ge=0)


class Provenance(Part):
    """Origin of the numbers.

    Attributes
    ----------
    version
        Version of dermbench.
    environment
        {package: version}.
    seed, resamples
        Seed, and number of resamples and permutations.
    metric_versions
        {metric: version of its definition}.
    predictions_digest, truth_digest
        Content hashes of predictions and truth.
    unit
        The unit that is resampled.
    interpreted
        Interpretations of the input, in sentences: mapped class names, missing predictions, combined images.
    """

    version: Annotated[str, OF_THIS_MACHINE]
    environment: Annotated[dict[str, str], OF_THIS_MACHINE]
    seed: int
    resamples: int = Field(ge=1)
    metric_versions: dict[str, int]
    predictions_digest: str
    truth_digest: str
    unit: Unit
    interpreted: tuple[str, ...]


class SummarySentence(Part):
    """One sentence of the summary.

    Attributes
    ----------
    kind
        ``tested``: model, test set and groups. ``no_answer``: images without a usable prediction, by skin type.
        ``positive``: recognised positive images, overall and by skin type. ``classes``: the best and worst
        classes. ``primary``: the answer to the primary question. ``groups``: its worst and best group. ``fails``:
        classes and groups with the lowest recall. ``limits``: what the data cannot show.
    text
        The sentence.
    """

    kind: Literal["tested", "no_answer", "positive", "classes", "primary", "groups", "fails", "limits"]
    text: str


class ClassRow(Part):
    """One class.

    Attributes
    ----------
    precision, recall, f1
        Scores of the class.
    support
        Number of images of the class.
    """

    precision: Cell
    recall: Cell
    f1: Cell
    support: int = Field(ge=0)


class Extremes(Part):
    """The classes with the highest and the lowest F1.

    Attributes
    ----------
    best, worst
        At most three names each, the extreme ones first; no class is in both.
    """

    best: tuple[str, ...] = Field(max_length=3)
    worst: tuple[str, ...] = Field(max_length=3)


class Confusion(Part):
    """The confusion matrix.

    Attributes
    ----------
    labels
        Names of the classes.
    matrix
        Counts; rows are true classes, columns are predicted classes.
    """

    labels: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]

    @model_validator(mode="after")
    def _is_square(self) -> Self:
        size = len(self.labels)
        if [len(row) for row in self.matrix] != [size] * size:
            raise ValueError(f"the matrix is not {size} by {size}")
        return self


class Positive(Part):
    """Classes that count as positive.

    Attributes
    ----------
    classes
        Names of the positive classes, in the order of the class set; never all classes.
    source
        Source of the choice: the user (``--positive``), the ``malignancy`` of every class, or the name of one of
        two classes (``class name``).
    leads
        Whether the report starts with sensitivity and specificity, because the user named the classes or there are
        only two classes.
    """

    classes: tuple[str, ...] = Field(min_length=1)
    source: Literal["--positive", "malignancy", "class name"]
    leads: bool

    @property
    def sentence(self) -> str | None:
        """Sentence on a choice by class name; None if the user or the malignancy of the classes decides."""
        if self.source != "class name":
            return None
        return f"The class {self.classes[0]} counts as positive, by its name; --positive CLASS says otherwise."


class Primary(Part):
    """The primary question, declared before the results are known.

    Attributes
    ----------
    metric, feature
        Metric and sensitive feature of the gap.
    """

    metric: str
    feature: str


class Family(Part):
    """The tests of gaps in a report.

    Attributes
    ----------
    n_questions
        Number of rows with a p-value, including the primary one.
    features, metrics
        Features, and metrics with a test.
    adjustment
        Correction of secondary p-values, in words.
    """

    n_questions: int = Field(ge=0)
    features: tuple[str, ...]
    metrics: tuple[str, ...]
    adjustment: str


class WithoutTwins(Part):
    """Scores without the images that show the same photograph as an image that the model may have seen.

    Attributes
    ----------
    n
        Number of remaining images or cases.
    overall
        {metric: value} of these images.
    primary
        The primary question for these images; None without a sensitive feature.
    """

    n: int = Field(ge=0)
    overall: dict[str, Cell]
    primary: OrUndefined[Disparity] | None


class Report(Record):
    """Content of ``report.json``.

    Attributes
    ----------
    task, split
        Name of the task, and of the evaluated split.
    n
        Number of images.
    classes
        Class set of the task, in order.
    model
        Name of the model; None if not given.
    provenance
        Origin of the numbers.
    summary
        Three to eight sentences, made from the rest of the report.
    overall
        {metric: value}.
    per_class
        {class: its scores}.
    class_extremes
        The best and the worst classes.
    confusion
        The confusion matrix.
    calibration
        Calibration and abstention, or the reason why they are undefined.
    positive
        Classes that count as positive; None if unknown.
    operating_points
        First the predicted class, then the operating points of the user. Empty unless positive classes lead or the
        user asks for points.
    clinical
        ROC and decision curves; None without probabilities, and unless positive classes lead or the user asks for
        points.
    primary
        The primary question; None without a sensitive feature.
    family
        All tests of gaps; None without a sensitive feature.
    features
        {sensitive feature: its numbers}.
    no_answer
        Images without a usable prediction, which count as wrong; None if the predictions do not record it.
    without_twins
        Scores without the images that have a twin in training data; None if twins are unknown.
    adjusted
        The primary comparison adjusted for further columns; None if no columns were named.
    skin_type_error
        The primary gap corrected for errors in the skin types; None if not requested.
    notes
        Notes for readers, in sentences.
    """

    schema_: Literal["dermbench.report/2"] = Field("dermbench.report/2", alias="schema")
    task: str
    split: str
    n: int = Field(ge=0)
    classes: tuple[str, ...]
    model: str | None
    provenance: Provenance
    summary: Annotated[tuple[SummarySentence, ...], DRAWN]
    overall: dict[str, Cell]
    per_class: dict[str, ClassRow]
    class_extremes: Extremes
    confusion: Confusion
    calibration: OrUndefined[Calibration]
    positive: Positive | None = None
    operating_points: tuple[OperatingPoint, ...] = ()
    clinical: Clinical | None = None
    primary: Primary | None
    family: Family | None
    features: dict[str, Feature]
    no_answer: NoAnswer | None = None
    without_twins: WithoutTwins | None = None
    adjusted: OrUndefined[Adjusted] | None = None
    skin_type_error: OrUndefined[SkinTypeError] | None = None
    notes: tuple[str, ...]

    @model_validator(mode="after")
    def _has_one_primary_row(self) -> Self:
        chosen = None if self.primary is None else (self.primary.feature, self.primary.metric)
        problems = [
            f"{metric} by {name} is called {row.role}, the primary question is {chosen}"
            for name, feature in self.features.items()
            for metric, row in feature.disparities.items()
            if isinstance(row, Disparity) and (row.role == "primary") != ((name, metric) == chosen)
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def first_metrics(self) -> tuple[str, ...]:
        """Metrics that come before all others; empty unless positive classes lead."""
        return ("sensitivity", "specificity") if self.positive is not None and self.positive.leads else ()

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read and validate ``report.json``.

        Raises
        ------
        UsageError
            When there is no such file.
        InputError
            With all problems of the file; with a single problem for a report of version 1 and for another
            document, such as a comparison.
        """
        try:
            return super().read(path)
        except InputError as error:
            schema = _schema_of(path)
            if schema in {None, SCHEMA}:
                raise
            if schema == OLD_SCHEMA:
                problem, remedy = "made by an older version of dermbench", "Evaluate again: dermbench eval."
            else:
                problem = f"has the schema {name_some([schema])}; {SCHEMA!r} is needed"
                remedy = "Give the report.json of dermbench eval."
            raise InputError(path, [problem], remedy=remedy) from error

    def text(self) -> str:
        """Return the text of the file: sorted keys, one cell per line."""
        return compact_json(self.document())


def _schema_of(path: Path | str) -> object:
    try:
        found = read_json(path)
    except DermbenchError:
        return None
    return found.get("schema") if isinstance(found, dict) else None


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``report.json``; ``drawn`` marks fields that depend on random draws."""
    return Report.model_json_schema(by_alias=True)
