"""Find label errors by confident learning (Northcutt, Jiang and Chuang 2021, J. Artif. Intell. Res. 70).

The threshold of a class is its mean probability among the images with that label. An image is counted as a class
whose probability reaches the threshold. The counts of given and counted classes estimate how many labels of each
class are wrong; that many images, those with the lowest probability of their label, are suspects. cleanlab does
the work: version 2.9 has the Apache licence (2.6 had the AGPL, which this project does not depend on).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dermbench.artifacts.audit import LabelErrors, Suspect
from dermbench.artifacts.predictions import Predictions, read_predictions
from dermbench.artifacts.report import Undefined
from dermbench.errors import InputError, MissingDependencyError
from dermbench.tasks import load_task, task_names

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from dermbench.artifacts.manifest import Dataset
    from dermbench.artifacts.tables import TableSource

METHOD = "confident learning, cleanlab: prune_by_noise_rate, ranked by the probability of the given label"
NOT_GIVEN = Undefined(reason="no held-out predictions were given (--predictions FILE)")
MIN_IMAGES = 20
"""Number of images that the estimate needs."""


def label_errors(dataset: Dataset, predictions: TableSource) -> LabelErrors:
    """Find labels that are probably wrong, from held-out predictions.

    Parameters
    ----------
    dataset
        The dataset.
    predictions
        Probabilities for images of the dataset, from models that were not trained on them: of a test split or
        of cross-validation.

    Raises
    ------
    InputError
        When the predictions are malformed, have no probabilities, or cover too few images.
    MissingDependencyError
        When cleanlab is not installed.
    """
    made = _read(dataset, predictions)
    rows = dataset.manifest.set_index("image_id").loc[list(made.image_id)]
    prob, given = made.y_prob, pd.Categorical(rows["label"].astype(object), categories=list(dataset.classes)).codes
    assert prob is not None
    order = find_suspects(given.astype(np.intp), prob)
    suspects = [
        Suspect(
            image=str(made.image_id[i]),
            split=str(rows["split"].iloc[i]),
            given=dataset.classes[given[i]],
            suggested=dataset.classes[made.y_pred[i]],
            probability=float(prob[i, given[i]]),
        )
        for i in order
    ]
    return LabelErrors(
        n=len(made), accuracy=float((made.y_pred == given).mean()), suspects=tuple(suspects), method=METHOD
    )


def find_suspects(given: NDArray[np.intp], prob: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the rows whose label is probably wrong, the most doubtful first.

    Parameters
    ----------
    given
        Class indices of the labels, shape (n,).
    prob
        Held-out probabilities, shape (n, n_classes).

    Raises
    ------
    MissingDependencyError
        When cleanlab is not installed.
    """
    try:
        from cleanlab.filter import find_label_issues  # noqa: PLC0415 - an optional dependency
    except ImportError as error:
        raise MissingDependencyError(
            "looking for label errors needs cleanlab", remedy="pip install 'dermbench[audit]'"
        ) from error
    there = np.unique(given)  # cleanlab requires every class to occur
    part = prob[:, there]
    part = np.where(part.sum(axis=1, keepdims=True) > 0, part, 1.0)
    found = find_label_issues(
        np.searchsorted(there, given),
        part / part.sum(axis=1, keepdims=True),
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )
    return np.asarray(found, dtype=np.intp)


def _read(dataset: Dataset, predictions: TableSource) -> Predictions:
    splits = "+".join(dataset.info.images)
    aliases = load_task(dataset.info.task).aliases if dataset.info.task in task_names() else {}
    made = read_predictions(predictions, dataset.truth(splits), aliases=aliases, partial=True).answered()
    source: Path | str = "predictions" if isinstance(predictions, pd.DataFrame) else str(predictions)
    if made.y_prob is None:
        raise InputError(source, ["holds predicted classes; label errors are found from probabilities"])
    if len(made) < MIN_IMAGES:
        raise InputError(source, [f"has predictions for {len(made)} images; at least {MIN_IMAGES} are needed"])
    return made
