"""Metrics, subgroups, disparity and their uncertainty: predictions and truth in, a report out."""

from dermbench.evaluation import metrics
from dermbench.evaluation.comparing.bands import rank_bands
from dermbench.evaluation.comparison import Comparison, compare
from dermbench.evaluation.evaluate import evaluate
from dermbench.evaluation.metric import METRICS, Metric, Tally, tally

__all__ = ["METRICS", "Comparison", "Metric", "Tally", "compare", "evaluate", "metrics", "rank_bands", "tally"]
