"""``duplicates.parquet``: groups of images that show the same photograph, written by ``data audit``.

The file lies beside the manifest, which is not changed. Its metadata hold the content hash of the manifest.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from dermbench.artifacts.columns import JOINED
from dermbench.artifacts.files import atomic_path
from dermbench.artifacts.guarded import parse_json
from dermbench.artifacts.records import Record, validated
from dermbench.artifacts.tables import read_table
from dermbench.artifacts.text_form import to_text
from dermbench.errors import InputError, name_some

if TYPE_CHECKING:
    from dermbench.artifacts.manifest import Dataset

DUPLICATES = "duplicates.parquet"
"""Name of the file in a dataset folder."""
COLUMNS = ("image_id", "group", "kind")
METADATA = b"dermbench"
"""Key of the parquet file's metadata."""
SEEN = ("train", "val")
"""Splits that a model may have seen."""


class DuplicatesInfo(Record):
    """Metadata of ``duplicates.parquet``.

    Attributes
    ----------
    dataset_digest
        Content hash of the manifest.
    images
        Number of compared images.
    settings
        Settings of the search for pairs.
    """

    schema_: Literal["dermbench.duplicates/1"] = Field("dermbench.duplicates/1", alias="schema")
    dataset_digest: str
    images: int = Field(ge=0)
    settings: dict[str, str | int | float | bool | None] = Field(default_factory=dict)


@dataclass(frozen=True)
class Duplicates:
    """Groups of images that show the same photograph.

    Attributes
    ----------
    table
        One row for each image of a group, sorted by ``image_id``: ``image_id``, ``group`` (smallest id of the
        group) and ``kind`` (``exact`` if another file of the group has the same bytes, else ``verified``).
    info
        Metadata of the file; None for a table that was not written by ``data audit``.
    """

    table: pd.DataFrame
    info: DuplicatesInfo | None = None

    def group_of(self) -> dict[str, str]:
        """Return {image id: group}."""
        return dict(zip(self.table["image_id"], self.table["group"], strict=True))


def write_duplicates(folder: Path | str, groups: pd.DataFrame, info: DuplicatesInfo) -> Path:
    """Write ``duplicates.parquet`` into a dataset folder, atomically, and return its path.

    Parameters
    ----------
    folder
        Dataset folder.
    groups
        Table with ``image_id``, ``group`` and ``kind``.
    info
        Metadata.
    """
    path = Path(folder) / DUPLICATES
    text = groups[list(COLUMNS)].astype("string").sort_values("image_id", ignore_index=True)
    table = pa.table({name: pa.array(text[name], type=pa.string()) for name in COLUMNS})
    with atomic_path(path) as temporary:
        pq.write_table(table.replace_schema_metadata({METADATA: info.text().encode()}), temporary)
    return path


def read_duplicates(path: Path | str) -> Duplicates:
    """Read groups of duplicates: ``duplicates.parquet``, or any table with ``image_id`` and ``group``.

    Parameters
    ----------
    path
        Parquet, CSV, TSV or Excel file. Without a column ``kind``, every image is ``verified``.

    Raises
    ------
    UsageError
        When there is no such plain file.
    InputError
        With all problems of the table.
    """
    read = read_table(path)
    frame = read.frame
    missing = [name for name in COLUMNS[:2] if name not in frame]
    if missing:
        found = ", ".join(map(str, frame.columns)) or "none"
        problems = [f"no column {name}; found {found}" for name in missing]
        raise InputError(path, problems, remedy="Make the file with: dermbench data audit DATASET --write-groups")
    table = pd.DataFrame({name: to_text(frame[name]) for name in COLUMNS if name in frame})
    if "kind" not in table:
        table["kind"] = pd.array(["verified"] * len(table), dtype="string")
    problems = _problems(table)
    if problems:
        raise InputError(path, problems)
    return Duplicates(table.sort_values("image_id", ignore_index=True), _info(Path(path)))


def dataset_duplicates(dataset: Dataset) -> Duplicates | None:
    """Read the groups of duplicates in a dataset folder; None if there is no such file.

    Raises
    ------
    InputError
        When the file is malformed, or was made for another manifest.
    """
    path = dataset.root / DUPLICATES
    if not path.exists() and not path.is_symlink():
        return None
    again = f"Make it again with: dermbench data audit {dataset.root} --write-groups, or delete it."
    duplicates = read_duplicates(path)
    if duplicates.info is None:
        raise InputError(path, ["does not say which manifest it was made for"], remedy=again)
    if duplicates.info.dataset_digest != dataset.info.digest:
        made = duplicates.info.dataset_digest
        problem = f"made for the content hash {made}, the dataset has {dataset.info.digest}"
        raise InputError(path, [problem], remedy=again)
    unknown = duplicates.table["image_id"][~duplicates.table["image_id"].isin(dataset.manifest["image_id"])]
    if len(unknown):
        raise InputError(path, [f"no images of the dataset: {name_some(unknown)}"], remedy=again)
    return duplicates


def twins_in_training(dataset: Dataset, split: str, duplicates: Duplicates) -> frozenset[str]:
    """Return ids of images in ``split`` with a twin in train or val: an image of the same photograph.

    Parameters
    ----------
    dataset
        Dataset of the groups.
    split
        Evaluated split, or several as in ``train+val``; its own images do not count as twins.
    duplicates
        Groups from :func:`dataset_duplicates`.
    """
    rows = dataset.manifest[["image_id", "split"]].merge(duplicates.table, on="image_id")
    evaluated = rows["split"].isin(split.split(JOINED))
    seen = rows["split"].isin(SEEN) & ~evaluated
    return frozenset(rows["image_id"][evaluated & rows["group"].isin(rows["group"][seen])])


def _problems(table: pd.DataFrame) -> list[str]:
    ids = table["image_id"]
    problems = [
        f"empty {name} in {int(table[name].isna().sum()):,} rows" for name in table if table[name].isna().any()
    ]
    repeated = ids[ids.duplicated()].dropna().unique()
    if len(repeated):
        problems.append(f"repeated image_id: {name_some(repeated)}")
    return problems


def _info(path: Path) -> DuplicatesInfo | None:
    """Return the metadata of a parquet file; None if dermbench did not write it."""
    if path.suffix.lower() != ".parquet":
        return None
    try:
        found = (pq.read_schema(path, memory_map=False).metadata or {}).get(METADATA)
    except (pa.ArrowException, OSError) as error:
        raise InputError(path, [f"not a readable parquet table: {str(error).splitlines()[0][:200]}"]) from error
    return None if found is None else validated(path, DuplicatesInfo, parse_json(path, found))
