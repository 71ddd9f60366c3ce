"""Images without a usable prediction: counts and shares with Wilson limits, overall and by skin type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.report import NoAnswer, NoAnswerGroup
from dermbench.evaluation.intervals.proportions import share_estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.artifacts.unanswered import Unanswered


def no_answer_record(unanswered: Unanswered | None) -> NoAnswer | None:
    """Return how many images have no usable prediction; None if the predictions do not record it.

    Shares have Wilson limits. Where images share patients, lesions or duplicate groups, the limits use the
    effective sample size (:func:`~dermbench.evaluation.intervals.proportions.effective_n`).

    Parameters
    ----------
    unanswered
        The images, each with its reason.
    """
    if unanswered is None:
        return None
    everyone = np.ones(len(unanswered.reason), dtype=bool)
    features = {
        feature: {name: _group(unanswered, rows) for name, rows in groups.items()}
        for feature, groups in unanswered.groups().items()
    }
    return NoAnswer(overall=_group(unanswered, everyone), features=features)


def _group(unanswered: Unanswered, rows: NDArray[np.bool_]) -> NoAnswerGroup:
    absent, unit = unanswered.absent[rows], np.unique(unanswered.truth.unit[rows], return_inverse=True)[1]
    trials = np.bincount(unit).astype(np.float64)
    clustered = None if len(trials) == len(absent) else (np.bincount(unit, absent).astype(np.float64), trials)
    share = share_estimate(float(absent.mean()), len(absent), clustered).cell()
    reasons = unanswered.reason[rows]
    missing, refused, unparsable = (int((reasons == name).sum()) for name in ("missing", "refused", "unparsable"))
    return NoAnswerGroup(n=len(absent), missing=missing, refused=refused, unparsable=unparsable, share=share)
