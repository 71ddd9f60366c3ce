"""``plan``: how large a test set must be, and what an existing one can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dermbench.errors import UsageError
from dermbench.evaluation.planning.assumed import DEFAULT_CORRELATION, Assumed
from dermbench.evaluation.planning.dataset import glance
from dermbench.evaluation.planning.design import PerUnit
from dermbench.evaluation.planning.plan import plan_study, plan_test_set
from dermbench.evaluation.primary import DEFAULT_METRIC
from dermbench.inputs import adapt, load_reference
from dermbench.reporting.plan import glance_sentence
from dermbench.results import PlanResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dermbench.artifacts.manifest import Dataset
    from dermbench.inputs import DataSource, TruthSource


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
) -> PlanResult:
    """Plan a test set: how many patients a new study needs, or what an existing test set can show.

    It applies the protocol of :func:`evaluate` to simulated test sets; see docs/how-to/plan-a-test-set.md.

    Parameters
    ----------
    group
        Group to plan for; by default every group of an existing test set.
    data, truth, split, task
        An existing test set, as in :func:`evaluate`. Without it, a new study is planned.
    feature
        Sensitive feature of an existing test set; by default skin type.
    metric
        ``accuracy``, ``sensitivity`` or ``specificity``. By default the primary metric that a report of the
        existing test set has, and accuracy for a new study.
    positive
        Positive classes of an existing test set, as in :func:`evaluate`.
    sizes
        Number of patients per group of a new study. If ``group`` is not listed, it grows while the listed groups
        keep their sizes; if it is listed, the sizes describe a complete test set. By default all skin types, or
        bands, have the same number of patients.
    in_proportion
        Whether all groups of ``sizes`` grow, in these proportions.
    images_per_unit, images_vary
        Mean number of images per patient of a new study, and whether these numbers follow a geometric
        distribution instead of being as equal as possible.
    correlation
        Intra-class correlation between the answers for two images of one patient.
    rate
        Expected value of the metric in every group without a drop, between 0 and 1.
    drop, margin
        Drop to find, and margin to show; by default .10. If only one of them is given, a new study answers only
        that question.
    seed
        Seed of the simulations.

    Raises
    ------
    UsageError
        With all problems of the options.
    InputError
        When a table is malformed, with all its problems.

    Examples
    --------
    >>> import dermbench
    >>> result = dermbench.plan("VI", drop=0.5)
    >>> result
    PlanResult(accuracy, a new study: drop .50 needs 13 patients of type VI)
    >>> int(result.to_frame("sizes")["units"][0])
    13
    """
    assumed = Assumed(rate, correlation, drop, margin, seed)
    if data is None and truth is None:
        if group is None or feature or split or task or positive:
            raise UsageError(
                "a new study needs a group, and has no feature, split, task or positive classes",
                remedy="Name the group (--group VI), or give an existing test set (--data DATASET).",
            )
        study = plan_study(
            group,
            sizes,
            assumed,
            metric=metric or DEFAULT_METRIC,
            per_unit=PerUnit(images_per_unit, images_vary),
            in_proportion=in_proportion,
        )
        return PlanResult(study)
    if sizes is not None or in_proportion or images_per_unit != 1 or images_vary:
        raise UsageError(
            "sizes and images per patient are those of the existing test set", remedy="Leave these options out."
        )
    reference = load_reference(data=data, truth=truth, split=split, task=task)
    adapted = adapt(reference, sensitive=None if feature is None else [feature], positive=positive)
    chosen = None if feature is None else adapted.features[0]
    return PlanResult(plan_test_set(adapted.truth, assumed, metric=metric, feature=chosen, group=group))


def split_at_a_glance(dataset: Dataset) -> str | None:
    """Return a sentence about the drop that the test split of a dataset can show, by closed form.

    None if there is no test split, or no feature with at least two known groups and few enough to compare.
    """
    if "test" not in dataset.info.images:
        return None
    try:
        found = glance(dataset.truth("test"))
    except UsageError:  # `eval` will report the problem; preparing must not fail
        return None
    return None if found is None else glance_sentence(found)
