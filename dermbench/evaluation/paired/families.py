"""Families of p values that are corrected together."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

SMALLEST = 1e-6
"""Smallest p value in a record: it has six decimals, and a p value is never 0."""
Key = TypeVar("Key", bound=tuple[object, ...])


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p values after Holm's correction, in the order given."""
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    stepped = np.minimum(1.0, np.maximum.accumulate(factors * p_values[order]))
    adjusted = np.empty(len(p_values))
    adjusted[order] = stepped
    return adjusted


def families(keys: Mapping[Key, float | None], *, declared: bool) -> list[list[Key]]:
    """Group the keys that have a p value by family.

    Parameters
    ----------
    keys
        {key: p value, or None without a test}; the last part of a key is the name of a metric.
    declared
        Whether the user declared metrics: if so, all keys form one family; if not, each metric forms one.
    """
    found: dict[object, list[Key]] = {}
    for key, p in keys.items():
        if p is not None:
            found.setdefault(None if declared else key[-1], []).append(key)
    return list(found.values())


def corrected(p_values: Mapping[Key, float | None], *, declared: bool) -> dict[Key, float]:
    """Return p values after Holm's correction within each family."""
    adjusted: dict[Key, float] = {}
    for family in families(p_values, declared=declared):
        made = holm(np.array([max(p_values[key] or 0.0, SMALLEST) for key in family]))
        adjusted |= dict(zip(family, made.tolist(), strict=True))
    return adjusted


def describe(declared: Sequence[str], n_others: int) -> dict[str, str]:
    """Return {part of the comparison: which p values are corrected together, in words}."""
    models = f"{n_others} model{'s' * (n_others != 1)} against the baseline"
    over = f" x the declared metrics ({', '.join(declared)})" if declared else ", for each metric on its own"
    scope = f"Holm over {models}{over}"
    return {
        "overall": scope,
        "groups": f"Holm over {models} x groups of the feature{over}",
        "worst_group": scope,
        "gap": scope,
        "ranks": "Holm over all pairs of models",
        "screen": "Benjamini-Hochberg over classes x groups, for each model; exploratory",
    }
