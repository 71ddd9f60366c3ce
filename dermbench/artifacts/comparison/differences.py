"""Records of a difference between two models, and of the spread over seeds."""

from __future__ import annotations

from pydantic import Field

from dermbench.artifacts.report import Cell, Number, Part


class Difference(Cell):
    """The difference of a metric between two models, model minus baseline.

    Attributes
    ----------
    p_value
        Two-sided; None without a test, for the ``reason``.
    p_holm
        P value after Holm's correction within its family; None if it is in no family.
    test
        Name of the test.
    seed_se
        Standard error of the difference due to seeds; None unless both models have several seeds.
    """

    p_value: Number | None = Field(default=None, ge=0, le=1)
    p_holm: Number | None = Field(default=None, ge=0, le=1)
    test: str | None = None
    seed_se: Number | None = None


class Seeds(Part):
    """Spread of a metric over the seeds of a model.

    Attributes
    ----------
    n, values
        Number of seeds, and {seed: value}.
    seed_sd
        Standard deviation between seeds; None for the ``reason``.
    test_sd
        Standard error of the average for these seeds on other images; None without an interval.
    reason
        Why there is no ``seed_sd``.
    """

    n: int = Field(ge=1)
    values: dict[str, Number | None]
    seed_sd: Number | None
    test_sd: Number | None
    reason: str | None = None
