"""``predict``: one candidate or several in, predictions out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dermbench.artifacts import make_predictions, read_dataset, write_predictions
from dermbench.artifacts.files import write_json
from dermbench.artifacts.manifest import Dataset
from dermbench.artifacts.records import rounded_floats
from dermbench.errors import UsageError
from dermbench.training.calibrate import Temperature, fit_temperature
from dermbench.training.candidates import TIMM, Request, describe, probabilities
from dermbench.training.loading import load_run, open_run
from dermbench.training.naming import suggest
from dermbench.training.scoring import softmax
from dermbench.training.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from dermbench.artifacts import Predictions

__all__ = ["load_run", "open_run", "predict"]

CALIBRATED_ON = "val"
SIDE = ".predict.json"
"""What the name of a side record ends with."""


def predict(  # noqa: PLR0913 - the options of the verb
    run: Path | str | Sequence[Path | str],
    data: Path | str | Dataset,
    *,
    split: str = "test",
    out: Path | str | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    weights: Path | str | None = None,
    embeddings: Path | str | None = None,
    tta: str = "none",
    calibrate: bool = False,
) -> Predictions:
    """Predict the images of one split.

    Parameters
    ----------
    run
        Run folder, ``.onnx`` file, ``plugin:NAME``, or ``timm:NAME`` together with ``weights``; of several
        the probabilities are averaged.
    data
        Dataset folder, or what :func:`dermbench.artifacts.read_dataset` returned.
    split
        ``train``, ``val`` or ``test``.
    out
        ``.parquet`` or ``.csv`` to write; None writes nothing. With several candidates, ``tta`` or
        ``calibrate`` a side record ``OUT.predict.json`` says how the probabilities came about.
    batch_size
        Images at a time; by default that of the run.
    device
        ``auto`` or a device of torch.
    weights
        Local weights of a ``timm:NAME`` model, with a classifier of the dataset's size.
    embeddings
        Table for a run on embeddings; by default the one it was trained on.
    tta
        Views of each image whose probabilities are averaged, a key of
        :data:`dermbench.training.views.VIEWS`.
    calibrate
        Divide the logits (of several candidates or views: the logarithms of the averaged probabilities) by
        a temperature fitted on ``val``. The predicted classes stay the same.

    Returns
    -------
    Predictions
        Softmax in double precision of the logits, sorted by ``image_id``.

    Raises
    ------
    UsageError
        When there is no such run, it is unfinished, its classes are not those of the dataset, or the split
        is the one to calibrate on.
    InputError
        When weights or images cannot be read.
    """
    dataset = data if isinstance(data, Dataset) else read_dataset(data)
    names = [str(run)] if isinstance(run, str | Path) else [str(name) for name in run]
    if weights is not None and not any(name.startswith(TIMM) for name in names):
        raise UsageError(f"weights are given, but {names[0]!r} has its own", remedy=f"Weights go with {TIMM}NAME.")
    if tta not in VIEWS:
        raise UsageError(f"unknown --tta {tta!r}; {suggest(tta, VIEWS)}")
    if calibrate and split == CALIBRATED_ON:
        raise UsageError(
            f"a temperature fitted on {split} cannot be judged on {split}",
            remedy="Predict another split, or without --calibrate.",
        )
    request = Request(VIEWS[tta], batch_size, device, weights, embeddings)
    temperature = _fit(names, dataset, request) if calibrate else None
    ids, prob, classes = _average(names, dataset, split, request)
    if temperature is not None:
        prob = softmax(_log(prob) / temperature.value)
    predictions = make_predictions(ids, prob, classes)
    if out is not None:
        write_predictions(out, predictions)
        if len(names) > 1 or tta != "none" or temperature is not None:
            about = _about(names, dataset, split, tta, temperature) | {"predictions": predictions.digest}
            write_json(side_record(out), rounded_floats(about))
    return predictions


def side_record(out: Path | str) -> Path:
    """Return where the side record of predictions lies."""
    return Path(f"{out}{SIDE}")


def _average(
    names: list[str], dataset: Dataset, split: str, request: Request
) -> tuple[NDArray[np.object_], NDArray[np.float64], tuple[str, ...]]:
    """Return ids, the mean probabilities of all candidates, and classes in the order of the first."""
    ids, total, classes = probabilities(names[0], dataset, split, request)
    for name in names[1:]:
        others, prob, own = probabilities(name, dataset, split, request)
        assert list(others) == list(ids)  # the order of the manifest
        total = total + prob[:, [own.index(label) for label in classes]]
    return ids, total / len(names), classes


def _fit(names: list[str], dataset: Dataset, request: Request) -> Temperature:
    ids, prob, classes = _average(names, dataset, CALIBRATED_ON, request)
    labels = dataset.part(CALIBRATED_ON).set_index("image_id")["label"].loc[list(ids)]
    return fit_temperature(_log(prob), np.array([classes.index(label) for label in labels]))


def _log(prob: NDArray[np.float64]) -> NDArray[np.float64]:
    logs: NDArray[np.float64] = np.log(np.clip(prob, np.finfo(np.float64).tiny, None))
    return logs


def _about(
    names: list[str], dataset: Dataset, split: str, tta: str, temperature: Temperature | None
) -> dict[str, Any]:
    fitted = None
    if temperature is not None:
        fitted = {**asdict(temperature), "split": CALIBRATED_ON, "truth": dataset.truth(CALIBRATED_ON).digest}
    return {
        "schema": "dermbench.predict/1",
        "candidates": [dict(describe(name)) for name in names],
        "dataset": dataset.info.digest,
        "split": split,
        "tta": tta,
        "temperature": fitted,
    }
