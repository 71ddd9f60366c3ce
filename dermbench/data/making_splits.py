"""Choose the split of a release: fixed by the release or its packaged task, newly made, or a hold-out."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING

import pandas as pd

from dermbench.data.holdout import hold_out
from dermbench.data.splits import DEFAULT_FRACTIONS, assign_splits, check_fractions, split_digest
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dermbench.data.splits import SplitRule
    from dermbench.tasks import Task

FOLDER = "splits"
RELEASED = "fixed by the release"
STRATIFIED = "grouped, stratified by class and skin type"
HASHED = "by the hash of the unit"


@dataclass(frozen=True)
class SplitMade:
    """The split of a release's whole table.

    Attributes
    ----------
    split
        ``train``, ``val`` or ``test`` of each row that stays, on the index of the table.
    scheme
        How it was made, in words.
    given
        Fixed split of each image, by image id. Images fixed in ``train`` may still become ``val``; images without
        a value may join any split.
    left_out
        Number of rows that are in no split, by reason.
    remarks
        Sentences for the reader of ``dataset.toml``.
    """

    split: pd.Series
    scheme: str
    given: pd.Series
    left_out: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def make_split(table: pd.DataFrame, task: Task | None, rule: SplitRule, *, seed: int) -> SplitMade:
    """Return the split of a release's whole table.

    Parameters
    ----------
    table
        One row an image, standard columns.
    task
        Packaged task of the release; None when the user asked for a variant of it.
    rule
        Rule that the user asks for.
    seed
        Seed of a split that is not fixed.

    Raises
    ------
    UsageError
        As for :func:`is_frozen` and :func:`dermbench.data.holdout.hold_out`.
    """
    if rule.holdout:
        held = hold_out(table, rule.holdout)
        part = table.loc[held.split.index].assign(split=held.split)
        split = assign_splits(part, rule, seed=seed)
        return SplitMade(split, f"held out: {rule.holdout}", _by_id(part), held.left_out)
    if task is not None and is_frozen(task, rule, seed):
        whole = table.assign(split=assign_splits(apply_list(table, task), rule, seed=seed))
        remarks = tuple(compare_digest(whole, task))
        return SplitMade(whole["split"], f"fixed by {task.name}", _by_id(whole), remarks=remarks)
    own = table if rule.by == "released" else table.drop(columns="split", errors="ignore")
    split = assign_splits(own, rule, seed=seed)
    given = _by_id(own if "split" in own else own.assign(split=None))
    scheme = HASHED if rule.by == "hash" else STRATIFIED
    whole_given = given.notna().all() and "val" in set(given)
    return SplitMade(split, RELEASED if whole_given else scheme, given)


def _by_id(table: pd.DataFrame) -> pd.Series:
    given: pd.Series = table.set_index("image_id")["split"].astype("string")
    return given


def is_frozen(task: Task, rule: SplitRule, seed: int) -> bool:
    """Return whether the packaged task fixes its split and the user asks for no other.

    Raises
    ------
    UsageError
        When the task fixes its split and the user gives a seed or shares for it.
    """
    if not (task.split_list or task.split_digest) or rule.by != "released" or rule.holdout:
        return False
    if seed != 0 or rule.shares != check_fractions(DEFAULT_FRACTIONS):
        raise UsageError(
            f"the split of {task.name} is fixed, --seed and --split-fractions do not change it",
            remedy="--split-by stratified makes another one.",
        )
    return True


def apply_list(table: pd.DataFrame, task: Task) -> pd.DataFrame:
    """Return the table with the split of the task's list; images not on the list go to train.

    A test split of the release is kept.
    """
    if not task.split_list:
        return table
    listed = read_list(task.split_list)
    named = table["image_id"].map(listed).astype("string").fillna("train")
    if "split" in table:
        named = named.mask(table["split"] == "test", "test")
    return table.assign(split=named)


def read_list(name: str) -> pd.Series:
    """Return the split of each image that a packaged list names, by image id."""
    text = (files("dermbench.tasks") / FOLDER / f"{name}.csv").read_text(encoding="utf-8")
    rows = pd.read_csv(io.StringIO(text), dtype="string")
    return rows.set_index("image_id")["split"]


def compare_digest(table: pd.DataFrame, task: Task) -> list[str]:
    """Warn when the split of a whole release is not the published split of the task."""
    if not task.split_digest or split_digest(table) == task.split_digest:
        return []
    text = (
        f"the split is not the published split of {task.name}, because the table is not the published one; "
        f"compare results only with others on this dataset"
    )
    return [text]
