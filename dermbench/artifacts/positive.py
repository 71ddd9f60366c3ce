"""Positive classes: named by the user, by the malignancy of each class, or by the names of two classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from dermbench.artifacts.labels import match_labels
from dermbench.artifacts.report import Positive
from dermbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MALIGNANT = "malignant"
"""Malignancy of a positive class."""
POSITIVE_NAMES = frozenset(
    {"1", "true", "yes", "positive", "pos", "malignant", "malignancy", "cancer", "melanoma"}
)
"""Names that make one of two classes positive."""
SPELLINGS = {
    **dict.fromkeys(("1", "1.0", "true", "yes"), MALIGNANT),
    **dict.fromkeys(("0", "0.0", "false", "no"), "benign"),
}
"""Other spellings in a column of malignancy."""
KINDS = (MALIGNANT, "benign")


def positive_classes(
    classes: Sequence[str], *, chosen: Sequence[str] = (), malignancy: Mapping[str, str] | None = None
) -> Positive | None:
    """Return the positive classes of a class set; None if they cannot be determined.

    Parameters
    ----------
    classes
        Class set.
    chosen
        Classes that the user names; they take precedence.
    malignancy
        {class: ``malignant``, ``benign`` or another group}; ignored unless it holds every class.
    """
    two = len(classes) == 2
    if chosen:
        named = tuple(name for name in classes if name in set(chosen))
        return Positive(classes=named, source="--positive", leads=True)
    kinds = [(malignancy or {}).get(name) for name in classes]
    if None not in kinds:
        found = tuple(name for name, kind in zip(classes, kinds, strict=True) if kind == MALIGNANT)
        if 0 < len(found) < len(classes):
            return Positive(classes=found, source="malignancy", leads=two)
    named = tuple(name for name in classes if name.strip().lower() in POSITIVE_NAMES)
    return Positive(classes=named, source="class name", leads=True) if two and len(named) == 1 else None


def chosen_classes(
    names: Sequence[str], classes: Sequence[str], aliases: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Return the classes that a user names as positive, in the order of the class set.

    Raises
    ------
    UsageError
        When a name is not a class, or every class is named.
    """
    matched = match_labels(list(names), tuple(classes), aliases=aliases)
    unknown = [name for name, there in zip(names, matched.notna(), strict=True) if not there]
    if unknown:
        raise UsageError(f"--positive: no class {', '.join(map(repr, unknown))}; there are {', '.join(classes)}")
    found = set(matched)
    if len(found) == len(classes):
        raise UsageError("--positive names every class; specificity needs at least one that is not positive")
    return tuple(name for name in classes if name in found)


def malignancy_by_class(table: pd.DataFrame, classes: Sequence[str]) -> tuple[dict[str, str], str | None]:
    """Return the malignancy of every class from the column ``malignancy``, and a problem of the column.

    Parameters
    ----------
    table
        Table with ``label``; the column ``malignancy`` is optional.
    classes
        Class set.

    Returns
    -------
    malignancy, remark
        {class: malignancy} and None. If the column does not give every class exactly one value, or no class is
        malignant: {} and a sentence that says why.

    Raises
    ------
    UsageError
        When the column contradicts the name of a class.
    """
    if "malignancy" not in table:
        return {}, None
    kinds = table["malignancy"].astype("string").str.strip().str.lower().replace(SPELLINGS)
    pairs = pd.DataFrame({"label": table["label"].astype(str), "kind": kinds}).dropna().drop_duplicates()
    against = pairs[(pairs["label"].str.lower().isin(KINDS)) & (pairs["label"].str.lower() != pairs["kind"])]
    if len(against):
        label, kind = against.iloc[0]
        raise UsageError(
            f"the column malignancy calls images of the class {label} {kind}",
            remedy="Correct the column or the labels, or leave the column out.",
        )
    several = sorted(pairs["label"][pairs["label"].duplicated()].unique())
    lacking = sorted(set(classes) - set(pairs["label"]))
    if several or lacking:
        what = f"class {several[0]} has several" if several else f"class {lacking[0]} has none"
        return {}, f"The column malignancy does not give every class one value ({what}); it is not used."
    found = dict(zip(pairs["label"], pairs["kind"], strict=True))
    if MALIGNANT not in found.values():
        there = ", ".join(sorted(set(found.values())))
        return {}, f"The column malignancy says of no class that it is malignant (it has {there}); it is not used."
    return found, None
