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
    """What is resampled and permuted as a whole.

    Attributes
    ----------
    column
        Column of the truth (``patient_id`` ...); None when images count as independent.
    count
        Number of units.
    """

    column: str | None
    count: int = Field(ge=0)


class Provenance(Part):
    """Where the numbers come from.

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
        Content hashes of what was evaluated.
    unit
        What is resampled.
    interpreted
        What was read otherwise than written, in words: mapped class names, missing predictions, aggregated images.
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
        ``tested``: what was tested on whom. ``no_answer``: how many images have no usable prediction, by skin
        type. ``positive``: how many positive images are recognised, in all and by skin type. ``classes``: the
        best and worst classes. ``primary``: the answer to the primary question. ``groups``: its worst and its best
        group. ``fails``: where recall is lowest. ``limits``: what the data cannot say.
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
        At most three names each, from the end inwards; no class is in both.
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
        Counts: rows are true classes, columns predicted ones.
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
        Their names, in the order of the class set; never all of it.
    source
        What says so: the user (``--positive``), the ``malignancy`` of every class, or the name of one class of two
        (``class name``).
    leads
        Whether a report starts with sensitivity and specificity: the user named the classes, or there are two.
    """

    classes: tuple[str, ...] = Field(min_length=1)
    source: Literal["--positive", "malignancy", "class name"]
    leads: bool

    @property
    def sentence(self) -> str | None:
        """Say it where nobody did; None where the user or the malignancy of the classes says it."""
        if self.source != "class name":
            return None
        return f"The class {self.classes[0]} counts as positive, by its name; --positive CLASS says otherwise."


class Primary(Part):
    """The primary question, declared before results are seen.

    Attributes
    ----------
    metric, feature
        Which gap it is about.
    """

    metric: str
    feature: str


class Family(Part):
    """The questions that a report asks about gaps.

    Attributes
    ----------
    n_questions
        Number of rows with a p-value, the primary one among them.
    features, metrics
        What is crossed.
    adjustment
        How secondary p-values are corrected, in words.
    """

    n_questions: int = Field(ge=0)
    features: tuple[str, ...]
    metrics: tuple[str, ...]
    adjustment: str


class WithoutTwins(Part):
    """The scores without images that show the same photograph as one that the model may have seen.

    Attributes
    ----------
    n
        Number of images, or cases, that are left.
    overall
        {metric: value} of these.
    primary
        The primary question, asked of these; None without a sensitive feature.
    """

    n: int = Field(ge=0)
    overall: dict[str, Cell]
    primary: OrUndefined[Disparity] | None


class Report(Record):
    """Content of ``report.json``.

    Attributes
    ----------
    task, split
        Name of the task, and of the split that was evaluated.
    n
        Number of images.
    classes
        Class set of the task, in order.
    model
        Name of the model; None when it was not given.
    provenance
        Where the numbers come from.
    summary
        Three to seven sentences, made from the rest of the report.
    overall
        {metric: value}.
    per_class
        {class: its scores}.
    class_extremes
        The best and the worst classes.
    confusion
        The confusion matrix.
    calibration
        What the probabilities are worth, or the reason why that is unknown.
    positive
        Classes that count as positive; None when none are declared.
    operating_points
        The predicted class, then every other way to call images positive that was asked for; empty unless positive
        classes lead.
    clinical
        ROC and decision curves; None unless positive classes lead and there are probabilities.
    primary
        The primary question; None without a sensitive feature.
    family
        All questions; None without a sensitive feature.
    features
        {sensitive feature: its numbers}.
    no_answer
        Images without a usable prediction, which count as wrong; None where every image has to have one.
    without_twins
        The scores without images that have a twin in training data; None where it is not known which have.
    adjusted
        The primary metric between groups, adjusted for further columns; None where none were named.
    skin_type_error
        The primary gap corrected for errors in the skin types; None where that was not asked for, or there is only
        one labelling.
    notes
        What a reader must know, in sentences.
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
        """Metrics that come before all others; empty where no positive class leads."""
        return ("sensitivity", "specificity") if self.positive is not None and self.positive.leads else ()

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read and validate ``report.json``.

        Raises
        ------
        UsageError
            When there is no such file.
        InputError
            With everything that is wrong with it; with one problem for a report of version 1, and for another
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
        """Return the bytes of the file: sorted keys, one cell a line."""
        return compact_json(self.document())


def _schema_of(path: Path | str) -> object:
    try:
        found = read_json(path)
    except DermbenchError:
        return None
    return found.get("schema") if isinstance(found, dict) else None


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``report.json``; ``drawn`` says which fields depend on random draws."""
    return Report.model_json_schema(by_alias=True)
