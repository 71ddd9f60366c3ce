"""Formats of numbers and groups in text: two decimals without a leading zero, ``.62 [.59, .65]``; "type VI".

Test sets of this field do not support more than two decimals: with 1,000 images, the 95 % interval of an accuracy
is up to .03 wide on either side. ``report.json`` keeps six.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.artifacts.columns import ALL
from dermbench.artifacts.records import DIGITS
from dermbench.artifacts.skin import BANDS, FST_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NONE = "\N{EN DASH}"
"""Stands for an undefined or missing value."""
MINUS = "\N{MINUS SIGN}"
SKIN = "skin type"
CROSS = " \N{MULTIPLICATION SIGN} "


def decimal(value: float, *, digits: int = 2) -> str:
    """Return ``.62``, ``1.00`` or, with a true minus sign, -.05; a value that rounds to zero has no sign."""
    text = f"{round(value, DIGITS):.{digits}f}"  # rounded as in report.json, which gives the same text
    if float(text) == 0.0:
        text = text.removeprefix("-")
    text = text.replace("-0.", "-.", 1) if text.startswith("-0.") else text.removeprefix("0")
    return text.replace("-", MINUS)


def limit(value: float) -> str:
    """Return a limit of a gap like :func:`decimal`, with a third decimal if a non-zero limit would read as 0."""
    if not 0 < abs(value) < 0.005 or round(value, DIGITS) == 0:
        return decimal(value)
    return decimal(value, digits=3) if abs(value) >= 0.0005 else f"{MINUS if value < 0 else ''}<.001"


def limits(low: float | None, high: float | None) -> str:
    """Return the limits of a gap as ``[.003, .31]``; a dash if an end is missing."""
    return NONE if low is None or high is None else f"[{limit(low)}, {limit(high)}]"


def p_value(value: float) -> str:
    """Return a p-value with three decimals, or ``<.001``."""
    return "<.001" if value < 0.001 else decimal(value, digits=3)


def interval(low: float | None, high: float | None) -> str:
    """Return an interval as ``[.59, .65]``; a dash if an end is missing."""
    return NONE if low is None or high is None else f"[{decimal(low)}, {decimal(high)}]"


def is_skin_type(feature: str) -> bool:
    """Return whether a feature is Fitzpatrick skin type, by any annotator, or its bands."""
    return (feature == "fst" or feature.startswith("fst_")) and "," not in feature


def feature_words(feature: str) -> str:
    """Return a sensitive feature in running text: ``skin type``, ``sex``, ``skin type`` crossed with ``sex``."""
    if "," in feature:
        return CROSS.join(feature_words(part.strip()) for part in feature.split(","))
    return SKIN if is_skin_type(feature) else feature.replace("_", " ")


def span_words(names: Sequence[str]) -> str:
    """Return group names with consecutive skin types joined: V to VI, ``I, III and V``, ``female and male``."""
    if not all(name in _TYPES for name in names):
        return enumerated(names)
    numbers = sorted({number for name in names for number in _TYPES[name]})
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return enumerated([_run(run) for run in runs])


def group_words(names: Sequence[str]) -> str:
    """Return group names for running text: ``type VI``, ``types I and III``, ``female``."""
    if not all(name in _TYPES for name in names):
        return enumerated(names)
    several = sum(len(_TYPES[name]) for name in names) > 1
    return f"type{'s' * several} {span_words(names)}"


def enumerated(names: Iterable[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``."""
    *first, last = list(names) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def images_of(n: int, split: str, task: str) -> str:
    """Return ``1,227 images of the test split of ajl-21``, or ``30 images of the table truth``."""
    part = "the table" if split == ALL else f"the {split} split of"
    return f"{counted(n, 'image')} of {part} {task}"


def counted(n: int, noun: str) -> str:
    """Return ``1 image``, ``1,227 images``."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + ("es" if noun.endswith("s") else "s")
    return f"{n:,} {noun if n == 1 else plural}"


def _run(run: list[int]) -> str:
    first, last = FST_NAMES[run[0] - 1], FST_NAMES[run[-1] - 1]
    return first if first == last else f"{first}{NONE}{last}"


_TYPES = {name: (number,) for number, name in enumerate(FST_NAMES, start=1)} | {
    band: (2 * i + 1, 2 * i + 2) for i, band in enumerate(BANDS)
}
