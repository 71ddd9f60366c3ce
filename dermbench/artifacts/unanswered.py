"""The images of a truth that count as wrong because they have no usable prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.no_answer import REASONS, no_answer_sentence
from dermbench.artifacts.skin import BANDS, FST_NAMES, UNKNOWN, fst_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.artifacts.no_answer import Reason
    from dermbench.artifacts.truth import Truth


@dataclass(frozen=True)
class Unanswered:
    """The images that count as wrong because they have no usable prediction.

    Attributes
    ----------
    reason
        Reason of each image of ``truth``, None for an image with a prediction, shape (n,).
    truth
        The images, before they are combined into cases.
    """

    reason: NDArray[np.object_]
    truth: Truth

    @property
    def absent(self) -> NDArray[np.bool_]:
        """Which images have no usable prediction, shape (n,)."""
        return np.array([reason is not None for reason in self.reason], dtype=bool)

    def counts(self) -> dict[Reason, int]:
        """Return the number of images for each reason."""
        return {reason: int((self.reason == reason).sum()) for reason in REASONS}

    def groups(self) -> dict[str, dict[str, NDArray[np.bool_]]]:
        """Return {``fst`` or ``fst_band``: {group: its images}} of the skin types that the truth has."""
        found = {}
        for feature, names in (("fst", FST_NAMES), ("fst_band", BANDS)):
            if feature in self.truth.table:
                column = self.truth.table[feature]
                known = fst_name(column) if feature == "fst" else column.fillna(UNKNOWN)
                values = known.to_numpy(dtype=object)
                rows = {name: values == name for name in (*names, UNKNOWN)}
                found[feature] = {name: there for name, there in rows.items() if there.any()}
        return found

    def sentence(self) -> str:
        """Return :func:`no_answer_sentence` of these images; empty if all have a prediction."""
        absent, groups = self.absent, self.groups()
        rows = groups.get("fst_band") or groups.get("fst") or {}
        sizes = {name: (int((absent & there).sum()), int(there.sum())) for name, there in rows.items()}
        return no_answer_sentence(len(absent), self.counts(), sizes)
