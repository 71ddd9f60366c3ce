"""The files that a new board starts with beside its settings: rules, checklist, workflows, attributes for git."""

from __future__ import annotations

import string
from dataclasses import dataclass, fields
from importlib.resources import files

from dermbench.leaderboard.board import RULES

PLACES = {
    RULES: RULES,
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "gitattributes": ".gitattributes",
    "gitignore": ".gitignore",
    "pull_request_template.md": ".github/pull_request_template.md",
    "verify.yml": ".github/workflows/verify.yml",
    "comment.yml": ".github/workflows/comment.yml",
}
"""Where each of the files beside this module goes in the folder of a board."""


class _Template(string.Template):
    """Text with places written ``@@name``; ``$`` is left to shells and workflows."""

    delimiter = "@@"


@dataclass(frozen=True)
class Wording:
    """What is filled in, as text that is safe in markdown.

    Attributes
    ----------
    title, metric
        Heading of the board, and the title of the metric that ranks.
    question
        The primary question with its margin, as a sentence.
    truth
        Who has the labels, as a paragraph.
    given
        Options that give the truth to a command, with a space in front; empty where the board stores it.
    requirement
        What pip installs; see :func:`dermbench.leaderboard.init.init`.
    """

    title: str
    metric: str
    question: str
    truth: str
    given: str
    requirement: str


def starting_files(wording: Wording) -> dict[str, str]:
    """Return the content of each file by its path in the folder of the board."""
    filled = {field.name: getattr(wording, field.name) for field in fields(wording)}
    here = files(__name__)
    return {
        place: _Template(here.joinpath(name).read_text(encoding="utf-8")).substitute(filled)
        for name, place in PLACES.items()
    }
