"""The functions that people import: paths, data frames and artifacts in, reports out.

The command line calls the same functions, so that both do the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dermbench import evaluation
from dermbench.artifacts.feature_names import standard_feature
from dermbench.artifacts.scales import read_scales
from dermbench.errors import InputError, UsageError
from dermbench.evaluation.evaluate import N_RESAMPLES
from dermbench.evaluation.paired.candidates import candidate_name
from dermbench.evaluation.planning.assumed import DEFAULT_CORRELATION, Assumed
from dermbench.evaluation.planning.dataset import glance
from dermbench.evaluation.planning.design import PerUnit
from dermbench.evaluation.planning.plan import plan_study, plan_test_set
from dermbench.evaluation.primary import DEFAULT_METRIC
from dermbench.inputs import adapt, load_reference, named_columns
from dermbench.model_names import name_files
from dermbench.reporting.plan import glance_sentence
from dermbench.tasks import parse_primary

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from dermbench.artifacts.class_map import MapSource
    from dermbench.artifacts.manifest import Dataset
    from dermbench.artifacts.plan import Plan
    from dermbench.artifacts.predictions import Predictions
    from dermbench.artifacts.report import Report
    from dermbench.evaluation import Comparison
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
) -> Report:
    """Evaluate predictions: every metric overall, by class and by subgroup, with its uncertainty.

    Parameters
    ----------
    predictions
        Predictions file, data frame or artifact: ``image_id`` with one ``prob_<class>`` column a class, or with
        ``pred``.
    truth
        Table with ``image_id``, ``label`` and sensitive features, as a file, data frame or artifact.
    data
        Dataset folder or artifact that holds the truth; instead of ``truth``. Where ``data audit --write-groups``
        has written its duplicates there, the scores without twins of training images are reported as well.
    split
        Split to evaluate, or several as in ``train+val``; by default ``test`` of a dataset folder and all rows of
        a table.
    task, classes
        Packaged task that the table is of, and its class set.
    id, label, fst
        Columns that hold the ids (also of the predictions), the labels and the skin types, where the tables call
        them otherwise than :data:`dermbench.artifacts.columns.ALIASES`.
    sensitive
        Sensitive features: columns of the truth, or columns joined by commas for intersections. By default those
        of the task.
    ordered, bins
        Sensitive features that are ordered scales (``COL``, or ``COL=low,middle,high`` for text) or numbers to be
        put into bands (``COL=40,60``, the lower ends of all bands but the first). Other numbers are categories.
    validation
        The same model's predictions for the ``val`` split of ``data``, or for the rows of a table whose column
        ``split`` says ``val``; thresholds are fitted there. ``map`` and ``aggregate`` apply to them as well; a
        missing prediction is refused.
    primary
        The primary question: ``METRIC:FEATURE``, or both as a tuple. By default that of the task where its feature
        is evaluated; else sensitivity by skin type where ``positive`` is given or one class of two is known to be
        positive; else accuracy by skin type.
    margin
        Largest gap of the primary metric that is small enough, stated before the results. By default that of the
        task, where the primary question is the task's.
    positive
        Classes that count as positive, for sensitivity and specificity. By default those whose malignancy, by the
        task or the column ``malignancy``, is ``malignant``, or the class of two whose name says so.
    operating_points
        Further ways to call images positive than the predicted class: ``sensitivity=.9`` or ``specificity=.9``,
        whose threshold is found on ``validation``, or ``threshold=.5``.
    prevalences
        Shares of positive cases at which predictive values are given.
    map
        Class map: classes of the model, each with a class of the truth; see
        :func:`~dermbench.artifacts.class_map.read_class_map`.
    aggregate
        Score cases instead of images, ``lesion_id`` or ``patient_id``: the mean probability of their images; see
        :func:`~dermbench.artifacts.cases.find_cases`.
    missing
        ``refuse`` predictions that lack an image, or count it as ``wrong``; see
        :func:`~dermbench.artifacts.wrong_answers.count_as_wrong`.
    adjust
        Columns of the truth that are held fixed, besides the true class, where the groups of the primary question
        are compared once more.
    skin_type_error
        Whether the primary gap is also corrected for errors in the skin types, which several labellings (``fst``,
        ``fst_<source>``) show.
    logits
        Whether the predictions hold logits instead of probabilities.
    name
        Name of the model in the report; by default the stem of the predictions file.
    seed, n_resamples
        Seed, and number, of resamples and permutations.
    workers
        Threads; any number gives the same report.

    Returns
    -------
    Report
        The same for the same input, to the byte.

    Raises
    ------
    UsageError
        When arguments do not fit together or to the data.
    InputError
        When a table is malformed, with all its problems.
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
    return evaluation.evaluate(
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
) -> Comparison:
    """Compare models on the same images: paired intervals and tests, by group, rank bands.

    Parameters
    ----------
    models
        {name: predictions} of two or more models, each a file, data frame or artifact; ``name@seed`` for seeds of
        one model. Or predictions files, written ``PATH`` or ``NAME=PATH``.
    truth, data, split, task, classes, id, label, fst, sensitive, ordered, bins, positive, map, aggregate, missing,
    logits
        As in :func:`evaluate`, for all models alike. A class that the truth has under the same name needs no line
        in the map.
    baseline
        Name, or file, of the model that the others are compared with; the first by default.
    metrics
        Declared metrics; the first one ranks. All by default.
    margin
        Ask whether a group lost more than this, in units of the metric (.02 is two points).
    seed, n_resamples
        Seed, and number, of resamples and permutations.

    Raises
    ------
    UsageError
        When arguments do not fit together or to the data.
    InputError
        When a table is malformed, with all its problems.
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
    return evaluation.compare(
        {model: adapted.read(source) for model, source in named.items()},
        adapted.truth,
        baseline=first,
        metrics=metrics,
        sensitive=None if sensitive is None else adapted.features,
        margin=margin,
        seed=seed,
        n_resamples=n_resamples,
    )


def plan(  # noqa: PLR0913 - as many as the verb has options
    group: str | None = None,
    *,
    data: DataSource | None = None,
    truth: TruthSource | None = None,
    split: str | None = None,
    task: str | None = None,
    feature: str | None = None,
    metric: str | None = None,
    positive: Sequence[str] = (),
    sizes: Mapping[str, int] | None = None,
    in_proportion: bool = False,
    images_per_unit: float = 1.0,
    images_vary: bool = False,
    correlation: float = DEFAULT_CORRELATION,
    rate: float = 0.8,
    drop: float | None = None,
    margin: float | None = None,
    seed: int = 0,
) -> Plan:
    """Plan a test set: how many patients a new study needs, or what an existing test set can show.

    The protocol of :func:`evaluate` is applied to simulated test sets; see docs/planning.md.

    Parameters
    ----------
    group
        Group that is asked about; for an existing test set every group by default.
    data, truth, split, task
        An existing test set, as in :func:`evaluate`; by default a new study is planned.
    feature
        Sensitive feature of an existing test set; by default skin type.
    metric
        ``accuracy``, ``sensitivity`` or ``specificity``. By default what the report of an existing test set asks
        first, and accuracy for a new study.
    positive
        Positive classes of an existing test set, as in :func:`evaluate`.
    sizes
        Patients of each group of a new study. Without the group asked about, the others stay as they are; with it,
        this is a whole test set. By default all skin types, or bands, have as many patients.
    in_proportion
        Whether all groups of ``sizes`` grow, in these proportions.
    images_per_unit, images_vary
        Mean number of images of a patient of a new study, and whether the numbers are geometric, not as equal as
        possible.
    correlation
        Intra-class correlation of the answers on two images of one patient.
    rate
        Share of right answers in every group without a drop.
    drop, margin
        Drop to find, and margin to show; .10 by default. A new study for which only one of them is stated answers
        that question alone.
    seed
        Seed of the simulations.

    Raises
    ------
    UsageError
        With all problems of the options.
    InputError
        When a table is malformed, with all its problems.
    """
    assumed = Assumed(rate, correlation, drop, margin, seed)
    if data is None and truth is None:
        if group is None or feature or split or task or positive:
            raise UsageError(
                "a new study needs a group, and has no feature, split, task or positive classes",
                remedy="Name the group: --group VI; or an existing test set: --data DATASET.",
            )
        return plan_study(
            group,
            sizes,
            assumed,
            metric=metric or DEFAULT_METRIC,
            per_unit=PerUnit(images_per_unit, images_vary),
            in_proportion=in_proportion,
        )
    if sizes is not None or in_proportion or images_per_unit != 1 or images_vary:
        raise UsageError("sizes and images per patient are those of the existing test set; leave them out")
    reference = load_reference(data=data, truth=truth, split=split, task=task)
    adapted = adapt(reference, sensitive=None if feature is None else [feature], positive=positive)
    chosen = None if feature is None else adapted.features[0]
    return plan_test_set(adapted.truth, assumed, metric=metric, feature=chosen, group=group)


def explain(
    run: Path | str,
    data: Path | str | Dataset,
    out: Path | str,
    *,
    split: str = "test",
    per_group: int = 4,
    seed: int = 0,
    device: str = "auto",
) -> pd.DataFrame:
    """Write Grad-CAM pictures by skin type and by right and wrong, with a contact sheet and a page.

    Needs torch.

    Parameters
    ----------
    run, data, split, per_group, seed, device
        As for :func:`dermbench.training.explain`.
    out
        Folder for the pictures, ``index.csv``, ``index.html`` and ``contact-sheet.png``.

    Returns
    -------
    pandas.DataFrame
        The index; see :class:`dermbench.training.explain.Explanation`.
    """
    from dermbench import training  # noqa: PLC0415 - imports torch
    from dermbench.reporting.contact_sheet import write_contact_sheet, write_page  # noqa: PLC0415 - imports pillow

    done = training.explain(run, data, out, split=split, per_group=per_group, seed=seed, device=device)
    write_contact_sheet(Path(out), done.index, done.totals)
    write_page(Path(out), done.index, done.totals, done.title)
    return done.index


def split_at_a_glance(dataset: Dataset) -> str | None:
    """Say in one sentence what drop the test split of a dataset can show, in closed form.

    None where there is no test split, or no feature with two known groups and few enough to compare.
    """
    if "test" not in dataset.info.images:
        return None
    try:
        found = glance(dataset.truth("test"))
    except UsageError:  # evaluating the split says why; preparing it does not fail
        return None
    return None if found is None else glance_sentence(found)


def _read_validation(reference: Reference, validation: PredictionsSource) -> Predictions:
    """Read predictions for the val split; a problem says that this is what they are read for."""
    try:
        return reference.read(validation)
    except InputError as error:
        remedy = error.remedy or "These are the predictions of --validation, for the images of split val."
        raise InputError(error.source, error.problems, remedy=remedy) from error


def _primary(
    reference: Reference, primary: str | tuple[str, str] | None, margin: float | None
) -> tuple[tuple[str, str] | None, float | None]:
    """Return the primary question and its margin, by default those of the task where its feature is evaluated."""
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
    """Return the model that ``baseline`` names, by itself, by one of its seeds or by a file."""
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
