"""The Pareto view: overall score against worst-group score, and the distance to the best value of every group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.comparison import FrontModel
from dermbench.evaluation.core.scoring import score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.evaluation.paired.candidates import Candidate
    from dermbench.evaluation.paired.worst import Worst


def on_front(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points are on the Pareto front: no other point is as high on both scores and higher on one.

    Parameters
    ----------
    first, second
        Scores, higher is better, shape (..., n_points).
    """
    better = (first[..., None, :] >= first[..., :, None]) & (second[..., None, :] >= second[..., :, None])
    strictly = (first[..., None, :] > first[..., :, None]) | (second[..., None, :] > second[..., :, None])
    return np.asarray(~(better & strictly).any(axis=-1))


def distance_to_best(values: NDArray[np.float64], *, higher_is_better: bool = True) -> NDArray[np.float64]:
    """Return the Euclidean distance of group values to the best value of any candidate in each group.

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


def pareto_view(candidates: Sequence[Candidate], found: Worst) -> dict[str, FrontModel]:
    """Return the score of every candidate on all images and in its worst group, and whether it is on the front.

    Parameters
    ----------
    candidates
        All models.
    found
        Their group values, and resamples of the images of known groups.
    """
    metric, sign = found.metric, 1.0 if found.metric.higher_is_better else -1.0
    overall = np.array([np.mean([score(metric, s) for s in c.samples]) for c in candidates])
    resampled = sign * found.scores.replicates[..., 0]
    front = on_front(sign * overall, sign * found.worst)
    share = np.mean(on_front(resampled[..., -1], resampled[..., :-1].min(axis=-1)), axis=0)
    distance = distance_to_best(found.values, higher_is_better=metric.higher_is_better)
    return {
        candidate.name: FrontModel(
            overall=overall[k],
            worst_group=found.names[found.group[k]],
            worst=found.worst[k],
            dto=distance[k],
            on_front=bool(front[k]),
            front_share=share[k],
        )
        for k, candidate in enumerate(candidates)
    }
