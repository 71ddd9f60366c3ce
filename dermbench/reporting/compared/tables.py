"""Show a comparison of models as titled tables, in the terminal and in markdown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dermbench.artifacts.wording import NONE
from dermbench.reporting.compared.cells import band, change, ends_text, number, p_text
from dermbench.reporting.compared.feature_tables import feature_tables
from dermbench.reporting.markdown import markdown_section
from dermbench.reporting.names import (
    LEADING,
    is_headline,
    metric_title,
    shown_metrics,
    sorted_features,
    sorted_metrics,
)
from dermbench.reporting.numbers import Footnotes, cell_text
from dermbench.reporting.section import Column, Section
from dermbench.reporting.terminal import print_section
from dermbench.reporting.text import PROSE_LIMIT, Safe, markdown_text, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from dermbench.artifacts.comparison import Comparison

FEW = 3
"""Maximum number of models for which the terminal shows every metric."""
READING = (
    "Differences are model minus baseline on the same images, with paired 95 % intervals. Not for clinical use."
)
BANDS = "The bands hold the true ranks of all models at once with 95 %."
LETTERS = "Models that share a letter cannot be told apart (paired tests of all pairs, Holm over all of them)."


def overall_sections(comparison: Comparison) -> list[Section]:
    """Return the tables on all images: rank bands first, then differences, then several seeds."""
    found = [_ranks(comparison), _overall(comparison)]
    return [*found, _seeds(comparison)] if comparison.seeds else found


def comparison_sections(comparison: Comparison) -> list[Section]:
    """Return the tables of a comparison in reading order."""
    found = overall_sections(comparison)
    for place, name in enumerate(sorted_features(comparison.features)):
        found += feature_tables(comparison, name, main=place == 0)
    return found


def comparison_markdown(comparison: Comparison, *, figures: Sequence[str] = ()) -> str:
    """Return ``comparison.md``: all tables, the figures, the families of corrected p-values, and notes.

    Parameters
    ----------
    comparison
        The comparison.
    figures
        File names of figures beside the file.
    """
    lines = [f"# {markdown_text(_title(comparison))}", "", f"{_headline(comparison)}. {READING}", ""]
    for name in figures:
        lines += [f"![{markdown_text(name)}]({name})", ""]
    for section in comparison_sections(comparison):
        lines += markdown_section(section)
    lines += ["## Which p values are corrected together", ""]
    lines += [f"- {name.replace('_', ' ')}: {markdown_text(text)}" for name, text in families_in_words(comparison)]
    lines += ["", "## Notes", ""]
    lines += [f"- {markdown_text(note, limit=PROSE_LIMIT)}" for note in all_notes(comparison)]
    return "\n".join([*lines, ""])


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print the main tables of a comparison; the others are in ``comparison.md``."""
    from rich.text import Text  # noqa: PLC0415 - only the terminal needs it

    console.print(Text(f"{plain(_title(comparison))}: {_headline(comparison)}", style="bold"))
    for section in comparison_sections(comparison):
        if not section.detail:
            console.print()
            print_section(replace(section, rows=section.rows[: section.lead]), console)
    console.print()
    for name, text in families_in_words(comparison):
        console.print(Text(f"- {name.replace('_', ' ')}: {plain(text, limit=PROSE_LIMIT)}", style="dim"))
    for note in all_notes(comparison):
        console.print(Text(f"- {plain(note, limit=PROSE_LIMIT)}"))


def all_notes(comparison: Comparison) -> list[str]:
    """Return one line per file on how it was interpreted, then the notes of the comparison."""
    read = {"Truth": comparison.provenance.truth_interpreted, **comparison.provenance.interpreted}
    return [*(f"{name} read as: {' '.join(said)}" for name, said in read.items() if said), *comparison.notes]


def _title(comparison: Comparison) -> str:
    return f"{comparison.task}, {comparison.split}: models compared"


def _headline(comparison: Comparison) -> str:
    return f"{len(comparison.models)} models on {comparison.n:,} images"


def families_in_words(comparison: Comparison) -> list[tuple[str, str]]:
    """Return the families of p-values that are corrected together, as (kind of question, words)."""
    order = ("ranks", "overall", "groups", "worst_group", "gap", "screen")
    shown = order if comparison.features else order[:2]
    return [(name, comparison.families[name]) for name in shown]


def _ranks(comparison: Comparison) -> Section:
    ranks = comparison.ranks
    columns = (
        Column("rank"),
        Column("model", left=True, name=True),
        Column(f"{metric_title(ranks.metric)} (95 %)"),
        Column("letters", left=True),
    )
    rows = []
    for item in ranks.models:
        ends = "" if item.low is None else f" {ends_text(item.low, item.high)}"
        value = Safe(number(item.value) + ends)
        rows.append((Safe(band(item)), plain(item.model), value, Safe(item.letters or NONE)))
    notes = [f"{BANDS} {ranks.letters_reason or LETTERS} Test: {ranks.test}."]
    if ranks.reason is not None:
        notes = [ranks.reason]
    if ranks.without_value:
        notes.append(f"Without a value, so without a rank: {', '.join(map(plain, ranks.without_value))}.")
    return Section(f"Rank bands by {metric_title(ranks.metric)}", columns, tuple(rows), tuple(notes))


def _overall(comparison: Comparison) -> Section:
    notes, rows = Footnotes(merge=True), []
    baseline = comparison.baseline
    names = shown_metrics(comparison.models[baseline])
    shown = names
    if len(comparison.models) > FEW and len(names) > LEADING:  # few are metrics that somebody asked for
        shown = [name for name in names if is_headline(name)] or names
    for metric in shown:
        first = cell_text(comparison.models[baseline][metric], notes)
        for model, effects in comparison.differences.items():
            effect = effects[metric]
            value = cell_text(comparison.models[model][metric], notes)
            row = (Safe(metric_title(metric)), plain(model), first, value, change(effect, notes))
            rows.append((*row, p_text(effect.p_value), p_text(effect.p_holm)))
    columns = (
        Column("metric", left=True, heading=len(comparison.differences) > 1),
        Column("model", left=True, name=True),
        Column(baseline, drop=2, name=True),
        Column("model's value (95 %)", drop=1),
        Column("difference (95 %)"),
        Column("p", drop=1),
        Column("p, Holm"),
    )
    return Section(f"All images, against {plain(baseline)}", columns, tuple(rows), tuple(notes.lines()))


def _seeds(comparison: Comparison) -> Section:
    notes, rows = Footnotes(), []
    for model, metrics in comparison.seeds.items():
        for metric in sorted_metrics(metrics):
            item = metrics[metric]
            if not is_headline(metric) and len(metrics) > LEADING:
                continue
            values = Safe(", ".join(map(number, item.values.values())))
            spread = Safe(number(item.seed_sd) + (notes.mark(item.reason) if item.reason else ""))
            title = Safe(metric_title(metric))
            rows.append((plain(model), title, Safe(item.n), values, spread, number(item.test_sd)))
    columns = (
        Column("model", left=True, name=True),
        Column("metric", left=True),
        Column("seeds"),
        Column("value of each seed", left=True, drop=1),
        Column("SD between seeds"),
        Column("SD of the test set"),
    )
    said = (
        "SD between seeds: how far training again moves a score. SD of the test set: how far other images would."
    )
    return Section("Several seeds", columns, tuple(rows), (said, *notes.lines()))
