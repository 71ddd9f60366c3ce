"""How far apart two models are on a metric after label swaps, for many swaps at once.

Any metric of counts works through its own ``score``; the most used ones have a form that needs fewer operations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.paired.tallies import Panel

    Kernel = Callable[[NDArray[np.floating]], NDArray[np.floating]]


def kernel(panel: Panel, metric: Metric) -> Kernel:
    """Return the function from answers (n_slots, size) of a panel with one group to values (size,)."""
    support = panel.support[0]
    present = np.flatnonzero(support > 0)
    if metric.name == "macro_f1":
        return _macro_f1(support, present)
    if metric.name == "cohen_kappa" and len(present) > 1:
        return _cohen_kappa(support)
    if metric.name in ("accuracy", "micro_f1"):
        share = np.full(len(present), 1 / support.sum())
    elif metric.name == "balanced_accuracy":
        share = 1 / support[present] / len(present)
    else:
        return lambda answers: np.asarray(metric.score(panel.tally(answers[None]))[:, 0], dtype=np.float64)
    correct = panel.n_classes + present
    return lambda answers: share @ answers[correct].astype(np.float64)


def _cohen_kappa(support: NDArray[np.float64]) -> Kernel:
    """Return (n·Σ correct - Σ true·predicted) / (n² - Σ true·predicted), for two or more true classes."""
    c, n = len(support), float(support.sum())

    def of(answers: NDArray[np.floating]) -> NDArray[np.floating]:
        by_chance = support @ answers[:c].astype(np.float64)
        correct = answers[c : 2 * c].sum(axis=0, dtype=np.float64)
        value: NDArray[np.floating] = (n * correct - by_chance) / (n**2 - by_chance)
        return value

    return of


def _macro_f1(support: NDArray[np.float64], present: NDArray[np.intp]) -> Kernel:
    """Return Σ 2·correct / (true + predicted) / n over the classes that occur, in the precision of its input."""
    everywhere = len(present) == len(support)
    predicted = slice(0, len(support)) if everywhere else present
    correct = slice(len(support), 2 * len(support)) if everywhere else len(support) + present
    true = support[present][:, None]

    def of(answers: NDArray[np.floating]) -> NDArray[np.floating]:
        below = answers[predicted] + true.astype(answers.dtype)
        value: NDArray[np.floating] = np.divide(answers[correct], below, out=below).sum(axis=0)
        value *= 2 / len(present)
        return value

    return of
