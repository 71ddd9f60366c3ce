"""The class map: from the classes of a model to the classes of the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from dermbench.artifacts.guarded import read_toml
from dermbench.artifacts.labels import fold, match_labels
from dermbench.artifacts.tables import TableSource, read_table
from dermbench.artifacts.text_form import to_text
from dermbench.errors import InputError, name_some

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS = ("model", "truth")
MapSource = TableSource | Mapping[str, str]
"""A class map as a table or TOML file, a data frame, or a mapping."""


@dataclass(frozen=True)
class ClassMap:
    """Class of the truth for each class of a model; made by :func:`read_class_map`.

    A class whose name is also a class of the truth stands for it unless the map says otherwise.

    Attributes
    ----------
    source
        Name of the file, for messages and the report.
    targets
        {:func:`~dermbench.artifacts.labels.fold` of the model's class: class of the truth}.
    """

    source: str
    targets: Mapping[str, str]

    @property
    def remedy(self) -> str:
        """Remedy for classes of the model without a class of the truth."""
        return (
            f"Give each class of the model a line in {self.source}. A class that stands for no class of the truth "
            "is always wrong: with --truth, name the classes with --classes, add one for the rest, and map the "
            "class to it."
        )

    def match(self, names: Sequence[str], classes: Sequence[str], aliases: Mapping[str, str] | None) -> pd.Series:
        """Return the class of the truth for each class of a model, ``<NA>`` without one."""
        mapped = pd.Series([self.targets.get(fold(name)) if pd.notna(name) else None for name in names])
        return mapped.astype("string").fillna(match_labels(names, classes, aliases=aliases))


def read_class_map(
    source: MapSource, classes: Sequence[str], *, aliases: Mapping[str, str] | None = None
) -> ClassMap:
    """Read a class map and check it against the classes of the truth.

    Parameters
    ----------
    source
        Table with the columns ``model`` and ``truth``; ``.toml`` file with a line
        ``"model class" = "truth class"`` per class; or a data frame or mapping with the same content.
    classes
        Classes of the truth.
    aliases
        Further spellings of these classes.

    Raises
    ------
    UsageError
        When there is no such file.
    InputError
        With all problems: rows without a class, targets that the truth lacks, classes with two targets.
    """
    name, pairs = _read_pairs(source)
    models, targets = to_text(pairs["model"]), to_text(pairs["truth"])
    matched = match_labels(targets, classes, aliases=aliases).set_axis(targets.index)
    problems = [f"no class of the model in {name_some(_rows(models.isna()))}"] if models.isna().any() else []
    empty = models.notna() & targets.isna()
    if empty.any():
        problems.append(f"no class of the truth for {name_some(models[empty])}")
    unknown = targets.notna() & matched.isna()
    if unknown.any():
        problems.append(
            f"no class of the truth: {name_some(targets[unknown].unique())}; classes: {', '.join(classes)}"
        )
    keys = models.map(fold, na_action="ignore")
    table = pd.DataFrame({"model": models, "key": keys, "target": matched}).dropna()
    conflicts = table.groupby("key")["target"].nunique()
    twice = table[table["key"].isin(conflicts[conflicts > 1].index)].drop_duplicates("key")
    if len(twice):
        problems.append(f"several classes of the truth for {name_some(twice['model'])}")
    if table.empty and not problems:
        problems.append("the map is empty")
    if problems:
        raise InputError(name, problems)
    return ClassMap(Path(name).name, dict(zip(table["key"], table["target"], strict=True)))


def _rows(where: pd.Series) -> list[str]:
    return [f"row {i + 2}" for i, bad in enumerate(where) if bad]


def _read_pairs(source: MapSource) -> tuple[Path | str, pd.DataFrame]:
    if isinstance(source, Mapping):
        return "<mapping>", pd.DataFrame(list(source.items()), columns=list(COLUMNS), dtype=object)
    if isinstance(source, Path | str) and Path(source).suffix.lower() == ".toml":
        return source, pd.DataFrame(list(_read_toml(Path(source)).items()), columns=list(COLUMNS), dtype=object)
    read = read_table(source)
    table, name = read.frame, read.source
    folded = table.rename(columns=lambda column: str(column).strip().lower())
    if sorted(folded.columns) != sorted(COLUMNS):
        found = ", ".join(map(str, table.columns)) or "none"
        raise InputError(name, [f"a class map has the two columns {' and '.join(COLUMNS)}; found {found}"])
    return name, folded


def _read_toml(path: Path) -> dict[str, str]:
    found = read_toml(path)
    wrong = [name for name, target in found.items() if not isinstance(target, str)]
    if wrong:
        raise InputError(path, [f'not of the form "model class" = "truth class": {name_some(wrong)}'])
    return found
