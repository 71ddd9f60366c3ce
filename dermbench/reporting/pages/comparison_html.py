"""A comparison as one self-contained HTML file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.reporting.compared.feature_tables import feature_tables
from dermbench.reporting.compared.summary import comparison_reading, comparison_summary, tested_words
from dermbench.reporting.compared.tables import all_notes, families_in_words, overall_sections
from dermbench.reporting.figures import comparison_figures
from dermbench.reporting.names import feature_title, sorted_features
from dermbench.reporting.pages.page import Chapter, environment, figures

if TYPE_CHECKING:
    from dermbench.artifacts.comparison import Comparison
    from dermbench.reporting.pages.page import Figure

FEW = 4
"""Maximum number of models for tables of every metric by group; with more, only headline metrics."""


def comparison_html(comparison: Comparison) -> str:
    """Return ``comparison.html``: the answer on the first screen, then figures, then folded tables.

    One file, inline styles and drawings, no script; its content-security policy forbids every request. The
    same comparison gives the same bytes.
    """
    ranks, *overall = overall_sections(comparison)
    shown = figures(comparison_figures(comparison))
    folded = [Chapter("tables-overall", "All images", tuple(overall)), *_chapters(comparison)]
    notes = all_notes(comparison)
    return (
        environment()
        .get_template("comparison.html.j2")
        .render(
            comparison=comparison,
            tested=tested_words(comparison),
            answers=comparison_summary(comparison),
            reading=comparison_reading(comparison),
            ranks=ranks,
            contents=_contents(shown, folded, notes=bool(notes)),
            figures=shown,
            chapters=folded,
            families=[f"{name.replace('_', ' ')}: {text}" for name, text in families_in_words(comparison)],
            notes=notes,
            provenance=_provenance(comparison),
        )
    )


def _chapters(comparison: Comparison) -> list[Chapter]:
    """Return the tables of each sensitive feature."""
    further = len(comparison.models) <= FEW
    return [
        Chapter(
            f"tables-feature-{place}",
            feature_title(name),
            tuple(feature_tables(comparison, name, main=place == 1, further=further)),
        )
        for place, name in enumerate(sorted_features(comparison.features), start=1)
    ]


def _contents(shown: list[Figure], folded: list[Chapter], *, notes: bool) -> list[tuple[str, str]]:
    """Return anchor and title of each part of the page."""
    return [
        *([("figures", "Figures")] if shown else []),
        *((chapter.anchor, chapter.title) for chapter in folded),
        ("families", "Corrections"),
        *([("notes", "Notes")] if notes else []),
        ("provenance", "Provenance"),
    ]


def _provenance(comparison: Comparison) -> str:
    told = comparison.provenance
    versions = [f"{name} {told.environment[name]}" for name in ("dermbench", "python") if name in told.environment]
    return " · ".join(
        [*versions, f"seed {told.seed}", f"resamples {told.resamples:,}", f"truth {told.truth_digest}"]
    )
