"""Calibration of the probability of the predicted class, overall and for each group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.report import CalibrationError, CurvePoint, GroupCalibration
from dermbench.errors import UsageError
from dermbench.evaluation.calibration.abstention import AURC
from dermbench.evaluation.core.metric import Metric
from dermbench.evaluation.intervals.proportions import share
from dermbench.evaluation.resampling.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.core.groups import Grouping
    from dermbench.evaluation.core.sample import Sample
    from dermbench.evaluation.intervals.estimate import GroupEstimates

    Error = Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]

BINS = 15
"""Equal-width bins of the expected calibration error."""
BIN_SIZE = 20
"""Fewest images of an equal-mass bin."""
FEWEST = 40
"""Fewest images for a calibration error or curve."""

SHARED = "the null assumes independent images; images share units"
"""Why a calibration error has no null distribution: the dependence of outcomes within a unit is unknown."""
DRAWS, FEWEST_DRAWS, WORK = 1_999, 199, 2e8
"""Most and fewest draws of the null distribution of a calibration error; between them, images x draws."""


def confidence_gap(y_true: NDArray[np.intp], y_prob: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return confidence minus correctness (0 or 1) of each image; the mean is positive for overconfidence."""
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
"""Confidence minus accuracy as a metric, so that the usual code gives its intervals."""


def calibration(
    sample: Sample, found: GroupEstimates, grouping: Grouping | None = None, plan: Plan | None = None
) -> dict[str | None, GroupCalibration]:
    """Return the calibration of the predicted class, overall (key None) or of each group.

    Parameters
    ----------
    sample
        Truth and probabilities.
    found
        Estimates of :data:`CONFIDENCE_GAP` and :data:`AURC` for these groups, from
        :func:`.every_metric.estimates`.
    grouping
        Sensitive feature; None for the whole sample, which also gets a reliability curve.
    plan
        Seed and number of draws.

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
    if grouping is None:
        rows: dict[str | None, NDArray[np.bool_]] = {None: np.ones(len(sample), dtype=np.bool_)}
    else:
        groups = grouping.with_unknown()
        rows = {name: groups.codes == index for index, name in enumerate(groups.names)}
    made = {}
    for name, inside in rows.items():
        stream = f"calibration {'overall all' if grouping is None else f'{grouping.feature} {name}'}"
        squared, ece, curve = _errors(sample.take(inside), plan or Plan(), stream)
        made[name] = GroupCalibration(
            confidence_gap=found[name, CONFIDENCE_GAP.name].cell(),
            squared_error=squared,
            ece=ece,
            aurc=found[name, AURC.name].cell(),
            curve=curve if grouping is None else (),
        )
    return made


def _errors(
    sample: Sample, plan: Plan, stream: str
) -> tuple[CalibrationError, CalibrationError, tuple[CurvePoint, ...]]:
    """Return the debiased squared error (equal-mass bins), the expected error (equal widths), and the curve."""
    assert sample.y_prob is not None
    confidence, n = sample.y_prob.max(axis=1), len(sample)
    hit = (sample.y_prob.argmax(axis=1) == sample.y_true).astype(np.float64)
    if n < FEWEST:
        few = CalibrationError(value=None, n=n, n_bins=0, reason=f"{n} images, bins need {FEWEST}")
        return few, few, ()
    mass = mass_bins(confidence)
    width = np.unique(np.minimum((confidence * BINS).astype(np.intp), BINS - 1), return_inverse=True)[1]
    kinds: list[tuple[Error, NDArray[np.intp]]] = [(debiased_error, mass), (expected_error, width)]
    sums = [bin_sums(bins, np.stack([np.ones_like(hit), confidence, hit])) for _, bins in kinds]
    nulls = None if sample.clustered else _nulls(kinds, sums, confidence, plan, stream)
    squared, ece = (
        _error(float(error(*part)), None if nulls is None else nulls[i], n, part.shape[1])
        for i, ((error, _), part) in enumerate(zip(kinds, sums, strict=True))
    )
    return squared, ece, _points(sample, confidence, hit, mass)


def reliability_curve(sample: Sample) -> tuple[CurvePoint, ...]:
    """Return accuracy against mean confidence in equal-mass bins.

    Parameters
    ----------
    sample
        Truth and probabilities.

    Returns
    -------
    tuple of CurvePoint
        By rising confidence; empty with fewer than :data:`FEWEST` images.

    Raises
    ------
    UsageError
        Without probabilities.
    """
    if sample.y_prob is None:
        raise UsageError("a reliability curve needs probabilities")
    if len(sample) < FEWEST:
        return ()
    confidence = sample.y_prob.max(axis=1)
    hit = (sample.y_prob.argmax(axis=1) == sample.y_true).astype(np.float64)
    return _points(sample, confidence, hit, mass_bins(confidence))


def _points(
    sample: Sample, confidence: NDArray[np.float64], hit: NDArray[np.float64], mass: NDArray[np.intp]
) -> tuple[CurvePoint, ...]:
    return tuple(_point(sample, confidence, hit, mass == b) for b in range(mass.max() + 1))


def _point(
    sample: Sample, confidence: NDArray[np.float64], hit: NDArray[np.float64], inside: NDArray[np.bool_]
) -> CurvePoint:
    accuracy = share(sample, hit, inside).cell()
    assert accuracy.value is not None
    return CurvePoint(
        confidence=float(confidence[inside].mean()),
        accuracy=accuracy.value,
        low=accuracy.low,
        high=accuracy.high,
        n=int(inside.sum()),
    )


def _error(value: float, null: NDArray[np.float64] | None, n: int, n_bins: int) -> CalibrationError:
    """Return the record of an error, with chance level and p-value from outcomes drawn from the probabilities."""
    if null is None:
        return CalibrationError(value=value, n=n, n_bins=n_bins, reason=SHARED)
    p_value = (int((null >= value - 1e-12).sum()) + 1) / (len(null) + 1)
    return CalibrationError(value=value, chance=float(np.median(null)), p_value=p_value, n=n, n_bins=n_bins)


def mass_bins(confidence: NDArray[np.float64], *, size: int = BIN_SIZE, most: int = BINS) -> NDArray[np.intp]:
    """Return the equal-mass bin of each image; equal confidences share a bin."""
    n_bins = int(np.clip(len(confidence) // size, 1, most))
    order = np.sort(confidence)
    edges = order[(np.arange(1, n_bins) * len(order)) // n_bins]
    bins = np.searchsorted(np.unique(edges), confidence, side="right")
    return np.unique(bins, return_inverse=True)[1].astype(np.intp)


def bin_sums(bins: NDArray[np.intp], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum ``values`` of shape (n, n_samples) within bins, shape (n, n_bins)."""
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
    """Return the squared calibration error over bins minus its sampling bias; it can be negative.

    Σ (n_b/n) [(accuracy_b - confidence_b)² - accuracy_b (1 - accuracy_b) / (n_b - 1)]; single-image bins are
    left out.
    """
    kept = size > 1
    accuracy = np.divide(hits, size, out=np.zeros_like(hits), where=kept)
    gap = accuracy - np.divide(confidence, size, out=np.zeros_like(hits), where=kept)
    noise = accuracy * (1 - accuracy) / np.maximum(size - 1, 1)
    weight = np.where(kept, size, 0.0)
    return np.asarray((weight * (gap**2 - noise)).sum(axis=-1) / weight.sum(axis=-1))


def _nulls(
    kinds: Sequence[tuple[Error, NDArray[np.intp]]],
    sums: Sequence[NDArray[np.float64]],
    confidence: NDArray[np.float64],
    plan: Plan,
    stream: str,
) -> NDArray[np.float64]:
    """Return the errors of outcomes drawn from the probabilities, shape (n_errors, n_draws)."""
    n = len(confidence)
    inside = [np.eye(part.shape[1], dtype=np.float32)[bins] for part, (_, bins) in zip(sums, kinds, strict=True)]

    def one(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        drawn = (rng.random((count, n), dtype=np.float32) < confidence).astype(np.float32)
        found = []
        for (error, _), (size, total, _), members in zip(kinds, sums, inside, strict=True):
            hits = (drawn @ members).astype(np.float64)  # whole numbers: exact
            found.append(error(np.broadcast_to(size, hits.shape), np.broadcast_to(total, hits.shape), hits))
        return np.stack(found, axis=-1)

    affordable = int(max(FEWEST_DRAWS, min(DRAWS, WORK // n)))
    block = int(min(1024, max(8, 2**19 // n)))
    return plan.at_most(affordable).in_blocks(one, stream=stream, block=block).T
