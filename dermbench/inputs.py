"""Read the inputs of ``eval`` and ``compare``: the truth, and predictions for it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from dermbench.artifacts.cases import Cases, find_cases
from dermbench.artifacts.class_map import ClassMap, MapSource, read_class_map
from dermbench.artifacts.columns import choose_columns, find_column, is_skin_type
from dermbench.artifacts.duplicates import dataset_duplicates, twins_in_training
from dermbench.artifacts.feature_names import standard_feature
from dermbench.artifacts.manifest import Dataset, read_dataset
from dermbench.artifacts.positive import chosen_classes
from dermbench.artifacts.predictions import Predictions, UnknownClassError, read_predictions
from dermbench.artifacts.tables import Table, TableSource, read_table, source_name
from dermbench.artifacts.text_form import to_text
from dermbench.artifacts.truth import Truth, read_truth
from dermbench.artifacts.wrong_answers import add_missing, count_as_wrong
from dermbench.errors import InputError, UsageError
from dermbench.evaluation.core.groups import default_features
from dermbench.tasks import load_task, task_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dermbench.artifacts.scales import Scales
    from dermbench.tasks import Task

DEFAULT_SPLIT = "test"
MissingRule = Literal["refuse", "wrong"]
"""How images without a prediction are treated."""
PredictionsSource = TableSource | Predictions
TruthSource = TableSource | Truth
DataSource = Path | str | Dataset


@dataclass(frozen=True)
class Reference:
    """The truth, and the rules for reading predictions for it.

    Attributes
    ----------
    images
        Labels and sensitive features of one split, one row per image.
    ignore_ids
        Ids of other splits; predictions for them are ignored.
    task
        The packaged task that the truth belongs to, if any.
    classes_from_truth
        Whether the class set was taken from the labels that occur in the truth.
    class_map
        Map from the model's classes to the truth's classes.
    missing
        Images without a prediction: ``refuse`` the file, or count them as ``wrong``.
    cases
        Lesions or patients that are scored instead of images.
    features
        Sensitive features to evaluate.
    id_column
        Id column, if the user named it.
    truth_has_id
        Whether the truth has that column; the predictions then need not have it.
    logits
        Whether predictions hold logits instead of probabilities.
    classes_given
        Whether the user named the classes; class numbers then follow their order.
    dataset
        The dataset that the truth is a split of.
    """

    images: Truth
    ignore_ids: frozenset[str] = frozenset()
    task: Task | None = None
    classes_from_truth: bool = False
    class_map: ClassMap | None = None
    missing: MissingRule = "refuse"
    cases: Cases | None = None
    features: tuple[str, ...] = field(default=(), kw_only=True)
    id_column: str | None = field(default=None, kw_only=True)
    truth_has_id: bool = field(default=False, kw_only=True)
    logits: bool = field(default=False, kw_only=True)
    classes_given: bool = field(default=False, kw_only=True)
    dataset: Dataset | None = field(default=None, kw_only=True)

    @property
    def truth(self) -> Truth:
        """The truth that predictions are scored against: one row per image, or one per case."""
        return self.images if self.cases is None else self.cases.truth

    @property
    def aliases(self) -> Mapping[str, str]:
        """Further spellings of the classes."""
        return {} if self.task is None else self.task.aliases

    def twins(self) -> frozenset[str] | None:
        """Return the ids of :attr:`truth` that have a duplicate image in train or val; None when unknown.

        Raises
        ------
        InputError
            When the dataset's file of duplicates is malformed or was made for another manifest.
        """
        duplicates = None if self.dataset is None else dataset_duplicates(self.dataset)
        if self.dataset is None or duplicates is None:
            return None
        images = twins_in_training(self.dataset, self.images.split, duplicates)
        if self.cases is None:
            return images
        has_twin = np.isin(self.images.image_id.astype(str), list(images))
        return frozenset(self.cases.truth.image_id[self.cases.code[has_twin]])

    def read(self, source: PredictionsSource) -> Predictions:
        """Read predictions for exactly the rows of :attr:`truth`.

        Raises
        ------
        InputError
            With all problems of the predictions in one message.
        """
        made = self._read_images(source)
        if self.missing == "wrong":
            made = add_missing(made, self.images, source=_name(source))
        if self.cases is None:
            return made
        columns = [part.strip() for feature in self.features for part in feature.split(",")]
        return self.cases.combine(count_as_wrong(made, self.images), columns)

    def _read_images(self, source: PredictionsSource) -> Predictions:
        if isinstance(source, Predictions):
            if self._fits(source):
                return source
            again = self._read_images(source.table())
            return replace(again, interpreted=(*source.interpreted, *again.interpreted))
        read = partial(
            read_predictions,
            source,
            self.images,
            aliases=self.aliases,
            ignore_ids=self.ignore_ids,
            class_map=self.class_map,
            partial=self.missing == "wrong",
            logits=self.logits,
            indices=self.classes_given,
        )
        try:
            return self._named_ids(read)
        except UnknownClassError as error:
            if error.remedy is not None:
                raise
            remedy = "If the model names the classes differently, give a class map: --map FILE."
            if self.classes_from_truth:
                remedy = (
                    "The classes are the labels found in the truth; name all classes with --classes or --task."
                )
            raise InputError(error.source, error.problems, remedy=remedy) from error

    def _named_ids(self, read: Callable[..., Predictions]) -> Predictions:
        """Read predictions with the id column that the user named, or without it if only the truth has it."""
        try:
            return read(id_column=self.id_column)
        except UsageError:
            if self.id_column is None or not self.truth_has_id:
                raise
        return read()

    def _fits(self, made: Predictions) -> bool:
        same = made.classes == self.images.classes and np.array_equal(made.image_id, self.images.image_id)
        return same and self.class_map is None


def load_reference(
    *,
    data: DataSource | None = None,
    truth: TruthSource | None = None,
    split: str | None = None,
    task: str | None = None,
    classes: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
) -> Reference:
    """Read the truth from a dataset folder or from a table.

    Parameters
    ----------
    data
        Dataset folder; ``split`` is ``test`` by default.
    truth
        Table with ``image_id`` and ``label``: all rows by default, or the rows of ``split``. Or a ``Truth``, which
        has its own split, task and classes.
    split
        Split to evaluate.
    task
        Packaged task that the table belongs to.
    classes
        Classes of the table; by default the classes of the task, else the labels that occur.
    columns
        {standard name: column of the table} for ``image_id``, ``label`` and ``fst``, where the user named them.

    Raises
    ------
    UsageError
        When both or neither of ``data`` and ``truth`` are given, or the options do not fit together.
    InputError
        When a file is malformed.
    """
    if (data is None) == (truth is None):
        raise UsageError("give the true labels either with --data DATASET or with --truth TABLE")
    if data is not None:
        if task or classes or set(columns or {}) - {"image_id"}:
            raise UsageError("--task, --classes, --label and --fst go with --truth; a dataset folder has its own")
        return replace(_from_dataset(data, split or DEFAULT_SPLIT), id_column=(columns or {}).get("image_id"))
    if isinstance(truth, Truth):
        if split or task or classes or columns:
            raise UsageError("--split, --task, --classes, --label and --fst go with a table; a Truth has its own")
        return Reference(truth, task=_packaged(truth.task))
    assert truth is not None
    return _from_table(truth, split, task, tuple(classes), dict(columns or {}))


def named_columns(**columns: str | None) -> dict[str, str]:
    """Return {standard name: column} for those of the options ``id``, ``label`` and ``fst`` that are given."""
    return {"image_id" if name == "id" else name: column for name, column in columns.items() if column is not None}


def adapt(
    reference: Reference,
    *,
    class_map: MapSource | None = None,
    aggregate: str | None = None,
    missing: str = "refuse",
    sensitive: Sequence[str] | None = None,
    scales: Scales | None = None,
    positive: Sequence[str] = (),
    logits: bool = False,
) -> Reference:
    """Return the reference with a class map, a rule for missing predictions, and cases instead of images.

    Parameters
    ----------
    reference
        As :func:`load_reference` returns it.
    class_map
        See :func:`~dermbench.artifacts.class_map.read_class_map`.
    aggregate
        ``lesion_id`` or ``patient_id``; see :func:`~dermbench.artifacts.cases.find_cases`. Images without a usable
        prediction are counted as wrong before they are aggregated.
    missing
        ``refuse`` or ``wrong``; see :func:`~dermbench.artifacts.wrong_answers.count_as_wrong`.
    sensitive
        Sensitive features to evaluate; by default those of the task.
    scales
        Columns with ordered values, and columns to put into bands.
    positive
        Positive classes; by default those that :func:`~dermbench.artifacts.positive.positive_classes` finds.
    logits
        Whether predictions hold logits instead of probabilities.

    Raises
    ------
    UsageError
        When ``missing`` is unknown, images cannot be aggregated, ``positive`` names an unknown class or all
        classes, or ``scales`` name a column that is not evaluated or is a skin type.
    InputError
        When the class map is malformed.
    """
    rules: dict[str, MissingRule] = {rule: rule for rule in get_args(MissingRule)}
    if missing not in rules:
        raise UsageError(f"--missing {missing}: write {' or '.join(rules)}")
    images = reference.images
    names = [str(name) for name in images.table.columns]
    features = default_features(images)
    if sensitive is not None:
        features = tuple(standard_feature(names, name) for name in sensitive)
    if scales is not None and scales.columns:
        images = replace(images, scales=scales.renamed({c: standard_feature(names, c) for c in scales.columns}))
    _check_scales(images.scales, features)
    if positive:
        images = replace(images, named_positive=chosen_classes(positive, images.classes, reference.aliases))
    if images.positive is not None and images.positive.sentence is not None:
        images = replace(images, interpreted=(*images.interpreted, images.positive.sentence))
    mapping = None
    if class_map is not None:
        mapping = read_class_map(class_map, images.classes, aliases=reference.aliases)
    return replace(
        reference,
        images=images,
        class_map=mapping,
        missing=rules[missing],
        cases=None if aggregate is None else find_cases(images, aggregate),
        features=features,
        logits=logits,
    )


def _check_scales(scales: Scales, features: Sequence[str]) -> None:
    parts = {part.strip() for feature in features for part in feature.split(",")}
    for name in scales.columns:
        option = "--ordered" if name in scales.ordered else "--bins"
        if name not in parts:
            raise UsageError(
                f"{option} {name}: {name!r} is not among the sensitive features to evaluate",
                remedy=f"Add --sensitive {name}",
            )
        if is_skin_type(name) or name == "fst_band":
            raise UsageError(f"{option} {name}: skin types are ordered already; fst_band has bands of two types")


def _name(source: PredictionsSource) -> Path | str:
    return "<Predictions>" if isinstance(source, Predictions) else source_name(source)


def _packaged(name: str) -> Task | None:
    return load_task(name) if name in task_names() else None


def _from_dataset(source: DataSource, split: str) -> Reference:
    dataset = source if isinstance(source, Dataset) else read_dataset(Path(source))
    ids = dataset.manifest["image_id"]
    others = frozenset(ids[dataset.manifest["split"] != split])
    return Reference(dataset.truth(split), others, _packaged(dataset.info.task), dataset=dataset)


def _from_table(
    source: TableSource,
    split: str | None,
    task: str | None,
    classes: tuple[str, ...],
    columns: Mapping[str, str],
) -> Reference:
    definition = None if task is None else load_task(task)
    table = read_table(source)
    stem = "unnamed" if isinstance(source, pd.DataFrame) else Path(table.source).stem
    about: dict[str, Any] = {"classes": classes, "task": stem}
    if definition is not None:
        about = {
            "classes": classes or definition.classes,
            "task": task,
            "aliases": definition.aliases,
            "malignancy": definition.malignancy,
            "ordered": definition.ordered,
            "sensitive": definition.sensitive,
        }
    own = "" if definition is None else definition.label_column
    found = _columns_in_table(table.frame, columns, own)
    truth = read_truth(table, split=split, columns=found, **about)
    if definition is not None and len(truth.classes) != definition.n_classes:
        raise UsageError(
            f"task {task!r} has {definition.n_classes} classes, {table.source} has {len(truth.classes)} labels",
            remedy="Name all classes with --classes.",
        )
    others = _other_ids(table, truth, found) if split else frozenset()
    return Reference(
        truth,
        others,
        definition,
        classes_from_truth=not about["classes"],
        id_column=columns.get("image_id"),
        truth_has_id="image_id" in found,
        classes_given=bool(classes),
    )


def _columns_in_table(table: pd.DataFrame, columns: Mapping[str, str], own: str) -> Mapping[str, str]:
    """Return the columns that the user named, and the label column of the task's release if the table has it.

    An id column that only the predictions have is left out.
    """
    if not own and "image_id" not in columns:
        return columns
    found = dict(columns)
    if own in table:
        found.setdefault("label", own)
    if "image_id" in found and found["image_id"] not in table and find_column(table, "image_id") is not None:
        del found["image_id"]
    return found


def _other_ids(table: Table, truth: Truth, columns: Mapping[str, str]) -> frozenset[str]:
    column = choose_columns(table.frame, source=table.source, given=columns)["image_id"]
    return frozenset(set(to_text(table.frame[column]).dropna()) - set(truth.image_id))
