from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # makes `full` and `report_records` importable

import document_records
import full
from report_records import (
    cell,
    class_row,
    disparity,
    feature,
    group,
    provenance,
)
from report_records import report as make_report

from dermbench.artifacts.report import Cell, Confusion, Undefined, undefined

GROUPS = {
    "I": (238, 0.61),
    "II": (397, 0.625),
    "III": (243, 0.6),
    "IV": (186, 0.58),
    "V": (83, 0.55),
    "VI": (20, 0.5),
}


def small_report():
    """Return a report with undefined values of every kind."""
    groups = {
        name: group(
            n,
            {
                "accuracy": cell(value, 0.05, n),
                "macro_f1": undefined("a class has fewer than 10 cases")
                if n < 30
                else Cell(value=value, reason="no interval"),
                "log_loss": cell(1.234, 0.1, n),
                "cohen_kappa": cell(value - 0.1, 0.05, n),
                "brier": cell(0.004, 0.001, n),
                "micro_f1": cell(value, 0.05, n),
            },
        )
        for name, (n, value) in GROUPS.items()
    }
    groups["unknown"] = group(60, {"accuracy": cell(0.6, 0.1, 60)})
    rows = {
        "accuracy": disparity(gap=0.125, high=0.24, p_value=0.38, role="primary"),
        "macro_f1": Undefined(reason="macro-F1 is undefined in group VI"),
        "cohen_kappa": disparity(gap=0.125, high=None, reasons={"high": "κ is not a mean over images"}),
    }
    bands = {name: group(400, {"accuracy": cell(0.6)}) for name in ("V-VI", "I-II", "III-IV")}
    per_class = {"NEV": class_row(0.7, 800), "MEL": class_row(0.5, 420), "ACK": class_row(None, 7)}
    return make_report(
        {"fst": feature(groups, rows), "fst_band": feature(bands, {"accuracy": disparity()})},
        task="demo",
        n=1227,
        classes=tuple(per_class),
        provenance=provenance(),
        overall={
            "macro_f1": cell(0.6, 0.03, 1227),
            "accuracy": cell(0.619, 0.03, 1227),
            "auroc_ovr": undefined("predictions have no probabilities"),
            "cohen_kappa": Cell(value=-0.05, reason="interval suppressed: a class has fewer than 10 cases"),
            "mcc": Cell(value=1.0, low=0.934, high=1.0),
        },
        per_class=per_class,
        confusion=Confusion(labels=tuple(per_class), matrix=((700, 100, 0), (210, 210, 0), (5, 2, 0))),
        notes=("3 images have tied probabilities.", "independence between images assumed"),
    )


@pytest.fixture
def report():
    return small_report()


@pytest.fixture
def raw(report):
    """Document of a report with undefined values of every kind."""
    return report.document()


@pytest.fixture
def everything():
    """Document of a report with every part."""
    return full.report().document()


@pytest.fixture(scope="session")
def documents(tmp_path_factory):
    """Folder with ``data``, ``run`` and ``report`` that belong together."""
    return document_records.write_all(tmp_path_factory.mktemp("documents"))
