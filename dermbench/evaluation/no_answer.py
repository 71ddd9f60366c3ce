"""Images without a usable prediction, counted with Wilson limits, in all and by skin type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.report import NoAnswer, NoAnswerGroup
from dermbench.evaluation.intervals.proportions import share_estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dermbench.artifacts.no_answer import Unanswered


def no_answer_record(unanswered: Unanswered | None) -> NoAnswer | None:
    """Return how many images have no usable prediction; None where the predictions tell nothing of the kind.

    The limits of a share are Wilson's, with an effective number of images where they share patients, lesions or
    duplicate groups (:func:`~dermbench.evaluation.intervals.proportions.effective_n`).

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
