"""Which p values are corrected together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

Document = dict[str, Any]


def holm(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Holm's adjusted p values, in the order given."""
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    stepped = np.minimum(1.0, np.maximum.accumulate(factors * p_values[order]))
    adjusted = np.empty(len(p_values))
    adjusted[order] = stepped
    return adjusted


def correct(family: Iterable[Document]) -> None:
    """Add ``p_holm`` to every document of a family that has a p value."""
    tested = [document for document in family if document.get("p_value") is not None]
    if not tested:
        return
    adjusted = holm(np.array([document["p_value"] for document in tested]))
    for document, p in zip(tested, adjusted, strict=True):
        document["p_holm"] = float(p)


def correct_by_metric(documents: Iterable[tuple[str, Document]], *, declared: bool) -> None:
    """Add ``p_holm`` to (metric, document): one family in all when metrics were declared, else one a metric."""
    families: dict[str, list[Document]] = {}
    for metric, document in documents:
        families.setdefault("" if declared else metric, []).append(document)
    for family in families.values():
        correct(family)


def describe(declared: Sequence[str], n_others: int) -> dict[str, str]:
    """Say what belongs to each family."""
    models = f"{n_others} model{'s' * (n_others != 1)} against the baseline"
    over = f"the declared metrics ({', '.join(declared)})" if declared else ""
    scope = f"{models} x {over}" if declared else f"{models}, for each metric on its own"
    groups = f"{models} x groups of the feature" + (f" x {over}" if declared else ", for each metric on its own")
    return {
        "overall": f"Holm over {scope}",
        "groups": f"Holm over {groups}",
        "worst_group": f"Holm over {scope}",
        "gap": f"Holm over {scope}",
        "ranks": "Holm over all pairs of models",
        "screen": "Benjamini-Hochberg over classes x groups, for each model; exploratory",
    }
