"""Records of rank bands and of the tests of all pairs of models."""

from __future__ import annotations

from pydantic import Field

from dermbench.artifacts.report import Number, Part


class RankedModel(Part):
    """Rank band of one model.

    Attributes
    ----------
    model
        Name of the model.
    value, low, high
        Value of the model with its own interval.
    best, worst
        Best and worst rank that it could have. All bands hold simultaneously with 95 % confidence.
    letters
        Models that share a letter do not differ significantly; None if there would be too many letters.
    """

    model: str
    value: Number
    low: Number | None = None
    high: Number | None = None
    best: int = Field(ge=1)
    worst: int = Field(ge=1)
    letters: str | None = None


class RankedPair(Part):
    """Test of two models.

    Attributes
    ----------
    better, worse
        Names of the models.
    value
        Absolute difference.
    p_value, p_holm
        Two-sided p value before and after Holm's correction over all pairs.
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
        Metric of the ranking, and test of a pair.
    models
        Rank bands, the best model first.
    pairs
        Tests of all pairs.
    without_value
        Models without a value; they take no rank.
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
