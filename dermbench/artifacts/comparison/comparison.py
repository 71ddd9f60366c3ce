"""The comparison: content of ``comparison.json``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from dermbench.artifacts.comparison.differences import Difference, Seeds
from dermbench.artifacts.comparison.features import FeatureComparison
from dermbench.artifacts.comparison.ranks import Ranks
from dermbench.artifacts.records import Record
from dermbench.artifacts.report import Cell, Part, compact_json


class ComparisonProvenance(Part):
    """Origin of the numbers of a comparison.

    Attributes
    ----------
    environment
        {package: version}.
    seed, resamples
        Seed, and number of resamples and permutations.
    metric_versions
        {metric: version of its definition}.
    predictions_digest, truth_digest
        {model: content hash of its predictions}, and content hash of the truth.
    interpreted
        {model: interpretations of its predictions, in sentences}; models without any are left out.
    truth_interpreted
        Interpretations of the truth, in sentences.
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
        Task, split, number of images, and classes.
    baseline
        Model that the others are compared with.
    provenance
        Origin of the numbers.
    models
        {model: {metric: cell}}, averaged over seeds.
    seeds
        {model: {metric: spread}} of the models with several seeds.
    differences
        {model: {metric: difference from the baseline}} on all images.
    features
        {sensitive feature: comparison in its groups}.
    ranks
        Rank bands of all models.
    families
        {part of the comparison: p values that are corrected together, in words}.
    unanswered
        {model or model@seed: images without a usable prediction, which count as wrong}; without zeros.
    notes
        Notes for readers, in sentences.
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
        """Return the text of the file: sorted keys, one cell per line."""
        return compact_json(self.document())


def comparison_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``comparison.json``."""
    return Comparison.model_json_schema(by_alias=True)
