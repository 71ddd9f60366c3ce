"""The dataset folder: ``manifest.parquet`` (one row per image) and ``dataset.toml`` (its description)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
import tomlkit
from pydantic import BaseModel, ConfigDict, Field

from dermbench.artifacts.column_types import reading_sentences, standardise
from dermbench.artifacts.columns import JOINED, REQUIRED, SPLITS
from dermbench.artifacts.files import Inside, atomic_path
from dermbench.artifacts.hashing import table_digest
from dermbench.artifacts.records import read_model
from dermbench.artifacts.tables import read_table, write_table
from dermbench.artifacts.truth import Truth, make_truth
from dermbench.data_home import prepared_dataset
from dermbench.errors import InputError, UsageError, name_some, printable

MANIFEST = "manifest.parquet"
INFO = "dataset.toml"
IMAGES = "images"
"""Folder of images that a source generates."""


class DatasetInfo(BaseModel):
    """Content of ``dataset.toml``.

    Attributes
    ----------
    task, source
        Task of this dataset, and the data source that prepared it.
    classes, ordered, malignancy, sensitive
        As in :class:`dermbench.tasks.Task`.
    image_root
        Folder that ``path`` is relative to: absolute, or relative to the dataset folder.
    digest
        Content hash of the manifest (labels, splits, skin types and the hash of every image file), without the
        paths of the files.
    images, fst
        Number of images of each split, and of each skin type.
    left_out
        {reason: number of images of the release that are not in the manifest}.
    interpreted
        Decisions in reading the release, and values that could not be read, in sentences.
    split
        Scheme, seed, fractions and unit of the split.
    options
        Options of the source (such as the dials of a synthetic dataset).
    """

    model_config = ConfigDict(extra="forbid", defer_build=True)

    schema_: Literal["dermbench.dataset/1"] = Field("dermbench.dataset/1", alias="schema")
    task: str
    source: str
    title: str = ""
    classes: tuple[str, ...]
    ordered: bool = False
    malignancy: dict[str, str] = Field(default_factory=dict)
    sensitive: tuple[str, ...] = ("fst", "fst_band")
    image_root: str
    digest: str = ""
    licence: str = "unknown"
    citation: str = ""
    images: dict[str, int] = Field(default_factory=dict)
    fst: dict[str, int] = Field(default_factory=dict)
    left_out: dict[str, int] = Field(default_factory=dict)
    interpreted: tuple[str, ...] = ()
    split: dict[str, str | int | float] = Field(default_factory=dict)
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class Dataset:
    """A prepared dataset.

    Attributes
    ----------
    root
        Dataset folder.
    info
        Content of ``dataset.toml``.
    manifest
        One row per image, sorted by ``image_id``; the columns are in docs/reference/formats.md.

    Examples
    --------
    After the example of :func:`dermbench.prepare`:

    >>> import dermbench
    >>> dataset = dermbench.load_dataset("synth")
    >>> len(dataset.part("train")), dataset.classes[:2]
    (86, ('macule', 'papule'))
    """

    root: Path
    info: DatasetInfo
    manifest: pd.DataFrame

    def __repr__(self) -> str:
        images = ", ".join(f"{split} {n:,}" for split, n in self.info.images.items())
        about = f"{self.info.task}, {len(self.classes)} classes, {len(self.manifest):,} images: {images}"
        return printable(f"Dataset({str(self.root)!r}: {about})", keep="")

    @property
    def classes(self) -> tuple[str, ...]:
        """Ordered class set."""
        return self.info.classes

    @property
    def image_root(self) -> Path:
        """Absolute folder that ``path`` is relative to."""
        return (self.root / self.info.image_root).resolve()

    def part(self, split: str) -> pd.DataFrame:
        """Return the rows of one split, or of several joined as in ``train+val``.

        Raises
        ------
        UsageError
            When there are no such rows, or a name is unknown or repeated.
        """
        names = split.split(JOINED)
        rows = self.manifest[self.manifest["split"].isin(names)].reset_index(drop=True)
        unknown = [name for name in names if name not in SPLITS]
        if rows.empty or unknown or len(set(names)) < len(names):
            wrong = unknown[0] if unknown else split
            raise UsageError(f"{self.root}: no image has split {wrong!r}; there are {self.info.images}")
        return rows

    def paths(self, rows: pd.DataFrame) -> list[Path]:
        """Return the image files of ``rows``, each checked to lie inside :attr:`image_root`."""
        return list(map(Inside(self.image_root), rows["path"]))

    def truth(self, split: str) -> Truth:
        """Return labels and sensitive features of one split, or of several joined as in ``train+val``."""
        return make_truth(
            self.part(split).drop(columns=["path", "split", "sha256"], errors="ignore"),
            source=self.root,
            standard=True,
            classes=self.classes,
            task=self.info.task,
            split=split,
            malignancy=self.info.malignancy,
            ordered=self.info.ordered,
            sensitive=self.info.sensitive,
        )


def write_dataset(root: Path | str, info: DatasetInfo, manifest: pd.DataFrame) -> Dataset:
    """Validate a manifest, add counts and hash to ``info``, and write both files atomically.

    ``dataset.toml`` is put in place last: a folder without it is not a dataset.

    Raises
    ------
    InputError
        With all problems of the manifest: missing columns, empty or repeated ids, unknown labels or splits.
    """
    folder = Path(root)
    table = _validated(folder, info, standardise(manifest)).sort_values("image_id", ignore_index=True)
    fst = table["fst"].astype("string").fillna("unknown") if "fst" in table else pd.Series(dtype="string")
    info = info.model_copy(
        update={
            "digest": table_digest(table),
            "images": {s: int((table["split"] == s).sum()) for s in SPLITS if (table["split"] == s).any()},
            "interpreted": (*info.interpreted, *reading_sentences(table)),
            "fst": {str(k): int(v) for k, v in fst.value_counts().sort_index().items()},
        }
    )
    with atomic_path(folder / INFO) as temporary:  # put in place after the manifest
        temporary.write_text(
            tomlkit.dumps(info.model_dump(by_alias=True, mode="json")), encoding="utf-8", newline="\n"
        )
        write_table(folder / MANIFEST, table)
    return Dataset(folder, info, table)


def read_dataset(root: Path | str) -> Dataset:
    """Read a dataset folder and check that the manifest is the one ``dataset.toml`` describes.

    A name that is not a path, such as ``ajl-21``, stands for a dataset under ``DERMBENCH_DATA``.

    Raises
    ------
    UsageError
        When the folder is not a dataset folder.
    InputError
        When a file is malformed, or the manifest was changed after it was prepared.
    """
    folder = _folder(root)
    if not (folder / INFO).is_file() or not (folder / MANIFEST).is_file():
        raise UsageError(
            f"{folder}: not a dataset folder ({INFO} and {MANIFEST} expected)",
            remedy="Make one with: dermbench data prepare TASK --root RAW --out DATASET",
        )
    info = read_info(folder / INFO)
    table = _validated(folder, info, standardise(read_table(folder / MANIFEST).frame))
    if table_digest(table) != info.digest:
        raise InputError(
            folder / MANIFEST,
            [f"content hash is {table_digest(table)}, {INFO} says {info.digest}"],
            remedy="The manifest was changed after it was prepared; prepare the dataset again.",
        )
    return Dataset(folder, info, table)


def _folder(root: Path | str) -> Path:
    named = None if Path(root).exists() else prepared_dataset(str(root))
    return named if named is not None and named.is_dir() else Path(root)


def read_info(path: Path) -> DatasetInfo:
    """Read ``dataset.toml``."""
    return read_model(path, DatasetInfo)


def _validated(folder: Path, info: DatasetInfo, table: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in REQUIRED if name not in table]
    if missing:
        raise InputError(folder / MANIFEST, [f"no column {name}" for name in missing])
    ids = table["image_id"]
    problems = [
        f"empty {name} in {int(table[name].isna().sum()):,} rows" for name in REQUIRED if table[name].isna().any()
    ]
    if ids.duplicated().any():
        problems.append(f"repeated image_id: {name_some(ids[ids.duplicated()].unique())}")
    for name, allowed in (("label", info.classes), ("split", SPLITS)):
        wrong = table[name].dropna()[~table[name].dropna().isin(allowed)].unique()
        if len(wrong):
            problems.append(f"{name} outside of {', '.join(allowed)}: {name_some(wrong)}")
    if problems:
        raise InputError(folder / MANIFEST, problems)
    return table
