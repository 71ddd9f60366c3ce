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
