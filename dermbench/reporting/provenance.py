"""One line that says where a report's numbers come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.reporting.text import plain

if TYPE_CHECKING:
    from dermbench.artifacts.report import Report

DIGEST = 19
"""Characters of a digest that are shown: ``sha256:`` and twelve digits."""


def provenance_line(report: Report) -> str:
    """Return versions, source revision, settings and content hashes as ``key value`` parts."""
    parts = []
    for key, item in sorted(report.provenance.items()):
        if key == "environment" and isinstance(item, dict):
            parts += [f"{name} {plain(item[name])}" for name in ("dermbench", "python") if name in item]
        elif key == "revision" and isinstance(item, dict):
            commit = plain(item.get("commit", ""))[:10]
            parts += [f"commit {commit}" + " with changes" * bool(item.get("dirty"))] if commit else []
        elif isinstance(item, str | int | float) and not isinstance(item, bool):
            text = plain(item)
            shown = text[:DIGEST] if text.startswith("sha256:") else text
            parts.append(f"{plain(key).replace('_', ' ')} {shown}")
    return " · ".join(parts)


def headline(report: Report) -> str:
    """Return ``n images, k classes`` of the split."""
    return f"{report.n:,} images, {len(report.classes):,} classes"
