"""Records of images without a usable prediction: numbers, reasons, and by skin type."""

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
        Number of images without a row, with a refusal, and with an answer that does not name one class.
    share
        Share of these images, with Wilson limits that allow for shared units.
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
        All images, before they are combined into cases.
    features
        {``fst`` or ``fst_band``: {group: its images}}; empty if the truth has no skin type.
    """

    overall: NoAnswerGroup
    features: dict[str, dict[str, NoAnswerGroup]]

    def sentence(self) -> str:
        """Say how many images count as wrong, for which reasons, and of which skin types; empty if none do."""
        every = self.overall
        counts: dict[Reason, int] = {reason: getattr(every, reason) for reason in REASONS}
        rows = self.features.get("fst_band") or self.features.get("fst") or {}
        return no_answer_sentence(every.n, counts, {name: (row.absent, row.n) for name, row in rows.items()})
