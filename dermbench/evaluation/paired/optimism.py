r"""Optimism of the best of several models: how much too high its value is because it was selected as the best.

Let :math:`v_k = \theta_k + e_k` be the value of model *k* on the test images: its expected value on images of
the same kind, plus the error of the sample. Errors of models on the same images are correlated. The best value,
:math:`v_{k^*}` with :math:`k^* = \arg\max v_k`, is on average too high by the *optimism*
:math:`f(1) = E[e_{k^*}]`.

The bootstrap gives draws :math:`d` with the joint law of the errors. Selection by :math:`v + \sqrt{s}\,d` is
selection under errors of :math:`1 + s` times the variance, and :math:`v - d/\sqrt{s}` is independent of it
(exactly for normal errors). So the difference of the two for the selected model, :math:`(\sqrt{s} +
1/\sqrt{s})\,d_k`, has the expectation :math:`f(1 + s)`, whatever the :math:`\theta` are. Divided by
:math:`\sqrt{1 + s}` it is :math:`f(1)` if all :math:`\theta` are equal. If they differ it is somewhat too high,
because larger errors confuse more models. The plain bootstrap, the mean of :math:`d_k` at :math:`s = 1`, is too
low by a factor of :math:`\sqrt 2` if all :math:`\theta` are equal. A smaller *s* is closer to the truth on
average, but varies more between test sets; :data:`SHARE` is a compromise.

References
----------
Efron (2011), JASA 106, 1602-1614; Leiner, Duan, Wasserman & Ramdas (2023), JASA, on data fission.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.errors import UsageError
from dermbench.evaluation.core.metric import METRICS
from dermbench.evaluation.core.sample import join
from dermbench.evaluation.core.scoring import score
from dermbench.evaluation.evaluate import N_RESAMPLES
from dermbench.evaluation.intervals.delong import ovr_influence
from dermbench.evaluation.paired.ranks import NO_PAIRS
from dermbench.evaluation.paired.tallies import Tallies
from dermbench.evaluation.resampling.plan import Plan
from dermbench.evaluation.resampling.resample import as_tally, replicate, sum_cells

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.truth import Truth
    from dermbench.evaluation.core.metric import Metric
    from dermbench.evaluation.core.sample import Sample

SHARE = 0.5
"""Variance of the errors added for selection, relative to the variance of the sample's errors."""


def selection_optimism(
    predictions: Mapping[str, Predictions],
    truth: Truth,
    *,
    metric: str = "macro_f1",
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> float | None:
    """Return the optimism of the best of several models: how much too high its value is, on average.

    It is the value of the best model on these images, minus the expected value of that model on other images of
    the same kind.

    Parameters
    ----------
    predictions
        {name of the model: predictions}, for exactly the images of ``truth``.
    truth
        Labels and units.
    metric
        Name of the metric.
    seed, n_resamples
        Seed and number of bootstrap resamples of units.

    Returns
    -------
    float or None
        At least 0, in units of the metric; for a loss, how much too low its value is. None with fewer than two
        models with a value, fewer than two units, or no resample in which every model has a value.

    Raises
    ------
    UsageError
        When predictions are of other images or classes than the truth, or the metric has no paired test.
    RegistryError
        When there is no metric of that name.
    """
    asked = METRICS.get(metric)
    if asked.kind == "ranking" and asked.name != "auroc_ovr":
        raise UsageError(f"{asked.name}: {NO_PAIRS}")
    samples = [join(item, truth) for item in predictions.values()]
    found = [(score(asked, sample), sample.view(asked.view)) for sample in samples if sample.applies(asked)]
    values = np.array([value for value, _ in found if np.isfinite(value)])
    models = [sample for value, sample in found if np.isfinite(value)]
    if len(models) < 2 or models[0].n_units < 2:
        return None
    replicates = _replicates(asked, models, Plan(seed, n_resamples))
    sign = 1.0 if asked.higher_is_better else -1.0
    return optimism(sign * values, sign * replicates, n_units=models[0].n_units)


def optimism(
    values: NDArray[np.float64], replicates: NDArray[np.float64], *, n_units: int, share: float = SHARE
) -> float | None:
    """Return the optimism of the best of several models from their values and bootstrap replicates.

    Parameters
    ----------
    values
        Value of each model, higher is better, shape (n_models,).
    replicates
        Values in the same resamples for all models, shape (n_models, n_resamples).
    n_units
        Number of independent units that were resampled, at least 2.
    share
        The *s* of the module docstring, above 0.

    Returns
    -------
    float or None
        None if no resample has a value for every model.
    """
    whole = replicates[:, np.isfinite(replicates).all(axis=0)]
    if whole.shape[1] == 0:
        return None
    errors = (whole - whole.mean(axis=1, keepdims=True)) * np.sqrt(n_units / (n_units - 1))
    chosen = np.argmax(values[:, None] + np.sqrt(share) * errors, axis=0)
    mean = errors[chosen, np.arange(errors.shape[1])].mean()
    return max(0.0, float(np.sqrt((1 + share) / share) * mean))


def _replicates(metric: Metric, models: Sequence[Sample], plan: Plan) -> NDArray[np.float64]:
    """Return the values of all models on the same resamples of units, shape (n_models, n_resamples)."""
    sample, stream = models[0], "optimism"
    if metric.kind == "counts":
        tallies = Tallies.of(sample, [model.y_pred for model in models], steps=metric.needs_order)

        def of_counts(sums: NDArray[Any]) -> NDArray[np.float64]:
            value = np.asarray(metric.score(as_tally(sums, tallies.n_classes, steps=tallies.steps)))
            return value.reshape(sums.shape[-1], len(models))

        return replicate(tallies.cells, of_counts, plan, stream=stream)
    if metric.kind == "mean":
        each = np.stack([metric.score(sample.y_true, model.y_prob) for model in models])
    else:  # a linear approximation of the area, with mean 0
        each = len(sample) * np.stack([_influence(model) for model in models])
    cells = sum_cells(sample, np.zeros(len(sample), dtype=np.intp), 1, each)
    return replicate(cells, lambda sums: (sums[1:] / sums[0]).T, plan, stream=stream)


def _influence(model: Sample) -> NDArray[np.float64]:
    assert model.y_prob is not None
    return ovr_influence(model.y_true, model.y_prob)[1]
