"""``predict``: predict a split of a dataset with one candidate or several."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dermbench.artifacts import make_predictions, read_dataset, write_predictions
from dermbench.artifacts.columns import JOINED
from dermbench.artifacts.files import write_json
from dermbench.artifacts.manifest import Dataset
from dermbench.artifacts.outputs import sole_writer_of
from dermbench.artifacts.records import rounded_floats
from dermbench.errors import UsageError, suggest
from dermbench.training.data.training_data import SPLITS
from dermbench.training.predicting.ensemble import HELD_OUT, TRAINED, VALIDATION, Ensemble
from dermbench.training.predicting.neighbours import SHARE, WIDTH
from dermbench.training.predicting.predictor import Request
from dermbench.training.predicting.registry import find_predictors
from dermbench.training.predicting.tta import VIEWS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.artifacts import Predictions
    from dermbench.training.predicting.temperature import Temperature

SIDE = ".predict.json"
"""Suffix of the name of a side record."""


def predict(  # noqa: PLR0913 - the options of the verb
    candidate: Path | str | Sequence[Path | str],
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
    neighbours: int = 0,
    prompts: Path | str | None = None,
    mapping: Path | str | None = None,
) -> Predictions:
    """Predict the images of one split.

    Parameters
    ----------
    candidate
        Run folder, ``.onnx`` file, predictions file, or ``PREFIX:NAME`` of a predictor
        (:data:`dermbench.training.predicting.registry.PREDICTORS`). Probabilities of several are averaged.
    data
        Dataset folder, or what :func:`dermbench.artifacts.read_dataset` returned.
    split
        ``train``, ``val`` or ``test``. ``held-out``: each image of ``train`` and ``val`` by the mean of the runs
        on folds that have not seen it; for other candidates, ``val``. ``trained``: the images that the runs were
        trained on; all runs are on the same fold, or none is on folds.
    out
        ``.parquet`` or ``.csv`` to write; None writes nothing. With several candidates, ``tta``, ``neighbours`` or
        ``calibrate``, a side record ``OUT.predict.json`` says how the probabilities were computed.
    batch_size
        Number of images at a time; by default that of the run.
    device
        ``auto`` or a device of torch.
    weights
        Local weights of a ``timm:NAME`` model, with a classifier of the dataset's size.
    embeddings
        Table for a run on embeddings; by default the one it was trained on.
    tta
        Set of views of each image, whose probabilities are averaged: a key of
        :data:`dermbench.training.predicting.tta.VIEWS`.
    calibrate
        Divide the logarithms of the (averaged) probabilities by a temperature fitted on ``val``, which does not
        change the predicted classes. Runs on different folds share one temperature, fitted on the images that
        each run holds out; it is applied to each run before averaging.
    neighbours
        Number of images of ``train`` and ``val`` with the nearest features, whose labels are mixed with a run's
        probabilities (:mod:`dermbench.training.predicting.neighbours`); 0 for none.
    prompts
        TOML file of prompts by class, for a zero-shot model.
    mapping
        Table of other names for classes, for an answers file.

    Returns
    -------
    Predictions
        Probabilities in double precision, sorted by ``image_id``; or the classes of an answers file.

    Raises
    ------
    UsageError
        When there is no such run, it is unfinished, or its classes are not those of the dataset. When the split is
        the one that ``calibrate`` fits on, or runs on folds were trained on images of it. With ``trained``, when
        the runs were trained on different images, or ``calibrate`` or ``neighbours`` is given.
    InputError
        When weights or images cannot be read.
    """
    dataset = data if isinstance(data, Dataset) else read_dataset(data)
    names = [str(candidate)] if isinstance(candidate, str | Path) else [str(name) for name in candidate]
    if tta not in VIEWS:
        raise UsageError(f"unknown --tta {tta!r}; {suggest(tta, VIEWS)}")
    if calibrate and (split == HELD_OUT or VALIDATION in split.split(JOINED)):
        raise UsageError(
            f"--calibrate fits a temperature on {VALIDATION}, so {split} cannot be predicted with it",
            remedy="Predict another split, or without --calibrate.",
        )
    if split == TRAINED and (calibrate or neighbours):
        option = "--calibrate" if calibrate else "--neighbours"
        raise UsageError(
            f"{option} uses labels of {VALIDATION}, which leak into the student",
            remedy="Predict --split trained without it; distill_temperature changes how sure a teacher is.",
        )
    if neighbours < 0:
        raise UsageError(f"--neighbours {neighbours} is negative", remedy="0 uses no neighbours.")
    request = Request(VIEWS[tta], batch_size, device, weights, embeddings, neighbours, prompts, mapping)
    predictors = find_predictors(names, request)
    own = split in {HELD_OUT, TRAINED}
    find_unseen = calibrate or own or bool(set(split.split(JOINED)) & set(SPLITS))
    ensemble = Ensemble.of(predictors, dataset, find_unseen=find_unseen, held_out=own)
    temperature = None
    if split == HELD_OUT:
        predictions = make_predictions(*ensemble.held_out())
    elif split == TRAINED:
        predictions = make_predictions(*ensemble.trained())
    else:
        ensemble.check_unseen(split)
        temperature = ensemble.temperature() if calibrate else None
        alone = len(predictors) == 1 and temperature is None
        mean = ensemble.mean
        predictions = (
            predictors[0].predictions(dataset, split) if alone else make_predictions(*mean(split, temperature))
        )
    if out is not None:
        about = None
        if len(names) > 1 or tta != "none" or temperature is not None or neighbours:
            about = _about(ensemble, split, tta, temperature, neighbours) | {"predictions": predictions.digest}
        _write(out, predictions, about)
    return predictions


def side_record(out: Path | str) -> Path:
    """Return the path of the side record of predictions."""
    return Path(f"{out}{SIDE}")


def _write(out: Path | str, predictions: Predictions, about: dict[str, Any] | None) -> None:
    """Remove the side record of earlier predictions, then write predictions and their side record."""
    side = side_record(out)
    with sole_writer_of(out, side.name):
        side.unlink(missing_ok=True)
        write_predictions(out, predictions)
        if about is not None:
            write_json(side, rounded_floats(about))


def _about(
    ensemble: Ensemble, split: str, tta: str, temperature: Temperature | None, number: int
) -> dict[str, Any]:
    dataset, fitted = ensemble.dataset, None
    if temperature is not None:
        words, of = (
            HELD_OUT if ensemble.folded else VALIDATION,
            "mean" if ensemble.shared_val else "each candidate",
        )
        fitted = {**asdict(temperature), "of": of, "split": words, "truth": ensemble.fitted_on()}
    return {
        "schema": "dermbench.predict/1",
        "candidates": [dict(one.about()) for one in ensemble.predictors],
        "dataset": dataset.info.digest,
        "split": split,
        "tta": tta,
        "temperature": fitted,
        **({"neighbours": {"number": number, "share": SHARE, "width": WIDTH}} if number else {}),
    }
