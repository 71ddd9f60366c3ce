"""``audit``: find what would make the numbers of a dataset wrong."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.audit import Audit, Pair, ToneTable
from dermbench.artifacts.columns import UNITS
from dermbench.artifacts.duplicates import DuplicatesInfo, write_duplicates
from dermbench.artifacts.files import write_text
from dermbench.artifacts.manifest import Dataset, read_dataset
from dermbench.artifacts.outputs import sole_writer_of
from dermbench.artifacts.tables import write_table
from dermbench.data.audit.conflicts import (
    DUPLICATES,
    label_conflicts,
    leaked_images,
    leaks,
    pair_records,
    tone_conflicts,
    twins_of_training,
)
from dermbench.data.audit.ita import Colours, colours, skin_angle
from dermbench.data.audit.label_errors import NOT_GIVEN, label_errors
from dermbench.data.audit.looks import looks
from dermbench.data.audit.pairs import EXACT, VERIFIED, Pairs, find_pairs, groups
from dermbench.data.audit.tones import agreements, tone_columns, tone_table
from dermbench.data.audit.words import summary
from dermbench.data.fingerprint_cache import fingerprints_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.artifacts.tables import TableSource

REPORT, PAGE = "audit.json", "audit.html"
SHOWN = ("image_id", "path", "split", "label", "fst", *UNITS)
TABLES = ("pairs", "duplicates", "images", "tones", "suspects")
"""Names of the tables that are written as ``.csv``."""


@dataclass(frozen=True)
class AuditResult:
    """What an audit found.

    Attributes
    ----------
    record
        Content of ``audit.json``.
    groups
        One row for each image that shows the same photograph as another: ``image_id``, ``group``, ``kind``.
    images
        One row an image: the manifest's main columns, ``width``, ``height``, ``sharpness``, ``ita`` (estimated
        individual typology angle in degrees), ``ita_n`` (number of skin-coloured pixels, of 1,024) and ``look``.
    """

    record: Audit
    groups: pd.DataFrame
    images: pd.DataFrame

    @property
    def leaking(self) -> bool:
        """Whether any unit has images in more than one split."""
        return self.record.leaking

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables of :data:`TABLES` by name."""
        pairs, suspects = self.record.pairs, getattr(self.record.label_errors, "suspects", ())
        shown = self.images[[name for name in SHOWN if name in self.images]]
        return {
            "pairs": pd.DataFrame([_flat(pair) for pair in pairs], columns=list(PAIR_COLUMNS)),
            "duplicates": self.groups[["group", "kind", "image_id"]]
            .merge(shown, on="image_id")
            .sort_values(["group", "image_id"], ignore_index=True),
            "images": self.images,
            "tones": pd.concat([_long(table) for table in self.record.tones], ignore_index=True)
            if self.record.tones
            else pd.DataFrame(columns=["feature", "label", "group", "images", "test"]),
            "suspects": pd.DataFrame(
                [suspect.model_dump() for suspect in suspects],
                columns=["image", "split", "given", "suggested", "probability"],
            ),
        }


PAIR_COLUMNS = (
    *("first", "second", "kind", "inliers", "mirrored"),
    *("split_first", "split_second", "label_first", "label_second", "fst_first", "fst_second"),
)


def audit(
    dataset: Dataset | Path | str,
    *,
    verify: bool | None = None,
    embeddings: Path | str | None = None,
    predictions: TableSource | None = None,
    workers: int | None = None,
) -> AuditResult:
    """Look for pairs of the same photograph, leaks, conflicts, empty cells, useless images and label errors.

    Parameters
    ----------
    dataset
        Dataset, or its folder.
    verify
        Whether pairs are confirmed by local features; by default when OpenCV is installed.
    embeddings
        Table of embeddings; nearest neighbours by cosine are compared too.
    predictions
        Held-out probabilities, for finding label errors.
    workers
        Number of threads; by default one for each processor.

    Returns
    -------
    AuditResult
        Findings, in an order that depends only on the content.

    Raises
    ------
    InputError
        When images are missing or unreadable, or a table is malformed.
    MissingDependencyError
        When OpenCV or cleanlab is needed and not installed.
    """
    if not isinstance(dataset, Dataset):
        dataset = read_dataset(dataset)
    disputed = NOT_GIVEN if predictions is None else label_errors(dataset, predictions)
    confirm = find_spec("cv2") is not None if verify is None else verify
    prints = fingerprints_of(dataset, workers=workers)
    pairs = find_pairs(dataset, verify=confirm, embeddings=embeddings, prints=prints, workers=workers)
    records = prints.records
    seen = colours(records["thumbnail"])
    found_groups = _groups(pairs)
    rows = dataset.manifest.merge(
        found_groups[["image_id", "group"]].rename(columns={"group": DUPLICATES}), on="image_id", how="left"
    )
    ids = [str(image) for image in rows["image_id"]]
    tones = tone_columns(rows)
    ita = pd.Series(seen.ita)
    leaking = leaks(rows)
    to_look_at = looks(ids, records, seen)
    record = Audit(
        task=dataset.info.task,
        dataset_digest=dataset.info.digest,
        images=dict(dataset.info.images),
        search=pairs.search,
        pairs=pair_records(pairs.table, rows),
        groups=found_groups["group"].nunique(),
        images_in_groups=len(found_groups),
        twins_of_training=twins_of_training(rows),
        leaks=leaking,
        leaked_images=leaked_images(rows, leaking),
        label_conflicts=label_conflicts(rows),
        tone_conflicts=tone_conflicts(rows),
        tones=tuple(tone_table(rows, tone, dataset.classes) for tone in tones),
        agreement=tuple(agreements(tones)),
        looks=tuple(to_look_at),
        skin_angle=skin_angle(ita, tones, rows.get("ita")),
        label_errors=disputed,
    )
    record = record.model_copy(update={"summary": summary(record)})
    return AuditResult(record, found_groups, _images(rows, records, seen, {x.image: x.kind for x in to_look_at}))


def write_audit(folder: Path | str, result: AuditResult, *, page: str | None = None) -> list[Path]:
    """Write ``audit.json``, the tables and the page (if given) into ``folder``, atomically; return the files."""
    out = Path(folder)
    tables = {out / f"{name}.csv": table for name, table in result.tables().items()}
    with sole_writer_of(out / REPORT, PAGE, *(path.name for path in tables)):
        for path, table in tables.items():
            write_table(path, table)
        if page is not None:
            write_text(out / PAGE, page)
        result.record.write(out / REPORT)
    return [out / REPORT, *([] if page is None else [out / PAGE]), *tables]


def write_groups(dataset: Dataset, result: AuditResult) -> Path:
    """Write the groups of duplicates beside the manifest, which does not change; return the file."""
    settings = result.record.search.model_dump(mode="json")
    info = DuplicatesInfo(dataset_digest=dataset.info.digest, images=result.record.n, settings=settings)
    return write_duplicates(dataset.root, result.groups, info)


def _groups(pairs: Pairs) -> pd.DataFrame:
    named = groups(pairs)
    exact = pairs.table[pairs.table["kind"] == EXACT]
    equal = set(exact["first"]) | set(exact["second"])
    ids = [str(image) for image in named.index]
    return pd.DataFrame(
        {
            "image_id": pd.array(ids, dtype="string"),
            "group": pd.array(list(named), dtype="string"),
            "kind": pd.array([EXACT if image in equal else VERIFIED for image in ids], dtype="string"),
        }
    ).sort_values("image_id", ignore_index=True)


def _images(rows: pd.DataFrame, records: NDArray[np.void], seen: Colours, look: dict[str, str]) -> pd.DataFrame:
    shown = rows[[name for name in SHOWN if name in rows]]
    return shown.assign(
        width=records["width"],
        height=records["height"],
        sharpness=np.round(records["sharpness"].astype(np.float64), 2),
        ita=np.round(seen.ita, 1),
        ita_n=seen.ita_n,
        look=rows["image_id"].map(look),
    )


def _flat(pair: Pair) -> dict[str, object]:
    ends = {
        f"{what}_{end}": values[place]
        for what, values in (("split", pair.splits), ("label", pair.labels), ("fst", pair.tones))
        for place, end in enumerate(("first", "second"))
    }
    return {name: getattr(pair, name) for name in PAIR_COLUMNS[:5]} | ends


def _long(table: ToneTable) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"feature": table.feature, "label": label, "group": group, "images": n, "test": test}
            for label, counts, in_test in zip(table.classes, table.counts, table.test, strict=True)
            for group, n, test in zip(table.groups, counts, in_test, strict=True)
        ]
    )
