"""The class that an answer in words names, by a conservative rule; docs/reference/formats.md has it in full."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dermbench.artifacts.answer_grammar import (
    ADVICE,
    BARE,
    CONFIDENCE,
    DOUBT,
    DOUBTED_LATER,
    EXPLICIT,
    FEWEST_WORDS,
    LABELLED,
    NO_LEAD_IN,
    REFUSED,
    SET_ASIDE,
    STATEMENT,
    TAKEN_BACK,
    WEAK_REFUSAL,
    WEAKENED,
)
from dermbench.artifacts.answer_names import MENTION, NEGATED, one_blank, plain_text
from dermbench.artifacts.guarded import parse_json
from dermbench.errors import InputError

if TYPE_CHECKING:
    from dermbench.artifacts.answer_names import AnswerNames
    from dermbench.artifacts.no_answer import Reason

LONGEST = 50_000
"""Most characters of an answer; a longer one counts as unparsable."""
KEYS = frozenset(
    {"answer", "final_answer", "diagnosis", "prediction", "predicted_class", "class", "label", "classification"}
)
"""Fields of a JSON object that hold the class."""
LONGEST_HEADING = 40
"""Characters of a line such as "Diagnosis" above the class."""
_THOUGHT, _THOUGHT_ENDS = "<think", "</think>"
_BOXED = re.compile(r"\$*\\boxed\{(?:\\text(?:bf)?\{)?([^{}]*)\}*\$*")
_TAGGED = re.compile(r"<answer>([^<>]*)</answer>")
_ANSWER_LINE = re.compile(r"^ ?<answer>\s*([^<>]*?)\s*</answer>\.? ?$", re.MULTILINE)
_STRUCK = re.compile(r"~~.*?~~", re.DOTALL)
_TAG = re.compile(r"</?(?:b|i|u|em|strong|p|span)\s*/?>")
_FENCE = re.compile(r"```[a-z]*\n?|`+")
_OBJECT = re.compile(r"\{[^{}]*\}")
_LINE = re.compile(r"^\s*(?:#+|[-+\u2022]\s|\d{1,2}[.)]\s)?\s*(.*?)\s*$")
_BULLET = re.compile(r"^ ?\* ", re.MULTILINE)
_LISTED = re.compile(r"^\s*(?:[-+\u2022]\s|\d{1,2}[.)]\s)")
_NOT_BUT = re.compile(rf"{NEGATED},? but (?:rather )?(?!it |this )")
_SENTENCES = re.compile(
    r"(?<=[.!?;])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bvs\.)\s+"
    rf"|{NEGATED}\s*(?:[,;:]|,?\s*but\b)\s*|,\s*but\s+"
)
_WRAPPED_IN = re.compile(r"\(([^()]*)\)|'([^']*)'")


@dataclass(frozen=True)
class Parsed:
    """The class of an answer, or why it has none.

    Attributes
    ----------
    label
        The class; None if the answer names none.
    no_answer
        ``refused`` or ``unparsable`` if there is no class; None otherwise.
    """

    label: str | None
    no_answer: Reason | None


@dataclass(frozen=True)
class _Sentence:
    """A sentence or line of an answer, with marked class names, and the class that it states.

    ``explicit``: it begins like "the answer is". ``bare``: it is only the name of a class.
    """

    text: str
    claims: int | None
    bare: bool

    @property
    def explicit(self) -> bool:
        return bool(EXPLICIT.search(self.text))

    @property
    def unread(self) -> bool:
        return self.claims is None and bool(LABELLED.search(self.text))

    @property
    def mentions(self) -> set[int]:
        return {int(number) for number in MENTION.findall(self.text)}


def parse_answer(text: str, names: AnswerNames) -> Parsed:
    """Return the class that an answer names, or why there is none.

    The rule is conservative. A class counts only if a whole sentence states it, or a JSON object or a line such as
    ``Answer: X`` names it, and nothing in the answer supports another class.

    Parameters
    ----------
    text
        The answer as the model gave it.
    names
        Names of the classes in answers.
    """
    if len(text) > LONGEST:
        return Parsed(None, "unparsable")
    body = _visible(plain_text(text))
    found = None if body is None else _stated(body, names)
    if found is not None:
        return Parsed(names.classes[found], None)
    return Parsed(None, "refused" if body is not None and _declines(body, names) else "unparsable")


def _visible(text: str) -> str | None:
    """Return the answer without the model's reasoning and without tags; None if the reasoning does not end."""
    text = text.rpartition(_THOUGHT_ENDS)[2]
    if _THOUGHT in text:
        return None
    unboxed = _BOXED.sub(r"<answer>\1</answer>", text)
    lines = _ANSWER_LINE.sub(r"answer: \1", unboxed)
    return _TAG.sub("", _TAGGED.sub(r" \1 ", lines).replace("<br>", "\n"))


def _stated(body: str, names: AnswerNames) -> int | None:
    """Return the number of the stated class; None if no class, or more than one, is stated."""
    document = _OBJECT.search(body)
    if document is None:
        return None if body.lstrip().startswith(("{", "[")) else _of_prose(_prose(body), names)
    label = _of_object(document[0], names)
    parts = (body[: document.start()], body[document.end() :])
    before, after = (names.take_negated(names.mark(_prose(part)))[0] for part in parts)
    line, rest_of_line = before.rpartition("\n")[2].strip(), after.partition("\n")[0].strip(" .])")
    apart = (line in {"", "["} or line.endswith(":")) and not rest_of_line
    rest = f"{before}\n{after}"
    odd = not apart or "{" in rest or NEGATED in rest or DOUBT.search(rest) or NO_LEAD_IN.search(rest)
    if label is None or odd:
        return None
    number = names.classes.index(label)
    return number if {int(k) for k in MENTION.findall(rest)} <= {number} else None


def _of_object(text: str, names: AnswerNames) -> str | None:
    try:
        content = parse_json("answer", text)
    except InputError:
        return None
    assert isinstance(content, dict)
    given = [value for key, value in content.items() if key.strip().replace(" ", "_") in KEYS]
    found = {names.find(value) if isinstance(value, str) else None for value in given}
    return found.pop() if len(found) == 1 else None


def _prose(body: str) -> str:
    """Return the text without Markdown marks, double quotes and struck-out text."""
    text = _BULLET.sub("- ", _FENCE.sub(" ", _STRUCK.sub(" ", body))).replace("*", "")
    return one_blank(re.sub(r"(?<!\w)_+|_+(?!\w)", "", text).replace('"', ""))


def _of_prose(text: str, names: AnswerNames) -> int | None:
    marked, negated = names.take_negated(names.mark(text))
    sentences = _split(_NOT_BUT.sub("", marked))
    claiming = [i for i, sentence in enumerate(sentences) if sentence.claims is not None]
    stated = {sentences[i].claims for i in claiming}
    number = stated.pop() if len(stated) == 1 else None
    if number is None or number in negated or any(sentence.unread for sentence in sentences):
        return None
    last, explicit = claiming[-1], [i for i in claiming if sentences[i].explicit]
    start = explicit[-1] if explicit else 0
    bare = all(sentences[i].bare for i in claiming)
    others = [s for i, s in enumerate(sentences) if i >= start and s.claims is None]
    later = [s for i, s in enumerate(sentences) if i > last and s.claims is None]
    doubted = (
        any(s.mentions - {number} for s in sentences[start:])
        or any(s.mentions and WEAKENED.search(s.text) for s in others)
        or any(_takes_back(s.text) for s in later)
        or any(_denies(sentences[i - 1]) for i in claiming if i)
        or (bare and any(_may_be_another(s.text) for s in others))
    )
    return None if doubted else number


def _takes_back(text: str) -> bool:
    short = len(text.split()) < FEWEST_WORDS and bool(DOUBT.search(text))
    return short or bool(TAKEN_BACK.search(text)) or bool(DOUBTED_LATER.search(text) and not ADVICE.search(text))


def _denies(before: _Sentence) -> bool:
    """Return whether a short line before a statement denies it, such as a heading "Ruled out"."""
    return len(before.text.split()) < FEWEST_WORDS and bool(DOUBT.search(before.text))


def _may_be_another(text: str) -> bool:
    """Return whether a sentence next to a bare name may be a further diagnosis, or deny the name."""
    short = len(text.split()) < FEWEST_WORDS and not CONFIDENCE.fullmatch(text.rstrip("."))
    return short or bool(DOUBT.search(text) and not ADVICE.search(text))


def _split(marked: str) -> list[_Sentence]:
    """Return the sentences and lines with content; a heading is joined to the line after it."""
    found: list[_Sentence] = []
    heading, begun = "", False
    for line in marked.split("\n"):
        matched = _LINE.match(line)
        content = matched[1] if matched else ""
        if not content or SET_ASIDE.search(content):
            begun = begun or bool(content)
            continue
        if len(content) <= LONGEST_HEADING and LABELLED.fullmatch(f"{content.rstrip(':')}:"):
            heading = f"{content.rstrip(':')}: "
            continue
        for part in _SENTENCES.split(heading + content):
            text = part.strip(" ,")
            whole = _WRAPPED_IN.fullmatch(text)
            text = (whole[1] or whole[2] or "") if whole else text
            if text:
                found.append(_sentence(text, first=not (begun or _LISTED.match(line))))
                begun = True
        heading = ""
    return found


def _sentence(text: str, *, first: bool) -> _Sentence:
    """Return a sentence with the class that it states; a bare name states one only if it comes ``first``."""
    end = text.rstrip(".! ")
    stating = STATEMENT.fullmatch(end)
    bare = BARE.fullmatch(end) if stating is None and first else None
    found = stating or bare
    if found is None or any(DOUBT.search(found[name] or "") for name in ("opener", "tail")):
        return _Sentence(text, None, bare=False)
    return _Sentence(text, int(found["number"]), bare=bare is not None)


def _declines(body: str, names: AnswerNames) -> bool:
    text = _prose(body)
    return bool(REFUSED.search(text)) or (bool(WEAK_REFUSAL.search(text)) and not MENTION.search(names.mark(text)))
