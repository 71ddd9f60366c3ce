"""The comparison: typed records of ``comparison.json``."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from dermbench.artifacts.records import Record
from dermbench.artifacts.report import LEVEL, Cell, Contrast, Number, Part, compact_json
from dermbench.artifacts.report.parts import OrUndefined


class Difference(Cell):
    """The difference of a metric between two models, model minus baseline.

    Attributes
    ----------
    p_value
        Two-sided; None where there is no test, for the ``reason``.
    p_holm
        The same after Holm's correction within its family; None where it is in no family.
    test
        Which test.
    seed_se
        What the seeds add to the error of the difference; None unless both models have several.
    """

    p_value: Number | None = Field(default=None, ge=0, le=1)
    p_holm: Number | None = Field(default=None, ge=0, le=1)
    test: str | None = None
    seed_se: Number | None = None


class Seeds(Part):
    """Spread of a metric over the seeds of a model.

    Attributes
    ----------
    n, values
        Number of seeds, and the value of each.
    seed_sd
        Standard deviation between seeds; None for the ``reason``.
    test_sd
        Standard error of the average for these seeds on other images; None where there is no interval.
    reason
        Why there is no ``seed_sd``.
    """

    n: int = Field(ge=1)
    values: dict[str, Number | None]
    seed_sd: Number | None
    test_sd: Number | None
    reason: str | None = None


class RankedModel(Part):
    """A model among all.

    Attributes
    ----------
    model
        Its name.
    value, low, high
        Its value with its own interval.
    best, worst
        Best and worst rank that it could have. The bands of all models hold at once with 95 %.
    letters
        Models that share a letter cannot be told apart; None where there would be too many letters.
    """

    model: str
    value: Number
    low: Number | None = None
    high: Number | None = None
    best: int = Field(ge=1)
    worst: int = Field(ge=1)
    letters: str | None = None


class RankedPair(Part):
    """Two models, tested against each other.

    Attributes
    ----------
    better, worse
        Their names.
    value
        Absolute difference.
    p_value, p_holm
        Two-sided, as it is and after Holm's correction over all pairs.
    """

    better: str
    worse: str
    value: Number = Field(ge=0)
    p_value: Number
    p_holm: Number


class Ranks(Part):
    """Rank bands of all models by one metric.

    Attributes
    ----------
    metric, test
        What the models are ranked by, and how two of them are compared.
    models
        Their bands, the best model first.
    pairs
        All pairs.
    without_value
        Models that have no value, so that they take no rank.
    reason
        Why there are no bands.
    letters_reason
        Why there are no letters.
    """

    metric: str
    test: str | None = None
    models: tuple[RankedModel, ...] = ()
    pairs: tuple[RankedPair, ...] = ()
    without_value: tuple[str, ...] = ()
    reason: str | None = None
    letters_reason: str | None = None


class GroupSize(Part):
    """Images and independent units of a group."""

    n: int = Field(ge=0)
    units: int = Field(ge=0)


class GroupValue(Part):
    """A group and its value."""

    group: str
    value: Number


class WorstGroups(Part):
    """The worst group of each model in one metric.

    Attributes
    ----------
    models
        {model: worst group}.
    differences
        {model: difference of the worst groups' values, model minus baseline}.
    classes
        Classes that a macro metric is averaged over; None for other metrics.
    """

    models: dict[str, GroupValue]
    differences: dict[str, Difference]
    classes: tuple[str, ...] | None = None


class GapChange(Part):
    """Whether the difference between a model and the baseline varies by group, class held fixed.

    Attributes
    ----------
    value
        Largest within-class difference between two groups of the scores' difference, model minus baseline.
    low, high
        It is at least and at most this, with 95 %; None for a reason.
    chance
        Median value when the groups make no difference.
    p_value, p_holm
        As it is, and after Holm's correction within its family; ``low`` is positive only with ``p_holm`` <= .05.
    overlap
        Smallest overlap of the class mixes of two groups, from 0 to 1.
    contrast
        The groups that carry the evidence.
    reasons
        Why ``low``, ``high`` or ``p_value`` is None, by the name of the field.
    """

    value: Number = Field(ge=0)
    low: Number | None = Field(ge=0)
    high: Number | None
    chance: Number
    p_value: Number | None = Field(ge=0, le=1)
    p_holm: Number | None = Field(ge=0, le=1)
    overlap: Number
    contrast: Contrast
    reasons: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _does_not_contradict_itself(self) -> Self:
        if self.low and (self.p_holm is None or self.p_holm > LEVEL):
            raise ValueError(f"at least {self.low} with corrected p {self.p_holm}")
        return self


class Gaps(Part):
    """The within-class gaps of all models in one metric, and how they differ.

    Attributes
    ----------
    models
        {model: gap}; None where the model has no probabilities.
    changes
        {model: change against the baseline, or the reason why there is none}.
    """

    models: dict[str, Number | None]
    changes: dict[str, OrUndefined[GapChange]]


class Loss(Part):
    """What one group lost or gained.

    Attributes
    ----------
    value
        Change for the better, negative for a loss.
    bound
        One-sided 95 % lower bound of ``value``; None for the ``reason``.
    reason
        Why there is no bound.
    """

    value: Number | None
    bound: Number | None
    reason: str | None = None


class MarginAnswer(Part):
    """Whether any group lost more than the margin.

    Attributes
    ----------
    margin
        In units of the metric.
    verdict
        ``shown``: no group lost more. ``lost``: a group lost more. ``open``: neither is shown.
    groups
        {group: what it lost}.
    reason
        Why nothing can be shown.
    """

    margin: Number
    verdict: Literal["shown", "lost", "open"]
    groups: dict[str, Loss]
    reason: str | None = None


class FrontModel(Part):
    """A model's score on all images beside that of its worst group.

    Attributes
    ----------
    overall, worst_group, worst
        The two scores, and the group.
    dto
        Euclidean distance of the group values to the best value that any model has in each group.
    on_front
        Whether no other model is at least as good on both and better on one.
    front_share
        Share of resamples in which it is.
    """

    overall: Number
    worst_group: str
    worst: Number
    dto: Number
    on_front: bool
    front_share: Number


class ScreenedChange(Difference):
    """The change of one class's recall in one group.

    Attributes
    ----------
    label, group
        Class and group.
    q_value
        After Benjamini and Hochberg's correction over classes and groups.
    """

    label: str
    group: str
    q_value: Number


class FeatureComparison(Part):
    """The models in the groups of one sensitive feature.

    Attributes
    ----------
    groups
        {group: size}.
    values
        {model: {group: {metric: value}}}; None where undefined, for the reason that the difference has.
    differences
        {model: {group: {metric: difference from the baseline}}}.
    worst_group
        {headline metric: worst groups, or a reason}.
    gap
        {headline metric: gaps and their changes, or a reason}.
    margin
        {headline metric: {model: answer}}; empty unless a margin was given.
    pareto
        {headline metric: {model: overall beside worst group}, or a reason}.
    screen
        {model: changes of recall by class and group}, the smallest p value first.
    """

    groups: dict[str, GroupSize]
    values: dict[str, dict[str, dict[str, Number | None]]]
    differences: dict[str, dict[str, dict[str, Difference]]]
    worst_group: dict[str, OrUndefined[WorstGroups]]
    gap: dict[str, OrUndefined[Gaps]]
    margin: dict[str, dict[str, MarginAnswer]]
    pareto: dict[str, OrUndefined[dict[str, FrontModel]]]
    screen: dict[str, tuple[ScreenedChange, ...]]


class ComparisonProvenance(Part):
    """Where the numbers of a comparison come from.

    Attributes
    ----------
    environment
        {package: version}.
    seed, resamples
        Seed, and number of resamples and permutations.
    metric_versions
        {metric: version of its definition}.
    predictions_digest, truth_digest
        Content hashes of what was compared, by model.
    interpreted
        {model: what was read otherwise than written}, of those with anything.
    truth_interpreted
        What of the truth was read otherwise than written.
    """

    environment: dict[str, str]
    seed: int
    resamples: int = Field(ge=1)
    metric_versions: dict[str, int]
    predictions_digest: dict[str, str]
    truth_digest: str
    interpreted: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    truth_interpreted: tuple[str, ...] = ()


class Comparison(Record):
    """Content of ``comparison.json``.

    Attributes
    ----------
    task, split, n, classes
        What the models are compared on.
    baseline
        Model that the others are compared with.
    provenance
        Where the numbers come from.
    models
        {model: {metric: cell}}; the average over seeds where there are several.
    seeds
        {model: {metric: spread}} of the models with several seeds.
    differences
        {model: {metric: difference from the baseline}} on all images.
    features
        {sensitive feature: its groups}.
    ranks
        Rank bands of all models.
    families
        Which p values are corrected together, in words.
    unanswered
        {model, or one of its seeds: images without a usable prediction, which count as wrong}, of those with any.
    notes
        What a reader must know, in sentences.
    """

    schema_: Literal["dermbench.comparison/2"] = Field("dermbench.comparison/2", alias="schema")
    task: str
    split: str
    n: int = Field(ge=0)
    classes: tuple[str, ...]
    baseline: str
    provenance: ComparisonProvenance
    models: dict[str, dict[str, Cell]]
    seeds: dict[str, dict[str, Seeds]]
    differences: dict[str, dict[str, Difference]]
    features: dict[str, FeatureComparison]
    ranks: Ranks
    families: dict[str, str]
    unanswered: dict[str, int] = Field(default_factory=dict)
    notes: tuple[str, ...]

    def text(self) -> str:
        """Return the bytes of the file: sorted keys, one cell a line."""
        return compact_json(self.document())


def comparison_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``comparison.json``."""
    return Comparison.model_json_schema(by_alias=True)
