"""Artifacts that pass between stages: typed, versioned, validated, written atomically."""

from dermbench.artifacts.answers import Answers, read_answers
from dermbench.artifacts.cases import Cases, find_cases
from dermbench.artifacts.class_map import ClassMap, read_class_map
from dermbench.artifacts.duplicates import Duplicates, read_duplicates, write_duplicates
from dermbench.artifacts.entry import Entry, read_entry, write_entry
from dermbench.artifacts.manifest import Dataset, DatasetInfo, read_dataset, write_dataset
from dermbench.artifacts.predictions import (
    Predictions,
    make_predictions,
    read_predictions,
    write_predictions,
)
from dermbench.artifacts.report import Cell, NoAnswer, Report, undefined
from dermbench.artifacts.run import RunRecord
from dermbench.artifacts.truth import Truth, make_truth, read_truth
from dermbench.artifacts.wrong_answers import add_missing, count_as_wrong

__all__ = [
    "Answers",
    "Cases",
    "Cell",
    "ClassMap",
    "Dataset",
    "DatasetInfo",
    "Duplicates",
    "Entry",
    "NoAnswer",
    "Predictions",
    "Report",
    "RunRecord",
    "Truth",
    "add_missing",
    "count_as_wrong",
    "find_cases",
    "make_predictions",
    "make_truth",
    "read_answers",
    "read_class_map",
    "read_dataset",
    "read_duplicates",
    "read_entry",
    "read_predictions",
    "read_truth",
    "undefined",
    "write_dataset",
    "write_duplicates",
    "write_entry",
    "write_predictions",
]
