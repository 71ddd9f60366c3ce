"""The comparison: typed records of ``comparison.json``."""

from dermbench.artifacts.comparison.comparison import Comparison, ComparisonProvenance, comparison_schema
from dermbench.artifacts.comparison.differences import Difference, Seeds
from dermbench.artifacts.comparison.features import (
    FeatureComparison,
    FrontModel,
    GapChange,
    Gaps,
    GroupSize,
    GroupValue,
    Loss,
    MarginAnswer,
    ScreenedChange,
    WorstGroups,
)
from dermbench.artifacts.comparison.ranks import RankedModel, RankedPair, Ranks

__all__ = [
    "Comparison",
    "ComparisonProvenance",
    "Difference",
    "FeatureComparison",
    "FrontModel",
    "GapChange",
    "Gaps",
    "GroupSize",
    "GroupValue",
    "Loss",
    "MarginAnswer",
    "RankedModel",
    "RankedPair",
    "Ranks",
    "ScreenedChange",
    "Seeds",
    "WorstGroups",
    "comparison_schema",
]
