"""Dataset card: ``README.md`` with the header that dataset hubs read, counts by skin type, and known defects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dermbench.artifacts.files import write_text
from dermbench.artifacts.outputs import sole_writer
from dermbench.data.export.documents import refuse_other_document
from dermbench.data.export.facts import (
    Counts,
    class_tones,
    counts_of_splits,
    defects,
    homepage,
    licence_id,
    reading,
    split_tones,
)
from dermbench.data.export.format import EXPORTS, Exported
from dermbench.data.export.markdown import markdown_list, markdown_table, plain
from dermbench.errors import printable

if TYPE_CHECKING:
    from pathlib import Path

    from dermbench.artifacts.manifest import Dataset

README = "README.md"
MARK = "Written by dermbench data export --format card"
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


@EXPORTS.register("card")
def card(dataset: Dataset, out: Path) -> Exported:
    """Write the card."""
    path = out / README
    with sole_writer(out, (README,)):
        refuse_other_document(path, MARK)
        write_text(path, card_text(dataset))
    return Exported((path,), 0)


def card_text(dataset: Dataset) -> str:
    """Return the card as Markdown with its YAML header."""
    info, split = dataset.info, dataset.info.split
    unit = f"{split.get('scheme', 'unknown')}; unit: {split.get('unit', 'unknown')}; seed {split.get('seed', 0)}"
    page = homepage(dataset)
    parts = [
        *_header(dataset),
        f"<!-- {MARK}. Prepare the data again and export it again instead of editing. -->",
        f"# {plain(info.title or info.task)}",
        _summary(dataset),
        "## Licence and citation",
        f"Licence: {plain(info.licence)}.",
        *([f"Please cite: {plain(info.citation)}"] if info.citation else []),
        *([f"Page of the release: <{page}>"] if page else []),
        "## Images",
        markdown_table(*_cells(counts_of_splits(dataset))),
        f"Split: {plain(unit)}.",
        "## Classes and splits by skin type",
        *_tones(dataset),
        "## Known defects",
        markdown_list(defects(dataset)) or "None is known.",
        *_how_it_was_read(dataset),
        f"Content hash of the manifest: `{info.digest}`.",
    ]
    return "\n\n".join(parts) + "\n"


def _summary(dataset: Dataset) -> str:
    info = dataset.info
    made = f"prepared by dermbench as task {plain(info.task)} from source {plain(info.source)}"
    size = f"{len(dataset.manifest):,} images in {len(dataset.classes):,} classes"
    return f"{size}, {made}. For research; not for clinical use."


def _header(dataset: Dataset) -> list[str]:
    """Return the YAML header; every text in it is a JSON string, which YAML reads as it is."""
    info, n = dataset.info, len(dataset.manifest)
    known = licence_id(info.licence)
    lines = [
        "---",
        f"pretty_name: {_quoted(info.title or info.task)}",
        f"license: {known or 'other'}",
        *([] if known else [f"license_name: {_quoted(info.licence)}"]),
        "task_categories:",
        "- image-classification",
        "size_categories:",
        f"- {next((name for limit, name in SIZES if n < limit), 'n>1M')}",
        "tags:",
        "- dermatology",
        "- medical",
        "---",
    ]
    return ["\n".join(lines)]


def _quoted(text: str) -> str:
    return json.dumps(printable(text, keep=""), ensure_ascii=False)


def _cells(counts: Counts) -> tuple[list[str], list[list[str]]]:
    return [counts.of, *counts.columns], [
        [plain(row.name), *(f"{n:,}" for n in row.numbers)] for row in counts.rows
    ]


def _tones(dataset: Dataset) -> list[str]:
    counts = class_tones(dataset)
    if counts is None:
        return ["No skin type is known, so results by skin type cannot be computed."]
    empty = sum(n == 0 for row in counts.rows[:-1] for n in row.numbers[: counts.n_groups])
    cells = (len(counts.rows) - 1) * counts.n_groups
    text = f"Number of images. {empty:,} of {cells:,} combinations of class and skin type have none."
    of_splits = split_tones(dataset)
    shown = [markdown_table(*_cells(of_splits))] if of_splits is not None else []
    return [text, markdown_table(*_cells(counts)), *shown]


def _how_it_was_read(dataset: Dataset) -> list[str]:
    notes = reading(dataset)
    return ["## How the release was read", markdown_list(notes)] if notes else []
