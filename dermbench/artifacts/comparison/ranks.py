"""Records of rank bands and of the tests of all pairs of models."""

from __future__ import annotations

from pydantic import Field

from dermbench.artifacts.report import Number, Part


class RankedModel(Part):
    """A model among all.

    Attributes
    ----------
    model
        Its name.
    value, low, high
        Its value with its own interval.
    best, worst
        Best and worst rank that it could have. The bands of all models hold at once with 95 %.
    letters
        Models that share a letter cannot be told apart; None where there would be too many letters.
    """

    model: str
    value: Number
    low: Number | None = None
    high: Number | None = None
    best: int = Field(ge=1)
    worst: int = Field(ge=1)
    letters: str | None = None


class RankedPair(Part):
    """Two models, tested against each other.

    Attributes
    ----------
    better, worse
        Their names.
    value
        Absolute difference.
    p_value, p_holm
        Two-sided, as it is and after Holm's correction over all pairs.
    """

    better: str
    worse: str
    value: Number = Field(ge=0)
    p_value: Number
    p_holm: Number


class Ranks(Part):
    """Rank bands of all models by one metric.

    Attributes
    ----------
    metric, test
        What the models are ranked by, and how two of them are compared.
    models
        Their bands, the best model first.
    pairs
        All pairs.
    without_value
        Models that have no value, so that they take no rank.
    reason
        Why there are no bands.
    letters_reason
        Why there are no letters.
    """

    metric: str
    test: str | None = None
    models: tuple[RankedModel, ...] = ()
    pairs: tuple[RankedPair, ...] = ()
    without_value: tuple[str, ...] = ()
    reason: str | None = None
    letters_reason: str | None = None
