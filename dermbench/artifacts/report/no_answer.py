"""Images without a usable prediction, which count as wrong: how many, why, and by skin type."""

from __future__ import annotations

from pydantic import Field

from dermbench.artifacts.no_answer import REASONS, Reason, no_answer_sentence
from dermbench.artifacts.report.parts import Cell, Part


class NoAnswerGroup(Part):
    """One group of images.

    Attributes
    ----------
    n
        Number of images, at least one.
    missing, refused, unparsable
        How many of them have no row, an answer that declines, or an answer that names no class or several.
    share
        Share of these among the ``n`` images, with Wilson limits; clustered where images share a unit.
    """

    n: int = Field(ge=1)
    missing: int = Field(ge=0)
    refused: int = Field(ge=0)
    unparsable: int = Field(ge=0)
    share: Cell

    @property
    def absent(self) -> int:
        """Number of images without a usable prediction."""
        return self.missing + self.refused + self.unparsable


class NoAnswer(Part):
    """Images without a usable prediction, which count as wrong.

    Attributes
    ----------
    overall
        All images, before they are put together to cases.
    features
        {``fst`` or ``fst_band``: {group: its images}}; empty where the truth has no skin type.
    """

    overall: NoAnswerGroup
    features: dict[str, dict[str, NoAnswerGroup]]

    def sentence(self) -> str:
        """Say how many images count as wrong, why, and of which skin types they are; empty where none does."""
        every = self.overall
        counts: dict[Reason, int] = {reason: getattr(every, reason) for reason in REASONS}
        rows = self.features.get("fst_band") or self.features.get("fst") or {}
        return no_answer_sentence(every.n, counts, {name: (row.absent, row.n) for name, row in rows.items()})
