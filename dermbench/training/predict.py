"""``predict``: one candidate or several in, predictions out."""

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
"""What the name of a side record ends with."""


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
        (:data:`dermbench.training.predicting.registry.PREDICTORS`); of several the probabilities are averaged.
    data
        Dataset folder, or what :func:`dermbench.artifacts.read_dataset` returned.
    split
        ``train``, ``val`` or ``test``; or ``held-out``: of runs on folds, each image of ``train`` and ``val`` by
        the mean of the runs that have not seen it (of others, ``val``); or ``trained``: the images that runs, all
        of one fold or none, were trained on.
    out
        ``.parquet`` or ``.csv`` to write; None writes nothing. With several candidates, ``tta``, ``neighbours`` or
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
        :data:`dermbench.training.predicting.tta.VIEWS`.
    calibrate
        Divide the logits (of several candidates or views: the logarithms of the averaged probabilities) by
        a temperature fitted on ``val``; the predicted classes stay the same. Of runs on different folds the
        logits of each are divided, before the mean, by one temperature fitted on what each holds out.
    neighbours
        Mix the probabilities of a run with the labels of so many other images of ``train`` and ``val``, those
        whose features are nearest (:mod:`dermbench.training.predicting.neighbours`); 0 mixes nothing.
    prompts
        TOML file of prompts by class, for a zero-shot model.
    mapping
        Table that says which class other names mean, for an answers file.

    Returns
    -------
    Predictions
        Softmax in double precision of the logits, sorted by ``image_id``.

    Raises
    ------
    UsageError
        When there is no such run, it is unfinished, its classes are not those of the dataset, the split
        is the one to calibrate on, runs on folds have seen images of it, or, with ``trained``, were trained on
        different ones or would tell of others (``calibrate``, ``neighbours``).
    InputError
        When weights or images cannot be read.
    """
    dataset = data if isinstance(data, Dataset) else read_dataset(data)
    names = [str(candidate)] if isinstance(candidate, str | Path) else [str(name) for name in candidate]
    if tta not in VIEWS:
        raise UsageError(f"unknown --tta {tta!r}; {suggest(tta, VIEWS)}")
    if calibrate and (split == HELD_OUT or VALIDATION in split.split(JOINED)):
        raise UsageError(
            f"a temperature fitted on {VALIDATION} cannot be judged on {split}",
            remedy="Predict another split, or without --calibrate.",
        )
    if split == TRAINED and (calibrate or neighbours):
        option = "--calibrate" if calibrate else "--neighbours"
        raise UsageError(
            f"{option} uses labels of {VALIDATION}, which leak into the student",
            remedy="Predict trained without; distill_temperature makes a teacher more or less sure.",
        )
    if neighbours < 0:
        raise UsageError(f"{neighbours} neighbours cannot be asked", remedy="0 asks none.")
    request = Request(VIEWS[tta], batch_size, device, weights, embeddings, neighbours, prompts, mapping)
    predictors = find_predictors(names, request)
    own = split in {HELD_OUT, TRAINED}
    asks = calibrate or own or bool(set(split.split(JOINED)) & set(SPLITS))
    ensemble = Ensemble.of(predictors, dataset, asks=asks, held_out=own)
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
    """Return where the side record of predictions lies."""
    return Path(f"{out}{SIDE}")


def _write(out: Path | str, predictions: Predictions, about: dict[str, Any] | None) -> None:
    """Write predictions and their side record; one of earlier predictions goes first."""
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
        words, of = HELD_OUT if ensemble.folded else VALIDATION, "mean" if ensemble.alike else "each candidate"
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
