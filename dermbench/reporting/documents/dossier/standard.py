"""Reporting standards: numbered items in our own words, each with the topic that answers it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dermbench.artifacts.guarded import parse_toml
from dermbench.artifacts.records import validated
from dermbench.registry import Registry


class Item(BaseModel):
    """One item of a standard.

    Attributes
    ----------
    number
        Number in the standard, with the letter of a part: ``12c``.
    section
        Part of a paper that the item belongs to.
    only
        Kind of study that the item is for: one that develops a model, or one that evaluates a model; empty for
        both.
    asks
        Question of the item, in our own words.
    topic
        Topic of :data:`~dermbench.reporting.documents.dossier.facts.TOPICS` that answers it; empty if no record
        can.
    beyond
        Part of the question that no record can answer; empty only if records can answer all of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    number: str = Field(pattern=r"^[0-9]{1,2}[a-z]?$")
    section: str = Field(min_length=1)
    only: Literal["development", "evaluation", ""] = ""
    asks: str = Field(min_length=1)
    topic: str = ""
    beyond: str = ""


class Standard(BaseModel):
    """A reporting standard.

    Attributes
    ----------
    name, title
        Short name, and full name with the year.
    about
        Kind of study that it is for.
    citation, doi, url
        Publication that defines it, and its address.
    read_from
        Source of the complete list of items.
    items
        All items, in order.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    name: str = Field(pattern=r"^[a-z0-9+-]+$")
    title: str
    about: str
    citation: str
    doi: str = Field(pattern=r"^10\.[0-9]+/[A-Za-z0-9./_-]+$")
    url: str = Field(pattern=r"^https://[A-Za-z0-9./_-]+$")
    read_from: str
    items: tuple[Item, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _numbers_are_unique(self) -> Self:
        numbers = [item.number for item in self.items]
        twice = sorted({number for number in numbers if numbers.count(number) > 1})
        if twice:
            raise ValueError(f"items with the same number: {', '.join(twice)}")
        return self


@cache
def _packaged() -> Registry[Standard]:
    found: Registry[Standard] = Registry(
        "standard", "dermbench.standards", is_one=lambda item: isinstance(item, Standard)
    )
    folder = files("dermbench.reporting.documents.dossier") / "standards"
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml"):
            standard = validated(file.name, Standard, parse_toml(file.name, file.read_bytes()))
            found.add(standard.name, standard)
    return found


def standard_names() -> list[str]:
    """Return the names of all standards, sorted."""
    return _packaged().names()


def load_standard(name: str) -> Standard:
    """Return the standard called ``name``.

    Raises
    ------
    RegistryError
        When there is no standard with this name; the message suggests a similar one.
    """
    return _packaged().get(name)
