"""Overall score against worst-group score, and the distance to the best of every group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.paired.extremes import Extremes


def on_front(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points no other point beats: at least as high on both and higher on one.

    Parameters
    ----------
    first, second
        Scores, higher is better, shape (..., n_points).
    """
    better = (first[..., None, :] >= first[..., :, None]) & (second[..., None, :] >= second[..., :, None])
    strictly = (first[..., None, :] > first[..., :, None]) | (second[..., None, :] > second[..., :, None])
    return np.asarray(~(better & strictly).any(axis=-1))


def distance_to_best(values: NDArray[np.float64], *, higher_is_better: bool = True) -> NDArray[np.float64]:
    """Return the Euclidean distance of group values to the best value that any candidate has in each group.

    Parameters
    ----------
    values
        Shape (n_candidates, n_groups).
    higher_is_better
        Direction of the metric.

    Returns
    -------
    numpy.ndarray
        0 for a candidate that is best in every group, shape (n_candidates,).

    References
    ----------
    Zong, Yang, Hospedales (2023), MEDFAIR, ICLR ("distance to the optimal point").
    """
    best = values.max(axis=0) if higher_is_better else values.min(axis=0)
    distance: NDArray[np.float64] = np.sqrt(np.square(values - best).sum(axis=1))
    return distance


def pareto_view(names: Sequence[str], overall: NDArray[np.float64], found: Extremes) -> dict[str, Any]:
    """Return {models {name: {overall, worst_group, worst, dto, on_front, front_share}}}.

    Parameters
    ----------
    names, overall
        Candidates, and their value on all images, shape (n_candidates,).
    found
        Their group values. ``front_share`` is the share of resamples, of the images of known groups, in which a
        candidate is on the front.
    """
    if found.scores is None:
        return {"models": {}, "reason": found.reason}
    sign = 1.0 if found.metric.higher_is_better else -1.0
    values, resampled = found.values, sign * found.scores.replicates[..., 0]
    worst, order = found.worst(values), np.argsort(sign * values, axis=1, kind="stable")
    front = on_front(sign * overall, sign * worst)
    share = np.mean(on_front(resampled[..., -1], resampled[..., :-1].min(axis=-1)), axis=0)
    distance = distance_to_best(values, higher_is_better=found.metric.higher_is_better)
    models = {
        name: {
            "overall": float(overall[k]),
            "worst_group": found.names[order[k, 0]],
            "worst": float(worst[k]),
            "dto": float(distance[k]),
            "on_front": bool(front[k]),
            "front_share": float(share[k]),
        }
        for k, name in enumerate(names)
    }
    return {"models": models}
