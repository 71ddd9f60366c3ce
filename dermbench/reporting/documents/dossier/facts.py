"""Facts from records about one topic of a checklist, and the registry of functions that look them up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from dermbench.registry import Registry
from dermbench.reporting.documents.evidence import Evidence

Status = Literal["answered", "partly", "author", "does not apply"]
"""How completely the records answer an item."""


@dataclass(frozen=True)
class Facts:
    """Facts from records about one topic.

    Attributes
    ----------
    sentences
        The facts; empty if the records have none.
    sources
        Sources of the facts, one record and field each.
    gaps
        Parts of the topic that these records lack.
    helps
        Option that would answer more, such as ``--run RUN``; empty if none would.
    applies
        False if the sentences state that there is nothing to report.
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
        How completely the records answer it; ``answered`` only if nothing is left open.
    sentences, sources
        The facts and their sources.
    open
        Parts that the author must answer.
    helps
        Option that would answer more.
    """

    status: Status
    sentences: tuple[str, ...]
    sources: tuple[str, ...]
    open: tuple[str, ...]
    helps: str = ""


def answer(facts: Facts, *, asks: str, beyond: str) -> Answer:
    """Return the answer to an item from the facts about its topic.

    Parameters
    ----------
    facts
        Facts about the item's topic.
    asks
        Question of the item, in words.
    beyond
        Part of the question that no record can answer; empty if there is none.
    """
    if facts.sentences and not facts.applies:
        return Answer("does not apply", facts.sentences, facts.sources, ())
    if not facts.sentences:
        return Answer("author", (), (), (asks,), facts.helps)
    left = (*facts.gaps, *([beyond] if beyond else []))
    return Answer("partly" if left else "answered", facts.sentences, facts.sources, left, facts.helps)
