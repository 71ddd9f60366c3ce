"""A leaderboard entry: who submitted what, trained on what, under which licence."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, field_validator

from dermbench.artifacts.files import write_text
from dermbench.artifacts.records import read_model

ENTRY = "entry.toml"
MAX_TEXT = 400
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


class Entry(BaseModel):
    """Content of ``entry.toml``.

    Attributes
    ----------
    name
        Display name, at most 80 characters, unique on the board.
    authors, link, licence
        People to credit, address of further information, and terms of the predictions.
    model
        Architecture, and the data it was pretrained on.
    training_data
        All data that the model was trained or tuned on.
    method
        Training method, in one line.
    hashes
        {file of the entry: its ``sha256``}.
    truth_digest
        Content hash of the truth of the report.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    schema_: Literal["dermbench.entry/1"] = Field("dermbench.entry/1", alias="schema")
    name: str = Field(min_length=1, max_length=80)
    authors: str = ""
    link: str = ""
    licence: str = ""
    model: str = ""
    training_data: str = ""
    method: str = ""
    seed: int | None = None
    hashes: dict[str, str] = Field(default_factory=dict)
    truth_digest: str = ""

    @field_validator("name", "authors", "link", "licence", "model", "training_data", "method")
    @classmethod
    def _one_plain_line(cls, text: str) -> str:
        if len(text) > MAX_TEXT:
            raise ValueError(f"has {len(text):,} characters, at most {MAX_TEXT} are shown")
        if _CONTROL.search(text):
            raise ValueError("holds a line break, a control or a direction-changing character")
        return text.strip()

    @field_validator("name")
    @classmethod
    def _not_blank(cls, name: str) -> str:
        if not name:
            raise ValueError("is blank")
        return name

    @field_validator("link")
    @classmethod
    def _http_only(cls, link: str) -> str:
        if link and not re.fullmatch(r"https?://[^\s<>\"'`|()\[\]]+", link):
            raise ValueError("is not a plain http or https address")
        return link


def read_entry(path: Path | str) -> Entry:
    """Read ``entry.toml``.

    Raises
    ------
    UsageError
        When there is no such file.
    InputError
        With every key that is missing, unknown or of the wrong form.
    """
    return read_model(path, Entry)


def write_entry(path: Path | str, entry: Entry) -> None:
    """Write ``entry.toml``, atomically."""
    write_text(path, tomlkit.dumps(entry.model_dump(by_alias=True, mode="json", exclude_none=True)))
