"""The label column of a truth: one class per image, in any spelling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from dermbench.artifacts.labels import match_labels, not_one_label, spelling_conflicts
from dermbench.artifacts.text_form import CONTROL
from dermbench.artifacts.wording import counted
from dermbench.errors import name_some

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SPELLING_REMEDY = "Correct the labels, or name the classes: --classes A,B (data prepare: --set classes=A,B)."


def match_column(
    table: pd.DataFrame, classes: Sequence[str], aliases: Mapping[str, str] | None, *, given: bool
) -> tuple[list[str], pd.Series]:
    """Return the problems of the labels, and the class of each row."""
    found = table["label"]
    lists = not_one_label(found)
    if lists.any():
        shown = f"{name_some(found[lists].unique(), limit=2)} in {int(lists.sum()):,} rows"
        return [f"label cells hold lists ({shown}); one label per image is needed"], found
    conflicts = [] if given else spelling_conflicts(found)
    if conflicts:
        return conflicts, found
    labels = match_labels(found, classes, aliases=aliases).set_axis(table.index)
    return _label_problems(table, labels, classes), labels


def folded_labels(found: pd.Series, labels: pd.Series) -> list[str]:
    """Say how many labels are spelled differently from their class."""
    apart = found.notna() & (found != labels)
    if not apart.any():
        return []
    pairs = pd.DataFrame({"found": found[apart], "label": labels[apart]}).drop_duplicates()
    first = ", ".join(f"{a!r} is {b!r}" for a, b in pairs.head(3).itertuples(index=False))
    more = f" and {len(pairs) - 3:,} more" if len(pairs) > 3 else ""
    return [f"{counted(int(apart.sum()), 'label')} in other spellings than their class ({first}{more})."]


def _label_problems(table: pd.DataFrame, labels: pd.Series, classes: Sequence[str]) -> list[str]:
    empty, unknown = table["label"].isna(), table["label"].notna() & labels.isna()
    problems = []
    held = table["label"].str.contains(CONTROL).fillna(value=False)
    if held.any():
        problems.append(f"labels with control characters: {name_some(table['label'][held].unique())}")
    if empty.any():
        problems.append(f"no label for image_id {name_some(table['image_id'][empty])}")
    if unknown.any():
        problems.append(
            f"labels outside of the class set: {name_some(table['label'][unknown].unique())}; "
            f"classes: {', '.join(classes)}"
        )
    return problems
