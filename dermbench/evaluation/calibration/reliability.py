"""Calibration of the predicted class's probability, overall and for each group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dermbench.errors import UsageError
from dermbench.evaluation.calibration.abstention import share
from dermbench.evaluation.core.groups import everyone
from dermbench.evaluation.core.metric import Metric
from dermbench.evaluation.intervals.every_metric import estimates
from dermbench.evaluation.resampling.plan import N_RESAMPLES, Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.intervals.estimate import Estimate, Interval

    Error = Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]

BINS = 15
"""Equal-width bins of the expected calibration error."""
BIN_SIZE = 20
"""Images that an equal-mass bin has at least."""
FEWEST = 40
"""Images from which on bins are made at all."""

SHARED = "the null assumes independent images; images share units"
"""Why there is nothing to compare a calibration error with: how alike outcomes in a unit are is not known."""
DRAWS, FEWEST_DRAWS, WORK = 1_999, 199, 2e8
"""Most and fewest draws of the null distribution of a calibration error; images x draws in between."""


def confidence_gap(y_true: NDArray[np.intp], y_prob: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return confidence minus correctness of each image; positive where the model is overconfident."""
    return np.asarray(y_prob.max(axis=1) - (y_prob.argmax(axis=1) == y_true))


CONFIDENCE_GAP = Metric(
    "confidence_gap",
    "Confidence - accuracy",
    "mean",
    confidence_gap,
    needs_probabilities=True,
    higher_is_better=False,
    bounds=(-1.0, 1.0),
    ratio=False,
    source="calibration in the large of the predicted class",
)
"""Goes through :func:`.every_metric.intervals` and ``disparities`` like any metric."""


@dataclass(frozen=True)
class Bin:
    """One point of a reliability curve: mean confidence, and accuracy with its interval."""

    confidence: float
    accuracy: Interval


@dataclass(frozen=True)
class CalibrationError:
    """A calibration error beside its distribution under perfect calibration.

    Attributes
    ----------
    value
        The error; None when undefined. The debiased one can be negative.
    null_median, null_q95, p_value
        The same for outcomes drawn from the model's own probabilities, images independent of each other; None
        where images share units.
    n, n_bins
        Images and bins.
    reason
        Why the value, or else its distribution, is None.
    """

    value: float | None
    null_median: float | None = None
    null_q95: float | None = None
    p_value: float | None = None
    n: int = 0
    n_bins: int = 0
    reason: str | None = None


@dataclass(frozen=True)
class Calibration:
    """Calibration of one group.

    Attributes
    ----------
    confidence_gap
        Mean confidence minus accuracy.
    squared_error
        Debiased squared calibration error over equal-mass bins.
    ece
        Expected calibration error over 15 equal-width bins.
    curve
        Reliability curve over the equal-mass bins.
    """

    confidence_gap: Interval
    squared_error: CalibrationError
    ece: CalibrationError
    curve: tuple[Bin, ...]


def calibration(
    sample: Sample,
    grouping: Grouping | None = None,
    *,
    gaps: Mapping[tuple[str | None, str], Estimate] | None = None,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> dict[str | None, Calibration]:
    """Return the calibration of the predicted class, overall (key None) or of each group.

    Parameters
    ----------
    sample
        Truth and probabilities.
    grouping
        Sensitive feature; None for the whole sample.
    gaps
        What :func:`.every_metric.estimates` gave for :data:`CONFIDENCE_GAP` and these
        groups, to save the second bootstrap.
    seed, n_resamples
        See :class:`~dermbench.evaluation.resampling.plan.Plan`.

    Raises
    ------
    UsageError
        Without probabilities.

    References
    ----------
    Kumar, Liang, Ma (2019), NeurIPS; Ferro & Fricker (2012), QJRMS 138, 1954-1960; Blasiok & Nakkiran (2023).
    """
    if sample.y_prob is None:
        raise UsageError("calibration needs probabilities")
    groups = everyone(len(sample)) if grouping is None else grouping.with_unknown()
    plan = Plan(seed, n_resamples)
    made = estimates(sample, [CONFIDENCE_GAP], grouping, plan) if gaps is None else gaps
    found: dict[str | None, Calibration] = {}
    for index, name in enumerate(groups.names):
        rows = groups.codes == index
        key = None if grouping is None else name
        interval = made[key, CONFIDENCE_GAP.name].interval()
        stream = f"calibration {groups.feature} {name}"
        found[key] = _one(sample.take(rows), interval, plan, stream)
    return found


def _one(sample: Sample, gap: Interval, plan: Plan, stream: str) -> Calibration:
    assert sample.y_prob is not None
    confidence = sample.y_prob.max(axis=1)
    hit = (sample.y_prob.argmax(axis=1) == sample.y_true).astype(np.float64)
    if len(hit) < FEWEST:
        few = CalibrationError(None, n=len(hit), reason=f"{len(hit)} images, bins need {FEWEST}")
        return Calibration(gap, few, few, ())
    mass = mass_bins(confidence)
    width = np.minimum((confidence * BINS).astype(np.intp), BINS - 1)
    width = np.unique(width, return_inverse=True)[1]
    curve = []
    for b in range(mass.max() + 1):
        inside = mass == b
        curve.append(Bin(float(confidence[inside].mean()), share(sample, hit > 0, inside).interval()))
    if sample.clustered:
        squared, ece = (
            _alone(e, confidence, hit, b) for e, b in ((debiased_error, mass), (expected_error, width))
        )
        return Calibration(gap, squared, ece, tuple(curve))
    squared, ece = _beside_null(((debiased_error, mass), (expected_error, width)), confidence, hit, plan, stream)
    return Calibration(gap, squared, ece, tuple(curve))


def _alone(
    error: Error, confidence: NDArray[np.float64], hit: NDArray[np.float64], bins: NDArray[np.intp]
) -> CalibrationError:
    sums = bin_sums(bins, np.stack([np.ones_like(hit), confidence, hit]))
    return CalibrationError(float(error(*sums)), n=len(hit), n_bins=sums.shape[1], reason=SHARED)


def mass_bins(confidence: NDArray[np.float64], *, size: int = BIN_SIZE, most: int = BINS) -> NDArray[np.intp]:
    """Return the equal-mass bin of each image; equal confidences share a bin."""
    n_bins = int(np.clip(len(confidence) // size, 1, most))
    order = np.sort(confidence)
    edges = order[(np.arange(1, n_bins) * len(order)) // n_bins]
    bins = np.searchsorted(np.unique(edges), confidence, side="right")
    return np.unique(bins, return_inverse=True)[1].astype(np.intp)


def bin_sums(bins: NDArray[np.intp], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add ``values`` of shape (n, n_samples) up within bins, shape (n, n_bins)."""
    n, k = len(values), int(bins.max()) + 1
    codes = bins + np.arange(n)[:, None] * k
    sums = np.bincount(codes.ravel(), weights=values.ravel(), minlength=n * k)
    return sums.astype(np.float64).reshape(n, k)


def expected_error(
    size: NDArray[np.float64], confidence: NDArray[np.float64], hits: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the expected calibration error from bin sums of shape (..., n_bins): mean |confidence - accuracy|."""
    return np.asarray(np.abs(confidence - hits).sum(axis=-1) / size.sum(axis=-1))


def debiased_error(
    size: NDArray[np.float64], confidence: NDArray[np.float64], hits: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the squared calibration error over bins minus what sampling alone adds; it can be negative.

    Σ (n_b/n) [(accuracy_b - confidence_b)² - accuracy_b (1 - accuracy_b) / (n_b - 1)]; single-image bins are
    left out.
    """
    kept = size > 1
    accuracy = np.divide(hits, size, out=np.zeros_like(hits), where=kept)
    gap = accuracy - np.divide(confidence, size, out=np.zeros_like(hits), where=kept)
    noise = accuracy * (1 - accuracy) / np.maximum(size - 1, 1)
    weight = np.where(kept, size, 0.0)
    return np.asarray((weight * (gap**2 - noise)).sum(axis=-1) / weight.sum(axis=-1))


def _beside_null(
    kinds: Sequence[tuple[Error, NDArray[np.intp]]],
    confidence: NDArray[np.float64],
    hit: NDArray[np.float64],
    plan: Plan,
    stream: str,
) -> list[CalibrationError]:
    """Return each error over its bins beside the same for outcomes drawn from the probabilities."""
    sums = [bin_sums(bins, np.stack([np.ones_like(hit), confidence, hit])) for _, bins in kinds]
    inside = [np.eye(part.shape[1], dtype=np.float32)[bins] for part, (_, bins) in zip(sums, kinds, strict=True)]

    def one(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        drawn = (rng.random((count, len(hit)), dtype=np.float32) < confidence).astype(np.float32)
        found = []
        for (error, _), (size, total, _), members in zip(kinds, sums, inside, strict=True):
            hits = (drawn @ members).astype(np.float64)  # whole numbers: exact
            found.append(error(np.broadcast_to(size, hits.shape), np.broadcast_to(total, hits.shape), hits))
        return np.stack(found, axis=-1)

    block = int(min(1024, max(8, 2**19 // len(hit))))
    affordable = int(max(FEWEST_DRAWS, min(DRAWS, WORK // len(hit))))
    nulls = plan.at_most(affordable).in_blocks(one, stream=stream, block=block).T
    return [
        _placed(float(error(*part)), null, len(hit), part.shape[1])
        for (error, _), part, null in zip(kinds, sums, nulls, strict=True)
    ]


def _placed(value: float, null: NDArray[np.float64], n: int, n_bins: int) -> CalibrationError:
    return CalibrationError(
        value,
        float(np.median(null)),
        float(np.quantile(null, 0.95)),
        (int((null >= value - 1e-12).sum()) + 1) / (len(null) + 1),
        n,
        n_bins,
    )
