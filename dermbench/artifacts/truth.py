"""The truth: labels, sensitive features and units of images, joined to predictions by ``image_id``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.column_types import reading_sentences, standardise
from dermbench.artifacts.columns import ALIASES, ALL, JOINED, UNITS, choose_columns, describe_columns
from dermbench.artifacts.hashing import table_digest
from dermbench.artifacts.label_column import SPELLING_REMEDY, folded_labels, match_column
from dermbench.artifacts.one_hot import read_one_hot
from dermbench.artifacts.positive import malignancy_by_class, positive_classes
from dermbench.artifacts.scales import Scales
from dermbench.artifacts.skin import band_name
from dermbench.artifacts.tables import TableSource, read_table, source_name
from dermbench.artifacts.text_form import id_problems
from dermbench.errors import InputError, UsageError, name_some

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from dermbench.artifacts.report import Positive


@dataclass(frozen=True)
class Truth:
    """One row per image of one split, sorted by ``image_id``.

    Attributes
    ----------
    table
        ``image_id`` (unique), ``label`` (one of ``classes``) and any further columns: sensitive features
        and the ids that group images.
    classes
        Ordered class set of the task; a class need not occur in ``table``.
    task, split
        Names for the report.
    malignancy
        {class: ``malignant``, ``benign`` or another group}; empty if unknown.
    named_positive
        Classes that the user names as positive; if empty, :attr:`positive` derives them.
    ordered
        Whether the classes have an order.
    sensitive
        Sensitive features to evaluate by default.
    scales
        Columns that the user declares as ordered or puts into bands.
    interpreted
        Deviations of the table from the standard form and how they were read, in sentences for the report.
    """

    table: pd.DataFrame
    classes: tuple[str, ...]
    task: str = "unnamed"
    split: str = ALL
    malignancy: Mapping[str, str] = field(default_factory=dict)
    named_positive: tuple[str, ...] = ()
    ordered: bool = False
    sensitive: tuple[str, ...] = ("fst", "fst_band")
    scales: Scales = field(default_factory=Scales)
    interpreted: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def image_id(self) -> NDArray[np.object_]:
        """Ids as text, shape (n_samples,)."""
        return self.table["image_id"].to_numpy(dtype=object)

    @cached_property
    def y_true(self) -> NDArray[np.intp]:
        """Class indices, shape (n_samples,)."""
        codes = pd.Categorical(self.table["label"].astype(object), categories=list(self.classes)).codes
        return codes.astype(np.intp)

    @property
    def positive(self) -> Positive | None:
        """Classes that count as positive; None if they cannot be determined."""
        return positive_classes(self.classes, chosen=self.named_positive, malignancy=self.malignancy)

    @property
    def unit_column(self) -> str | None:
        """Column of the highest id that groups images (patient > lesion > duplicate group), if any."""
        return next((c for c in UNITS if c in self.table and self.table[c].notna().any()), None)

    @cached_property
    def unit(self) -> NDArray[np.intp]:
        """Index of the independent unit of each image, shape (n_samples,).

        An image without an id is its own unit. Units are numbered in the order of their first image.
        """
        ids = self.table["image_id"].map(lambda i: f"image {i}")
        if self.unit_column is not None:
            units = self.table[self.unit_column]
            ids = units.map(lambda u: f"unit {u}", na_action="ignore").astype(object).where(units.notna(), ids)
        return pd.factorize(ids)[0].astype(np.intp)

    @cached_property
    def digest(self) -> str:
        """Content hash of the whole table."""
        return table_digest(self.table)


def make_truth(
    table: pd.DataFrame,
    *,
    source: Path | str = "truth",
    classes: Sequence[str] = (),
    aliases: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
    interpreted: Sequence[str] = (),
    decimal_comma: bool = False,
    standard: bool = False,
    **about: object,
) -> Truth:
    """Validate a table of labels and sensitive features.

    Parameters
    ----------
    table
        ``image_id`` and ``label``, by these names or the aliases in
        :data:`dermbench.artifacts.columns.ALIASES`, and any further columns. ``label`` may be replaced by one
        column per class, with 1 for the class of the image and 0 for the others.
    source
        Origin of the table, for messages.
    classes
        Ordered class set; by default the labels that occur, sorted.
    aliases
        {further name: class}.
    columns
        {``image_id``, ``label`` or ``fst``: column that the user named}.
    interpreted
        Sentences on how the file was read, to be kept.
    decimal_comma
        Whether ``2,5`` is a number.
    standard
        Whether the table has standard columns already (:func:`~dermbench.artifacts.column_types.standardise`), as
        a manifest does.
    **about
        Other attributes of :class:`Truth`.

    Raises
    ------
    InputError
        With all problems: missing columns, empty or repeated ids, empty or unknown labels.
    """
    chosen = choose_columns(table, source=source, given=columns)
    said = list(interpreted)
    if "label" not in chosen and "image_id" in chosen:
        one_hot = read_one_hot(table, chosen["image_id"], classes, source=source)
        if one_hot is not None:
            table, said, chosen = one_hot.table, [*said, one_hot.sentence], {**chosen, "label": "label"}
            classes = tuple(classes) or one_hot.classes
    missing = [name for name in ("image_id", "label") if name not in chosen]
    if missing:
        names = "; ".join(f"{m} (accepted: {', '.join(ALIASES[m])})" for m in missing)
        raise InputError(
            source,
            [f"no column for {names}; found {', '.join(map(str, table.columns))}"],
            remedy="Name the columns: --id COL, --label COL.",
        )
    clean = table.copy() if standard else standardise(table, chosen, decimal_comma=decimal_comma)
    problems = _id_problems(clean["image_id"])
    known = tuple(classes) or tuple(sorted(clean["label"].dropna().unique()))
    label_problems, labels = match_column(clean, known, aliases, given=bool(classes))
    problems += label_problems
    if len(known) < 2:
        problems.append(f"needs at least 2 classes, found {len(known)}")
    if problems:
        raise InputError(source, problems, remedy=SPELLING_REMEDY if "spelling" in "".join(problems) else None)
    said += [*reading_sentences(clean), *folded_labels(clean["label"], labels)]
    clean["label"] = labels
    if "fst" in clean:
        bands = band_name(clean["fst"]).replace("unknown", pd.NA)
        clean["fst_band"] = clean["fst_band"].fillna(bands) if "fst_band" in clean else bands
    ordered = clean.sort_values("image_id", ignore_index=True)
    return Truth(table=ordered, classes=known, interpreted=tuple(said), **about)  # type: ignore[arg-type]


def read_truth(
    source: TableSource, *, split: str | None = None, columns: Mapping[str, str] | None = None, **about: object
) -> Truth:
    """Read a table of labels and sensitive features; see :func:`make_truth`.

    Parameters
    ----------
    source
        ``.csv``, ``.tsv`` or ``.parquet`` file, or a data frame.
    split
        Keep the rows with this value in the column ``split``, or with one of several as in ``train+val``; all rows
        if there is no such column.
    columns
        {standard name: column that the user named}.
    **about
        As in :func:`make_truth`. If ``malignancy`` is not given, a column ``malignancy`` of the table is used.

    Raises
    ------
    UsageError
        When the column ``split`` lacks the value, or a column ``malignancy`` contradicts the name of a class.
    """
    read, name = read_table(source), source_name(source)
    table = read.frame
    if split is not None and "split" in table:
        names, there = split.split(JOINED), table["split"].astype(str)
        absent = [part for part in names if not (there == part).any()]
        if absent or len(set(names)) < len(names):
            wrong = absent[0] if absent else split
            raise UsageError(f"{name}: no row has split {wrong!r}; there are {', '.join(sorted(set(there)))}")
        table = table[there.isin(names)].reset_index(drop=True)
    said = (*read.interpreted, *describe_columns(table, choose_columns(table, source=name, given=columns)))
    truth = make_truth(
        table,
        source=name,
        split=split or ALL,
        columns=columns,
        interpreted=said,
        decimal_comma=read.decimal_comma,
        **about,  # type: ignore[arg-type]
    )
    if truth.malignancy:
        return truth
    kinds, remark = malignancy_by_class(truth.table, truth.classes)
    return replace(truth, malignancy=kinds, interpreted=(*truth.interpreted, *([remark] if remark else [])))


def _id_problems(ids: pd.Series) -> list[str]:
    problems = []
    if ids.isna().any():
        rows = [f"row {i + 2}" for i in np.flatnonzero(ids.isna())]
        problems.append(f"empty image_id in {name_some(rows)}")
    repeated = ids[ids.duplicated()].dropna().unique()
    if len(repeated):
        problems.append(f"repeated image_id: {name_some(repeated)}")
    return problems + id_problems(ids)
