"""``evaluate`` and ``compare``: predictions and a truth in, results out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import dermbench.evaluation
from dermbench.artifacts.feature_names import standard_feature
from dermbench.artifacts.scales import read_scales
from dermbench.errors import InputError, UsageError
from dermbench.evaluation.evaluate import N_RESAMPLES
from dermbench.evaluation.paired.candidates import candidate_name
from dermbench.inputs import adapt, load_reference, named_columns
from dermbench.model_names import name_files
from dermbench.results import ComparisonResult, EvaluationResult
from dermbench.tasks import parse_primary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dermbench.artifacts.class_map import MapSource
    from dermbench.artifacts.predictions import Predictions
    from dermbench.inputs import DataSource, PredictionsSource, Reference, TruthSource

VALIDATION_SPLIT = "val"


def evaluate(  # noqa: PLR0913 - as many as the verb has options
    predictions: PredictionsSource,
    truth: TruthSource | None = None,
    *,
    data: DataSource | None = None,
    split: str | None = None,
    task: str | None = None,
    classes: Sequence[str] = (),
    id: str | None = None,  # noqa: A002 - named like the option
    label: str | None = None,
    fst: str | None = None,
    sensitive: Sequence[str] | None = None,
    ordered: Sequence[str] = (),
    bins: Sequence[str] | Mapping[str, Sequence[float]] = (),
    validation: PredictionsSource | None = None,
    primary: str | tuple[str, str] | None = None,
    margin: float | None = None,
    positive: Sequence[str] = (),
    operating_points: Sequence[str] = (),
    prevalences: Sequence[float] = (),
    map: MapSource | None = None,  # noqa: A002 - named like the option
    aggregate: str | None = None,
    missing: str = "refuse",
    adjust: Sequence[str] = (),
    skin_type_error: bool = False,
    logits: bool = False,
    name: str | None = None,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
    workers: int = 1,
) -> EvaluationResult:
    """Evaluate predictions: every metric overall, by class and by subgroup, with uncertainty.

    Parameters
    ----------
    predictions
        Predictions file, data frame or artifact: ``image_id`` and one ``prob_<class>`` column per class, or
        ``image_id`` and ``pred``.
    truth
        Table of true labels, with ``image_id``, ``label`` and sensitive features: a file, data frame or artifact.
    data
        Dataset folder or artifact, instead of ``truth``. If ``data audit --write-groups`` has written duplicates
        there, the report also has the scores without images that have a duplicate in ``train`` or ``val``.
    split
        Split to evaluate, or several joined by ``+``, as in ``train+val``. By default ``test`` of a dataset
        folder, and all rows of a table.
    task, classes
        Packaged task that the table belongs to, and its classes.
    id, label, fst
        Columns with the ids (also in the predictions), the labels and the skin types, if they have other names
        than those in :data:`dermbench.artifacts.columns.ALIASES`.
    sensitive
        Sensitive features: columns of the truth, or columns joined by commas for an intersection. By default those
        of the task.
    ordered, bins
        Sensitive features with ordered values (``COL`` for numbers, ``COL=low,middle,high`` for text), and
        numeric features to put into bands (``COL=40,60``: the lower ends of all bands but the first). Other
        numbers are treated as categories.
    validation
        Predictions of the same model for the ``val`` split of ``data``, or for the rows of the table with ``val``
        in the column ``split``. Thresholds are fitted on them. ``map`` and ``aggregate`` apply to them too; a
        missing prediction is always an error.
    primary
        Primary question, ``METRIC:FEATURE`` or a tuple of both. By default the primary question of the task, if
        its feature is evaluated; else sensitivity by skin type, if ``positive`` is given or one of two classes is
        known to be positive; else accuracy by skin type.
    margin
        Largest acceptable gap of the primary metric, fixed before seeing results. By default the margin of the
        task, if the primary question is the task's.
    positive
        Positive classes, for sensitivity and specificity. By default the classes whose malignancy, in the task or
        the column ``malignancy``, is ``malignant``; or the one of two classes whose name says so.
    operating_points
        Further operating points, besides the predicted class: ``sensitivity=.9`` or ``specificity=.9``, with the
        threshold fitted on ``validation``, or ``threshold=.5``.
    prevalences
        Prevalences at which to report predictive values, between 0 and 1.
    map
        Class map, from the model's classes to the truth's; see
        :func:`~dermbench.artifacts.class_map.read_class_map`.
    aggregate
        Score cases instead of images, by the mean probability of their images: ``lesion_id`` or ``patient_id``;
        see :func:`~dermbench.artifacts.cases.find_cases`.
    missing
        Images without a prediction: ``refuse`` the predictions, or count them as ``wrong``; see
        :func:`~dermbench.artifacts.wrong_answers.count_as_wrong`.
    adjust
        Columns of the truth to hold fixed, besides the true class, in a further comparison of the groups of the
        primary question.
    skin_type_error
        Whether to also correct the primary gap for errors in the skin types. Needs several labellings (``fst`` and
        ``fst_<source>``).
    logits
        Whether the predictions hold logits instead of probabilities.
    name
        Name of the model in the report; by default the stem of the predictions file.
    seed, n_resamples
        Seed and number of resamples and permutations.
    workers
        Number of threads; the report does not depend on it.

    Returns
    -------
    EvaluationResult
        The report; the same input gives the same bytes.

    Raises
    ------
    UsageError
        When arguments do not fit together or to the data.
    InputError
        When a table is malformed, with all its problems.

    Examples
    --------
    >>> import pandas as pd
    >>> import dermbench
    >>> ids = [f"i{k:02}" for k in range(60)]
    >>> truth = pd.DataFrame({"image_id": ids, "label": ["nevus", "melanoma"] * 30, "fst": [1, 1, 5, 5] * 15})
    >>> predictions = pd.DataFrame({"image_id": ids, "pred": ["nevus", "melanoma", "nevus", "nevus"] * 15})
    >>> result = dermbench.evaluate(predictions, truth, name="mine", n_resamples=99)
    >>> result
    EvaluationResult(mine on unnamed, all, n = 60: sensitivity gap by skin type 1.00 [.71, 1.00])
    >>> groups = result.to_frame("groups")
    >>> groups.loc[groups["metric"] == "accuracy", ["group", "value"]]
       group  value
    0      I    1.0
    16     V    0.5
    32  I-II    1.0
    48  V-VI    0.5
    """
    columns, scales = named_columns(id=id, label=label, fst=fst), read_scales(ordered, bins)
    reference = load_reference(data=data, truth=truth, split=split, task=task, classes=classes, columns=columns)
    read = partial(
        adapt,
        class_map=map,
        aggregate=aggregate,
        sensitive=sensitive,
        scales=scales,
        positive=positive,
        logits=logits,
    )
    adapted = read(reference, missing=missing)
    question, accepted = _primary(adapted, primary, margin)
    fitted = None
    if validation is not None:
        other = read(
            load_reference(
                data=data,
                truth=truth,
                split=VALIDATION_SPLIT,
                task=task,
                classes=classes or (() if task or data is not None else adapted.truth.classes),
                columns=columns,
            )
        )
        fitted = (_read_validation(other, validation), other.truth)
    report = dermbench.evaluation.evaluate(
        adapted.read(predictions),
        adapted.truth,
        sensitive=None if sensitive is None else adapted.features,
        validation=fitted,
        primary=question,
        operating_points=operating_points,
        prevalences=prevalences,
        margin=accepted,
        twins=adapted.twins(),
        adjust=[standard_feature([str(c) for c in adapted.truth.table.columns], name) for name in adjust],
        skin_type_error=skin_type_error,
        model=_stem(predictions) if name is None else name,
        seed=seed,
        n_resamples=n_resamples,
        workers=workers,
    )
    return EvaluationResult(report)


def compare(  # noqa: PLR0913 - as many as the verb has options
    models: Mapping[str, PredictionsSource] | Sequence[Path | str],
    truth: TruthSource | None = None,
    *,
    data: DataSource | None = None,
    split: str | None = None,
    task: str | None = None,
    classes: Sequence[str] = (),
    id: str | None = None,  # noqa: A002 - named like the option
    label: str | None = None,
    fst: str | None = None,
    baseline: str | None = None,
    metrics: Sequence[str] = (),
    sensitive: Sequence[str] | None = None,
    ordered: Sequence[str] = (),
    bins: Sequence[str] | Mapping[str, Sequence[float]] = (),
    margin: float | None = None,
    positive: Sequence[str] = (),
    map: MapSource | None = None,  # noqa: A002 - named like the option
    aggregate: str | None = None,
    missing: str = "refuse",
    logits: bool = False,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> ComparisonResult:
    """Compare models on the same images: paired differences, overall and by group, and rank bands.

    Parameters
    ----------
    models
        {name: predictions} of two or more models, each a file, data frame or artifact; ``name@seed`` for several
        seeds of one model. Or a list of predictions files, each ``PATH`` or ``NAME=PATH``.
    truth, data, split, task, classes, id, label, fst, sensitive, ordered, bins, positive, map, aggregate, missing,
    logits
        As in :func:`evaluate`, and the same for all models. A class with the same name in the truth needs no line
        in the map.
    baseline
        Name or file of the model that the others are compared with; by default the first.
    metrics
        Metrics to compare; the first one ranks the models. By default all.
    margin
        Largest acceptable loss of a group, in units of the metric (.02 is two points).
    seed, n_resamples
        Seed and number of resamples and permutations.

    Raises
    ------
    UsageError
        When arguments do not fit together or to the data.
    InputError
        When a table is malformed, with all its problems.

    Examples
    --------
    >>> import pandas as pd
    >>> import dermbench
    >>> ids = [f"i{k:02}" for k in range(60)]
    >>> truth = pd.DataFrame({"image_id": ids, "label": ["nevus", "melanoma"] * 30, "fst": [1, 1, 5, 5] * 15})
    >>> old = pd.DataFrame({"image_id": ids, "pred": ["nevus", "melanoma", "nevus", "nevus"] * 15})
    >>> new = pd.DataFrame({"image_id": ids, "pred": ["nevus", "melanoma", "nevus", "melanoma"] * 15})
    >>> result = dermbench.compare({"old": old, "new": new}, truth, metrics=["accuracy"], n_resamples=99)
    >>> result
    ComparisonResult(2 models on unnamed, all, n = 60: accuracy against old: new +.250 [.158, .372])
    >>> result.to_frame("differences")[["model", "metric", "difference", "low"]].round(3)
      model    metric  difference    low
    0   new  accuracy        0.25  0.158
    """
    named: Mapping[str, PredictionsSource]
    named = models if isinstance(models, Mapping) else name_files([str(path) for path in models])
    first = _baseline(named, baseline)
    columns, scales = named_columns(id=id, label=label, fst=fst), read_scales(ordered, bins)
    reference = load_reference(data=data, truth=truth, split=split, task=task, classes=classes, columns=columns)
    adapted = adapt(
        reference,
        class_map=map,
        aggregate=aggregate,
        missing=missing,
        sensitive=sensitive,
        scales=scales,
        positive=positive,
        logits=logits,
    )
    comparison = dermbench.evaluation.compare(
        {model: adapted.read(source) for model, source in named.items()},
        adapted.truth,
        baseline=first,
        metrics=metrics,
        sensitive=None if sensitive is None else adapted.features,
        margin=margin,
        seed=seed,
        n_resamples=n_resamples,
    )
    return ComparisonResult(comparison)


def _read_validation(reference: Reference, validation: PredictionsSource) -> Predictions:
    """Read predictions for the val split; error messages mention ``--validation``."""
    try:
        return reference.read(validation)
    except InputError as error:
        remedy = error.remedy or "These are the predictions of --validation, for the images of split val."
        raise InputError(error.source, error.problems, remedy=remedy) from error


def _primary(
    reference: Reference, primary: str | tuple[str, str] | None, margin: float | None
) -> tuple[tuple[str, str] | None, float | None]:
    """Return the primary question and its margin; by default the task's, if its feature is evaluated."""
    chosen = parse_primary(primary) if isinstance(primary, str) else primary
    task = reference.task
    if task is None or task.primary is None or task.primary[1] not in reference.features:
        return chosen, margin
    if chosen not in {None, task.primary}:
        return chosen, margin
    return task.primary, task.margin if margin is None else margin


def _stem(predictions: PredictionsSource) -> str | None:
    return Path(predictions).stem if isinstance(predictions, Path | str) else None


def _baseline(models: Mapping[str, PredictionsSource], chosen: str | None) -> str | None:
    """Return the model that ``baseline`` names by its name, by one of its seeds or by its file."""
    if chosen is None:
        return None
    by_name = {name: candidate_name(name) for name in models}
    by_path = {
        Path(source).resolve(): by_name[name] for name, source in models.items() if isinstance(source, Path | str)
    }
    found = chosen if chosen in by_name.values() else by_path.get(Path(chosen).resolve(), by_name.get(chosen))
    if found is None:
        listed = ", ".join(dict.fromkeys(by_name.values()))
        raise UsageError(f"--baseline {chosen} is none of the models: {listed}")
    return found
