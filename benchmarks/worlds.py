"""Populations with known confusion rates in each group, from which test sets are drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from dermbench.evaluation.core.groups import Grouping
from dermbench.evaluation.core.metric import Tally
from dermbench.evaluation.core.sample import Sample

AJL = (238, 397, 243, 186, 83, 44)
"""Images of each skin type in the 21-class Fitzpatrick17k test set."""
FST = ("I", "II", "III", "IV", "V", "VI")


@dataclass(frozen=True)
class World:
    """A population.

    Attributes
    ----------
    sizes
        Number of images of each group, shape (n_groups,).
    mix
        Class mix of each group, (n_groups, n_classes).
    confusion
        P(prediction | truth) in each group, (n_groups, n_classes, n_classes).
    rho
        Correlation of latent correctness within a unit.
    per_unit
        Largest number of images of a unit, for each group; sizes are uniform from 1.
    """

    sizes: tuple[int, ...]
    mix: np.ndarray
    confusion: np.ndarray
    rho: float = 0.0
    per_unit: tuple[int, ...] = ()

    @property
    def n_classes(self) -> int:
        return self.mix.shape[1]

    def draw(self, rng: np.random.Generator) -> tuple[Sample, Grouping]:
        """Draw a test set with these group sizes."""
        codes = np.repeat(np.arange(len(self.sizes)), self.sizes)
        unit = self._units(codes, rng) if self.per_unit else np.arange(len(codes))
        y_true = self._truth(codes, unit, rng)
        shared = rng.standard_normal(unit.max() + 1)[unit]
        latent = np.sqrt(self.rho) * shared + np.sqrt(1 - self.rho) * rng.standard_normal(len(codes))
        u = ndtr(latent)
        recall = self.confusion[codes, y_true, y_true]
        y_pred = np.where(u < recall, y_true, self._wrong(codes, y_true, rng))
        names = FST[: len(self.sizes)]
        sample = Sample(y_true, y_pred, self.n_classes, unit=unit if self.per_unit else None)
        return sample, Grouping("fst", codes, names, ordered=True)

    def _units(self, codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        unit = np.empty(len(codes), dtype=np.intp)
        at = start = 0
        for group, size in enumerate(self.sizes):
            lengths = rng.integers(1, self.per_unit[group] + 1, size)
            inside = np.repeat(np.arange(size), lengths)[:size]
            unit[at : at + size] = start + inside
            at, start = at + size, start + inside[-1] + 1
        return unit

    def _truth(self, codes: np.ndarray, unit: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw true classes; seven units in ten have images of one class, like patients with one disease."""
        own = pick(self.mix[codes], rng)
        if not self.per_unit:
            return own
        first = np.unique(unit, return_index=True)[1]
        pure = rng.random(len(first)) < 0.7
        return np.where(pure[unit], own[first][unit], own)

    def _wrong(self, codes: np.ndarray, y_true: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        rates = self.confusion[codes, y_true].copy()
        rates[np.arange(len(codes)), y_true] = 0
        return pick(rates / np.maximum(rates.sum(axis=1, keepdims=True), 1e-12), rng)

    def values(self, metric: object, classes: np.ndarray | None = None) -> np.ndarray:
        """Return the population value of a metric of counts in each group."""
        joint = self.mix[:, :, None] * self.confusion
        diagonal = np.einsum("gcc->gc", joint)
        tally = Tally(joint.sum(axis=2), joint.sum(axis=1), diagonal)
        return np.asarray(metric.score(tally if classes is None else tally.take(classes)))


def pick(rates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw one class for each row."""
    return np.minimum((rng.random((len(rates), 1)) > np.cumsum(rates, axis=1)).sum(axis=1), rates.shape[1] - 1)


def make_world(
    n_classes: int,
    sizes: tuple[int, ...] = AJL,
    *,
    seed: int = 0,
    recall: float = 0.62,
    spread: float = 0.1,
    tilt: float = 1.0,
    drop: dict[int, float] | None = None,
    **cluster: object,
) -> World:
    """Make a population with the same confusion rates in all groups, except for ``drop``.

    Parameters
    ----------
    n_classes, sizes
        Number of classes, and number of images of each group.
    seed
        Seed of the population itself.
    recall, spread
        Mean and spread of the recalls of the classes.
    tilt
        Strength of the differences in class mix between groups; 0 for none.
    drop
        Reduction of all recalls in a group.
    **cluster
        ``rho`` and ``per_unit`` of :class:`World`.
    """
    rng = np.random.default_rng(seed)
    base = rng.dirichlet(np.full(n_classes, 8.0))
    mix = base * np.exp(tilt * 0.5 * rng.standard_normal((len(sizes), n_classes)))
    mix /= mix.sum(axis=1, keepdims=True)
    recalls = np.clip(rng.normal(recall, spread, n_classes), 0.3, 0.95)
    wrong = rng.dirichlet(np.ones(n_classes), n_classes)
    np.fill_diagonal(wrong, 0)
    wrong /= wrong.sum(axis=1, keepdims=True)
    confusion = np.empty((len(sizes), n_classes, n_classes))
    for group in range(len(sizes)):
        r = np.clip(recalls - (drop or {}).get(group, 0.0), 0.02, 0.98)
        confusion[group] = (1 - r)[:, None] * wrong
        np.fill_diagonal(confusion[group], r)
    return World(sizes, mix, confusion, **cluster)
