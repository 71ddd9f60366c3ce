"""Names of the classes of the truth in a predictions file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.labels import fold, match_labels
from dermbench.artifacts.text_form import to_numbers
from dermbench.errors import name_some

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from dermbench.artifacts.class_map import ClassMap

PREFIX = "prob_"
"""Prefix of a column of probabilities; the name of the class follows."""
NUMBERS = (
    "Class numbers are read only with the names in the order of the model: --classes NAME,NAME,... (with --truth) "
    "or --map FILE."
)


@dataclass(frozen=True)
class Spelling:
    """Accepted names of the classes of the truth in a file.

    Attributes
    ----------
    classes
        Ordered class set of the truth.
    aliases
        Further spellings of these classes.
    class_map
        Map from classes of the model to classes of the truth.
    numbers
        Whether 0, 1, ... may stand for the classes in their order.
    """

    classes: tuple[str, ...]
    aliases: Mapping[str, str] | None = None
    class_map: ClassMap | None = None
    numbers: bool = False

    def match(self, names: Sequence[str]) -> pd.Series:
        """Return the class of the truth for each name, ``<NA>`` without one."""
        if self.class_map is None:
            return match_labels(names, self.classes, aliases=self.aliases)
        return self.class_map.match(names, self.classes, self.aliases)

    def match_or_number(self, names: pd.Series) -> tuple[pd.Series, tuple[str, ...]]:
        """Return the class for each name, and a sentence if class numbers were read.

        Numbers are read if :attr:`numbers` allows it, no value is the name of a class, and 0 occurs.
        """
        matched = self.match(names.tolist()).set_axis(names.index)
        if not self.numbers or self.class_map is not None or matched.notna().any():
            return matched, ()
        present = to_numbers(names.dropna()).to_numpy()
        allowed = np.arange(len(self.classes))
        if not len(present) or not np.isin(present, allowed).all() or 0 not in present:
            return matched, ()
        by_number = {str(k): name for k, name in enumerate(self.classes)}
        found = names.str.strip().map(by_number, na_action="ignore").astype("string")
        if found[names.notna()].isna().any():
            return matched, ()
        return found, (f"Class numbers 0 to {allowed[-1]} read as {', '.join(self.classes)}.",)

    def unknown(self, names: Sequence[str]) -> str:
        """Name the unknown classes: some of them, or all if a class map must list them."""
        shown = name_some(names) if self.class_map is None else name_some(names, limit=len(names))
        return f"unknown class: {shown}; classes: {', '.join(self.classes)}"

    def remedy(self, unknown: Sequence[str]) -> str | None:
        """Return a remedy for unknown classes; None if there is no specific one."""
        if not unknown:
            return None
        if self.class_map is not None:
            return self.class_map.remedy
        are_numbers = to_numbers(pd.Series(list(unknown), dtype="string")).notna().all()
        return NUMBERS if are_numbers else None

    def sentences(self, names: Sequence[str], matched: Collection[str]) -> tuple[str, ...]:
        """Say how many classes of the model were mapped to how many classes of the truth."""
        if self.class_map is None:
            return ()
        n_from, n_onto = len({fold(name) for name in names}), len(set(matched))
        return (f"{n_from} classes of the predictions mapped onto {n_onto} by {self.class_map.source}.",)
