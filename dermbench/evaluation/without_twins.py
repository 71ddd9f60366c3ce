"""The scores without images that show the same photograph or lesion as one that the model may have seen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dermbench.artifacts.report import WithoutTwins

if TYPE_CHECKING:
    from collections.abc import Collection

    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.report import Report
    from dermbench.artifacts.truth import Truth


def leave_out(predictions: Predictions, truth: Truth, ids: Collection[str]) -> tuple[Predictions, Truth]:
    """Return predictions and truth without the images ``ids``; all predictions must be usable."""
    kept = ~np.isin(predictions.image_id.astype(str), list(ids))
    prob = None if predictions.y_prob is None else predictions.y_prob[kept]
    rest = replace(
        predictions,
        image_id=predictions.image_id[kept],
        y_pred=predictions.y_pred[kept],
        y_prob=prob,
        unanswered=None,
    )
    table = truth.table[~truth.table["image_id"].isin(list(ids))]
    return rest, replace(truth, table=table.reset_index(drop=True))


def add_without_twins(report: Report, again: Report | None) -> Report:
    """Add the scores of the images without a twin to a report, and a note on how many were left out.

    Parameters
    ----------
    report
        Report of all images.
    again
        Report of the images without a twin; None if every image has one.
    """
    n = 0 if again is None else again.n
    note = _note(report.n, n)
    block = None
    if again is not None:
        asked = again.primary
        row = None if asked is None else again.features[asked.feature].disparities[asked.metric]
        block = WithoutTwins(n=n, overall=again.overall, primary=row)
    return report.model_copy(update={"without_twins": block, "notes": (*report.notes, note)})


def _note(n: int, n_left: int) -> str:
    left_out = n - n_left
    if not left_out:
        return "No image shows the same photograph or lesion as one of the training data (train, val)."
    shows = "image shows" if left_out == 1 else "images show"
    head = f"{left_out:,} of {n:,} {shows} the same photograph or lesion as one of the training data (train, val)"
    return (
        f"{head}; the scores without them are given as well." if n_left else f"{head}; none is left without them."
    )
