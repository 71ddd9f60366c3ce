"""Write a filled-in checklist as markdown: sources, a count, then each item with its answer."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, get_args

import dermbench.reporting.documents.dossier.answers  # noqa: F401 - registers the topics
from dermbench.artifacts.report.summary import tested_images
from dermbench.artifacts.wording import enumerated
from dermbench.reporting.documents import report_words
from dermbench.reporting.documents.dossier.facts import NOTHING, TOPICS, Answer, Status, answer
from dermbench.reporting.text import PROSE_LIMIT, markdown_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.reporting.documents.dossier.standard import Item, Standard
    from dermbench.reporting.documents.evidence import Evidence

MARK = "Written by dermbench dossier"
WORDS: dict[Status, str] = {
    "answered": "answered",
    "partly": "partly answered",
    "author": "the author must answer",
    "does not apply": "does not apply",
}
"""{status: words in the document}."""
ONLY = {
    "development": " *Only where a model is developed.*",
    "evaluation": " *Only where a model is evaluated.*",
    "": "",
}
"""Kinds of studies that an item is for."""
MEANING = (
    "*Answered*: records hold all that the item asks. *Partly answered*: they hold some of it, and the rest is "
    "named. *The author must answer*: records hold nothing. *Does not apply*: records show that there is nothing "
    "to report. Items are in our own words; their numbers are those of the standard, whose text alone is binding. "
    "Answers are drawn from records without judgement: the author must check each of them. Not for clinical use."
)


def answers(standard: Standard, evidence: Evidence) -> list[tuple[Item, Answer]]:
    """Return the answer to each item of a standard, in order.

    Raises
    ------
    RegistryError
        When an item names an unknown topic.
    """
    found = []
    for item in standard.items:
        facts = TOPICS.get(item.topic)(evidence) if item.topic else NOTHING
        found.append((item, answer(facts, asks=item.asks, beyond=item.beyond)))
    return found


def dossier_markdown(evidence: Evidence, standards: Sequence[Standard]) -> str:
    """Return the filled-in checklists of the standards as one markdown document.

    Parameters
    ----------
    evidence
        The records.
    standards
        Standards, in the order of the document.
    """
    filled = [(standard, answers(standard, evidence)) for standard in standards]
    name = report_words.name_of(evidence.report)
    lines = [
        f"<!-- {MARK}. -->",
        "",
        f"# Reporting checklist of {_shown(name)}",
        "",
        f"{_shown(name)} on {_shown(tested_images(evidence.report))}. {_records(evidence)}",
        "",
        MEANING,
        "",
        *_counts(filled),
    ]
    for standard, rows in filled:
        lines += _standard(standard, rows)
    return "\n".join(lines)


def _shown(text: str) -> str:
    return markdown_text(text, limit=PROSE_LIMIT)


def _records(evidence: Evidence) -> str:
    used = ["the report"]
    lacking: list[str] = []
    for words, item in (("the run", evidence.run), ("the dataset", evidence.dataset)):
        (lacking if item is None else used).append(words)
    said = f"Filled from {enumerated(used)}."
    return f"{said} Not given: {enumerated(lacking)}." if lacking else said


def _counts(filled: Sequence[tuple[Standard, list[tuple[Item, Answer]]]]) -> list[str]:
    states = get_args(Status)
    head = ["standard", *(WORDS[state] for state in states), "items"]
    lines = [f"| {' | '.join(head)} |", f"|:--|{'--:|' * (len(states) + 1)}"]
    for standard, rows in filled:
        found = Counter(given.status for _, given in rows)
        numbers = [*(f"{found[state]}" for state in states), f"{len(rows)}"]
        lines.append(f"| {markdown_text(standard.title)} | {' | '.join(numbers)} |")
    return [*lines, ""]


def _standard(standard: Standard, rows: Sequence[tuple[Item, Answer]]) -> list[str]:
    about = f"{_shown(standard.about)} {_shown(standard.citation)}."
    links = " and ".join(f"<{url}>" for url in dict.fromkeys((f"https://doi.org/{standard.doi}", standard.url)))
    lines = [
        f"## {markdown_text(standard.title)}",
        "",
        f"{about} {links}. List read from: {_shown(standard.read_from)}.",
        "",
    ]
    for section, part in groupby(rows, key=lambda row: row[0].section):
        lines += [f"### {_shown(section)}", ""]
        for item, given in part:
            lines += _item(item, given)
    return lines


def _item(item: Item, given: Answer) -> list[str]:
    """Return the lines of one item, with dots in place of the author's answer."""
    head = f"**{markdown_text(item.number)}** {_shown(_capital(item.asks))}.{ONLY[item.only]}"
    if given.status == "author":
        return [head, "", f"**{_capital(WORDS['author'])}:** …{_helps(given)}", ""]
    lines = [f"{head} **{_capital(WORDS[given.status])}.**", "", " ".join(map(_shown, given.sentences)), ""]
    lines += [f"*From {_shown('; '.join(given.sources))}.*", ""]
    if given.open:
        lines += [f"**The author must add:** {'; '.join(map(_shown, given.open))}: …{_helps(given)}", ""]
    return lines


def _helps(given: Answer) -> str:
    return f" ({given.helps} would answer more.)" if given.helps else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
