"""Evaluation: metrics, subgroups and gaps with their uncertainty, from predictions and truth."""

from dermbench.artifacts.comparison import Comparison
from dermbench.evaluation import metrics
from dermbench.evaluation.compare import compare
from dermbench.evaluation.core.metric import METRICS, Metric, Tally, tally
from dermbench.evaluation.evaluate import evaluate
from dermbench.evaluation.paired.bands import rank_bands
from dermbench.evaluation.paired.optimism import selection_optimism

__all__ = [
    "METRICS",
    "Comparison",
    "Metric",
    "Tally",
    "compare",
    "evaluate",
    "metrics",
    "rank_bands",
    "selection_optimism",
    "tally",
]
