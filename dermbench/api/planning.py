"""``plan``: how large a test set must be, and what a given one can show."""

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

    The protocol of :func:`evaluate` is applied to simulated test sets; see docs/how-to/plan-a-test-set.md.

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
                remedy="Name the group: --group VI; or an existing test set: --data DATASET.",
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
        raise UsageError("sizes and images per patient are those of the existing test set; leave them out")
    reference = load_reference(data=data, truth=truth, split=split, task=task)
    adapted = adapt(reference, sensitive=None if feature is None else [feature], positive=positive)
    chosen = None if feature is None else adapted.features[0]
    return PlanResult(plan_test_set(adapted.truth, assumed, metric=metric, feature=chosen, group=group))


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
