"""What records know about one topic of a checklist, and the registry of functions that look it up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from dermbench.registry import Registry
from dermbench.reporting.documents.evidence import Evidence

Status = Literal["answered", "partly", "author", "does not apply"]
"""How far records answer an item."""


@dataclass(frozen=True)
class Facts:
    """What records know about one topic.

    Attributes
    ----------
    sentences
        The facts; empty where records know nothing.
    sources
        Where they come from, one record and field each.
    gaps
        What the topic is also about and these records lack.
    helps
        What would answer more, such as ``--run RUN``; empty for nothing.
    applies
        False where the sentences say that there is nothing to report.
    """

    sentences: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    helps: str = ""
    applies: bool = True

    def __post_init__(self) -> None:
        if bool(self.sentences) != bool(self.sources):
            raise ValueError("facts and their sources come together")


NOTHING = Facts()
RUN_HELPS = "--run RUN"
DATA_HELPS = "--data DATASET"

Topic = Callable[[Evidence], Facts]
TOPICS: Registry[Topic] = Registry("dossier topic", "dermbench.dossier_topics", is_one=callable)
"""Functions that look up the facts of a topic, by the name that standards use."""


@dataclass(frozen=True)
class Answer:
    """The answer to one item.

    Attributes
    ----------
    status
        How far records answer it. ``answered`` only where nothing that the item asks is left open.
    sentences, sources
        The facts, and where they come from.
    open
        What the author must answer, one part each.
    helps
        What would answer more.
    """

    status: Status
    sentences: tuple[str, ...]
    sources: tuple[str, ...]
    open: tuple[str, ...]
    helps: str = ""


def answer(facts: Facts, *, asks: str, beyond: str) -> Answer:
    """Return the answer to an item from what records know.

    Parameters
    ----------
    facts
        What records know about the item's topic.
    asks
        What the item asks, in words.
    beyond
        What it asks beyond what any record holds; empty for nothing.
    """
    if facts.sentences and not facts.applies:
        return Answer("does not apply", facts.sentences, facts.sources, ())
    if not facts.sentences:
        return Answer("author", (), (), (asks,), facts.helps)
    left = (*facts.gaps, *([beyond] if beyond else []))
    return Answer("partly" if left else "answered", facts.sentences, facts.sources, left, facts.helps)
