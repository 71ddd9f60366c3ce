"""Format the provenance and the notes of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.wording import counted
from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from dermbench.artifacts.report import Report

READ_AS = "Read as: "
"""Introduces the list of values that were interpreted when the files were read."""
DIGEST = 19
"""Number of characters of a digest that are shown: ``sha256:`` and twelve digits."""


def provenance_line(report: Report) -> str:
    """Return versions, settings and content hashes as ``key value`` parts."""
    told = report.provenance
    parts = [f"dermbench {plain(told.version)}"]
    parts += [f"python {plain(told.environment['python'])}"] if "python" in told.environment else []
    parts += [f"seed {told.seed}", f"resamples {told.resamples:,}"]
    unit = "image" if told.unit.column is None else told.unit.column
    parts.append(f"{told.unit.count:,} units by {plain(unit)}")
    digests = (("predictions", told.predictions_digest), ("truth", told.truth_digest))
    parts += [f"{name} {plain(digest)[:DIGEST]}" for name, digest in digests if digest]
    return " · ".join(parts)


def all_notes(report: Report) -> list[str]:
    """Return one line on how the files were interpreted, then the notes of the report."""
    read = report.provenance.interpreted
    return [*([f"{READ_AS}{' '.join(read)}"] if read else []), *report.notes]


def headline(report: Report) -> str:
    """Return ``n images, k classes`` of the split."""
    return f"{counted(report.n, 'image')}, {counted(len(report.classes), 'class')}"
