"""A comparison of models as titled tables, for the terminal and for markdown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dermbench.artifacts.wording import NONE, decimal
from dermbench.reporting.comparison_cells import cell, change, interval_text, number, p_text
from dermbench.reporting.comparison_features import feature_tables
from dermbench.reporting.markdown import markdown_section
from dermbench.reporting.names import LEADING, is_headline, metric_title, sorted_features, sorted_metrics
from dermbench.reporting.numbers import Footnotes, cell_text
from dermbench.reporting.section import Column, Section
from dermbench.reporting.terminal import _print_section as print_section
from dermbench.reporting.text import PROSE_LIMIT, Safe, markdown_text, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

Document = dict[str, Any]
FEW = 3
"""Models up to which the terminal shows every metric."""
READING = (
    "Differences are model minus baseline on the same images, with paired 95 % intervals. Not for clinical use."
)
LETTERS = "Models that share a letter cannot be told apart (paired tests of all pairs, Holm over all of them)."


def comparison_sections(document: Mapping[str, Any]) -> list[Section]:
    """Return the tables of a comparison, in the order to read them.

    Parameters
    ----------
    document
        Content of ``comparison.json``.
    """
    found = [_ranks(document), _overall(document)]
    if document["seeds"]:
        found.append(_seeds(document))
    for place, name in enumerate(sorted_features(document["features"])):
        found += feature_tables(document, name, main=place == 0)
    return found


def comparison_markdown(document: Mapping[str, Any], *, figures: Sequence[str] = ()) -> str:
    """Return ``comparison.md``: every table, the figures, which p values are corrected together, notes.

    Parameters
    ----------
    document
        Content of ``comparison.json``.
    figures
        File names of figures beside the file.
    """
    lines = [f"# {markdown_text(_title(document))}", "", f"{_headline(document)}. {READING}", ""]
    for name in figures:
        lines += [f"![{markdown_text(name)}]({name})", ""]
    for section in comparison_sections(document):
        lines += markdown_section(section)
    lines += ["## Which p values are corrected together", ""]
    lines += [f"- {name.replace('_', ' ')}: {markdown_text(text)}" for name, text in _families(document)]
    lines += ["", "## Notes", ""]
    lines += [f"- {markdown_text(note, limit=PROSE_LIMIT)}" for note in document["notes"]]
    return "\n".join([*lines, ""])


def print_comparison(document: Mapping[str, Any], console: Console) -> None:
    """Print the main tables of a comparison; the others are in ``comparison.md``.

    Parameters
    ----------
    document
        Content of ``comparison.json``.
    console
        Where to.
    """
    from rich.text import Text  # noqa: PLC0415 - only the terminal needs it

    console.print(Text(f"{plain(_title(document))}: {_headline(document)}", style="bold"))
    for section in comparison_sections(document):
        if not section.detail:
            console.print()
            print_section(replace(section, rows=section.rows[: section.lead]), console)
    console.print()
    for name, text in _families(document):
        console.print(Text(f"- {name.replace('_', ' ')}: {plain(text, limit=PROSE_LIMIT)}", style="dim"))
    for note in document["notes"]:
        console.print(Text(f"- {plain(note, limit=PROSE_LIMIT)}"))


def _title(document: Mapping[str, Any]) -> str:
    return f"{document['task']}, {document['split']}: models compared"


def _headline(document: Mapping[str, Any]) -> str:
    return f"{len(document['models'])} models on {document['n']:,} images"


def _families(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    order = ("ranks", "overall", "groups", "worst_group", "gap", "screen")
    there = [name for name in order if name in document["families"]]
    return [(name, document["families"][name]) for name in there if document["features"] or name in order[:2]]


def _ranks(document: Mapping[str, Any]) -> Section:
    ranks = document["ranks"]
    columns = (
        Column("rank"),
        Column("model", left=True),
        Column(f"{metric_title(ranks['metric'])} (95 %)"),
        Column("letters", left=True),
    )
    rows = []
    for name, item in ranks["models"].items():
        band = str(item["best"]) if item["best"] == item["worst"] else f"{item['best']}-{item['worst']}"
        ends = f" {interval_text(item)}" if "low" in item else ""
        rows.append((Safe(band), plain(name), Safe(number(item["value"]) + ends), Safe(item["letters"] or NONE)))
    said = ranks.get("letters_reason", LETTERS)
    notes = [ranks["reason"]] if "reason" in ranks else [f"{said} Test: {ranks['test']}."]
    if "without_value" in ranks:
        notes.append(f"Without a value, so without a rank: {', '.join(map(plain, ranks['without_value']))}.")
    return Section(f"Rank bands by {metric_title(ranks['metric'])}", columns, tuple(rows), tuple(notes))


def _overall(document: Mapping[str, Any]) -> Section:
    notes, rows = Footnotes(merge=True), []
    baseline = document["baseline"]
    names = sorted_metrics(document["models"][baseline])
    shown = names
    if len(document["models"]) > FEW and len(names) > LEADING:  # few are metrics that somebody asked for
        shown = [name for name in names if is_headline(name)] or names
    for metric in shown:
        first = cell_text(cell(document["models"][baseline][metric]), notes)
        for model, effects in document["differences"].items():
            effect = effects[metric]
            value = cell_text(cell(document["models"][model][metric]), notes)
            row = (Safe(metric_title(metric)), plain(model), first, value, change(effect, notes))
            rows.append((*row, p_text(effect.get("p_value")), p_text(effect.get("p_holm"))))
    columns = (
        Column("metric", left=True, heading=len(document["differences"]) > 1),
        Column("model", left=True),
        Column(baseline, drop=2),
        Column("model's value (95 %)", drop=1),
        Column("difference (95 %)"),
        Column("p", drop=1),
        Column("p, Holm"),
    )
    return Section(f"All images, against {plain(baseline)}", columns, tuple(rows), tuple(notes.lines()))


def _seeds(document: Mapping[str, Any]) -> Section:
    notes, rows = Footnotes(), []
    for model, metrics in document["seeds"].items():
        for metric in sorted_metrics(metrics):
            item = metrics[metric]
            if not is_headline(metric) and len(metrics) > LEADING:
                continue
            values = ", ".join("-" if v is None else decimal(v, digits=3) for v in item["values"].values())
            spread = "-" + notes.mark(item["reason"]) if item["seed_sd"] is None else number(item["seed_sd"])
            test = "-" if item["test_sd"] is None else number(item["test_sd"])
            rows.append(
                (plain(model), Safe(metric_title(metric)), Safe(item["n"]), values, Safe(spread), Safe(test))
            )
    columns = (
        Column("model", left=True),
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
