"""Normalised text of an answer, with marked class names."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dermbench.artifacts.labels import fold
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dermbench.artifacts.class_map import ClassMap

OPEN, CLOSE = "\ue000", "\ue001"
"""Characters around the number of a class that replaces its name."""
MENTION = re.compile(f"{OPEN}(\\d+){CLOSE}")
NEGATED = "\ue002"
"""Replaces a class that the answer negates ("not X")."""
_PLAIN = str.maketrans(
    dict.fromkeys("\u2018\u2019\u00b4\u02bc", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"')
    | dict.fromkeys("\u2010\u2011\u2212", "-")
    | dict.fromkeys("\u2013\u2014", " - ")
)
_BLANKS = re.compile(r"[^\S\n]+")
_WRAPPED = re.compile(r"(?<=[^\s.!?:;>]) ?\n ?(?=[a-z$\\]|<answer)")
_HIDDEN = frozenset({"Cf", "Cc", "Co", "Cs", "Cn"})
_QUOTED = re.compile(rf"(?:(?<!\w)'|[(\[<\"])({OPEN}\d+{CLOSE})['\")\]>]")
_LETTER = re.compile(rf"(^|\n|: )[a-h]\. (?={OPEN})")
_NOT = (
    r"(?:not|isn't|rather than|instead of|no (?:evidence|signs?|features?|indications?) of|"
    r"without (?:evidence|signs?|features?) of|neither|nor|no)"
)
_ARTICLES = r"(?:(?:a|an|the|any)\s+)?"
_NEGATION = re.compile(rf"\b{_NOT}\s+{_ARTICLES}{OPEN}(\d+){CLOSE}")


def plain_text(text: str) -> str:
    """Return text in lower case, with uniform quotes, dashes and blanks, and without hidden characters.

    A line break within a sentence becomes a blank: the next line then begins in lower case.
    """
    lines = unicodedata.normalize("NFKC", text).replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    shown = "".join(c for c in lines.translate(_PLAIN) if c == "\n" or _shown(c))
    return _WRAPPED.sub(" ", one_blank(shown)).lower()


def one_blank(text: str) -> str:
    """Return text with runs of blanks replaced by one blank; line ends stay."""
    return _BLANKS.sub(" ", text)


def _shown(character: str) -> bool:
    return unicodedata.category(character) not in _HIDDEN


@dataclass(frozen=True)
class AnswerNames:
    """Names that an answer may give to the classes; made by :func:`answer_names`.

    Attributes
    ----------
    classes
        Ordered class set of the truth.
    targets
        Class by :func:`~dermbench.artifacts.labels.fold` of its name.
    """

    classes: tuple[str, ...]
    targets: dict[str, str]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Whole names, longest first. A name of one character does not match before another word."""
        keys = sorted(self.targets, key=lambda key: (-len(key), key))
        parts = [
            r"[\s_-]+".join(re.escape(word) for word in key.strip("-").split("-"))
            + (r"(?!\s*\w)" if len(key) == 1 else "")
            for key in keys
        ]
        return re.compile(rf"(?<!\w)(?<!\w-)(?:{'|'.join(parts)})(?!-?\w)")

    def find(self, name: str) -> str | None:
        """Return the class of a name; None if the name is unknown."""
        return self.targets.get(_key(name))

    def mark(self, text: str) -> str:
        """Return text of :func:`plain_text` with each class name replaced by :data:`MENTION`.

        Quotes and brackets around a name are removed, and so is the letter of an option (``B. melanoma``).
        """
        marked = self._pattern.sub(lambda found: f"{OPEN}{self._number(found[0])}{CLOSE}", text)
        return _LETTER.sub(r"\1", _QUOTED.sub(r"\1", marked))

    def _number(self, name: str) -> int:
        return self.classes.index(self.targets[_key(name)])

    def take_negated(self, marked: str) -> tuple[str, frozenset[int]]:
        """Return marked text with :data:`NEGATED` for "not X", and the classes X."""
        negated = frozenset(int(found[1]) for found in _NEGATION.finditer(marked))
        return _NEGATION.sub(NEGATED, marked), negated


def answer_names(classes: Sequence[str], class_map: ClassMap | None = None) -> AnswerNames:
    """Return the names that stand for classes in an answer: the classes themselves, and those of a class map.

    Parameters
    ----------
    classes
        Ordered class set of the truth.
    class_map
        Further names, each with its class. They take precedence over the names of the classes.

    Raises
    ------
    UsageError
        When two classes differ only in spelling, or a name holds no letter or digit.
    """
    targets: dict[str, str] = {}
    for name in classes:
        if targets.setdefault(_key(name), name) != name:
            raise UsageError(f"classes {targets[_key(name)]!r} and {name!r} differ only in spelling")
    further = {} if class_map is None else {_key(name): target for name, target in class_map.targets.items()}
    _check(targets | further)
    return AnswerNames(tuple(classes), targets | further)


def _key(name: str) -> str:
    return fold(plain_text(name)).strip("-")


def _check(names: Iterable[str]) -> None:
    empty = [name for name in names if not re.search(r"\w", name)]
    if empty:
        raise UsageError(f"no answer can name the class {empty[0]!r}: it has no letter and no digit")
