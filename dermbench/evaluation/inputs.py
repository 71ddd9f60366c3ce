"""Reading what ``eval`` and ``compare`` work on: a truth, and predictions for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dermbench.artifacts.columns import find_column
from dermbench.artifacts.manifest import read_dataset
from dermbench.artifacts.predictions import read_predictions
from dermbench.artifacts.tables import read_table
from dermbench.artifacts.truth import read_truth
from dermbench.errors import InputError, UsageError
from dermbench.tasks import load_task, task_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.truth import Truth

DEFAULT_SPLIT = "test"


@dataclass(frozen=True)
class Reference:
    """A truth, and what is needed to read predictions for it.

    Attributes
    ----------
    truth
        Labels and sensitive features of one split.
    ignore_ids
        Ids of other splits, which a predictions file may hold as well.
    aliases
        Further spellings of classes.
    classes_from_truth
        Whether the class set is nothing but the labels that occur in the truth.
    """

    truth: Truth
    ignore_ids: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)
    classes_from_truth: bool = False

    def read(self, path: Path | str) -> Predictions:
        """Read a predictions file for exactly the images of the truth.

        Raises
        ------
        InputError
            With all problems of the file in one message.
        """
        try:
            return read_predictions(path, self.truth, aliases=self.aliases, ignore_ids=self.ignore_ids)
        except InputError as error:
            if not (self.classes_from_truth and any("class" in problem for problem in error.problems)):
                raise
            remedy = "The class set is the labels of the truth; name all classes with --classes or --task."
            raise InputError(error.source, error.problems, remedy=remedy) from error


def load_reference(
    *,
    data: Path | None = None,
    truth: Path | None = None,
    split: str | None = None,
    task: str | None = None,
    classes: Sequence[str] = (),
) -> Reference:
    """Read the truth from a dataset folder or from a table.

    Parameters
    ----------
    data
        Dataset folder; ``split`` is ``test`` by default.
    truth
        Table with ``image_id`` and ``label``; all rows by default, or those of ``split``.
    split
        Part of the images to evaluate.
    task
        Packaged task that the table is of.
    classes
        Class set of the table; by default that of the task, else the labels that occur.

    Raises
    ------
    UsageError
        When not exactly one of ``data`` and ``truth`` is given, or options do not fit.
    InputError
        When a file is malformed.
    """
    if (data is None) == (truth is None):
        raise UsageError("give the truth either with --data DATASET or with --truth TABLE")
    if data is not None:
        if task or classes:
            raise UsageError("--task and --classes go with --truth; a dataset folder brings its own")
        return _from_dataset(data, split or DEFAULT_SPLIT)
    assert truth is not None
    return _from_table(truth, split, task, tuple(classes))


def _from_dataset(folder: Path, split: str) -> Reference:
    dataset = read_dataset(folder)
    ids = dataset.manifest["image_id"]
    others = frozenset(ids[dataset.manifest["split"] != split])
    name = dataset.info.task
    aliases = load_task(name).aliases if name in task_names() else {}
    return Reference(dataset.truth(split), others, aliases)


def _from_table(path: Path, split: str | None, task: str | None, classes: tuple[str, ...]) -> Reference:
    about: dict[str, object] = {"classes": classes, "task": Path(path).stem}
    aliases: Mapping[str, str] = {}
    if task is not None:
        definition = load_task(task)
        aliases = definition.aliases
        about = {
            "classes": classes or definition.classes,
            "task": task,
            "aliases": aliases,
            "malignancy": definition.malignancy,
            "ordered": definition.ordered,
            "sensitive": definition.sensitive,
        }
    truth = read_truth(path, split=split, **about)
    if task is not None and len(truth.classes) != load_task(task).n_classes:
        raise UsageError(
            f"task {task!r} has {load_task(task).n_classes} classes, {path} has labels of {len(truth.classes)}",
            remedy="Name all classes with --classes.",
        )
    return Reference(truth, _other_ids(path, truth) if split else frozenset(), aliases, not about["classes"])


def _other_ids(path: Path, truth: Truth) -> frozenset[str]:
    table = read_table(path)
    column = find_column(table, "image_id")
    ids = set() if column is None else set(table[column].astype(str))
    return frozenset(ids - set(truth.image_id))
