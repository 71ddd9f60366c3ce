from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from dermbench.artifacts import Report


def cell(value, half=0.03, n=1227):
    return {"value": value, "low": value - half, "high": value + half, "n": n, "method": "wilson"}


def absent(reason):
    return {"value": None, "reason": reason}


GROUPS = {
    "I": (238, 0.61),
    "II": (397, 0.625),
    "III": (243, 0.6),
    "IV": (186, 0.58),
    "V": (83, 0.55),
    "VI": (20, 0.5),
}


def document():
    groups = {
        name: {
            "n": n,
            "accuracy": cell(value, 0.05, n),
            "macro_f1": absent("a class has fewer than 10 cases")
            if n < 30
            else {"value": value, "reason": "no interval"},
            "log_loss": cell(1.234, 0.1, n),
            "cohen_kappa": cell(value - 0.1, 0.05, n),
            "brier": cell(0.004, 0.001, n),
            "micro_f1": cell(value, 0.05, n),
        }
        for name, (n, value) in GROUPS.items()
    }
    groups["unknown"] = {"n": 60, "accuracy": cell(0.6, 0.1, 60)}
    disparities = {
        "accuracy": {
            "difference": 0.125,
            "ratio": 0.8,
            "best_group": "II",
            "worst_group": "VI",
            "low": 0.0,
            "high": 0.24,
            "null_median": 0.11,
            "null_q95": 0.2,
            "p_value": 0.38,
            "minimum_detectable": 0.18,
            "between_group_sd": {"value": 0.0, "low": 0.0, "high": 0.06},
            "verdict": "no disparity detected (could have detected ≥ .18)",
        },
        "macro_f1": {"difference": None, "reason": "macro-F1 is undefined in group VI"},
        "cohen_kappa": {"difference": 0.125, "best_group": "II", "worst_group": "VI", "ratio": None},
    }
    band = {
        "groups": {name: {"n": 400, "accuracy": cell(0.6)} for name in ("V-VI", "I-II", "III-IV")},
        "disparities": {"accuracy": {"difference": 0.0, "best_group": "I-II", "worst_group": "V-VI"}},
    }
    return {
        "task": "demo",
        "split": "test",
        "n": 1227,
        "classes": ["NEV", "MEL", "ACK"],
        "provenance": {
            "seed": 0,
            "n_resamples": 9999,
            "predictions_digest": "sha256:" + "ab" * 32,
            "environment": {"dermbench": "0.1.0", "python": "3.12.1", "fairlearn": "0.14"},
            "revision": {"commit": "0123456789abcdef", "dirty": True},
        },
        "overall": {
            "macro_f1": cell(0.6),
            "accuracy": cell(0.619),
            "auroc_ovr": absent("predictions have no probabilities"),
            "cohen_kappa": {"value": -0.05, "reason": "interval suppressed: a class has fewer than 10 cases"},
            "mcc": {"value": 1.0, "low": 0.934, "high": 1.0},
        },
        "per_class": {
            "NEV": {"support": 800, "precision": cell(0.7), "recall": cell(0.7), "f1": cell(0.7)},
            "MEL": {"support": 420, "precision": cell(0.5), "recall": cell(0.5), "f1": cell(0.5)},
            "ACK": {
                "support": 7,
                "precision": absent("never predicted"),
                "recall": cell(0.3),
                "f1": absent("never predicted"),
            },
        },
        "confusion": {"labels": ["NEV", "MEL", "ACK"], "matrix": [[700, 100, 0], [210, 210, 0], [5, 2, 0]]},
        "features": {"fst_band": band, "fst": {"groups": groups, "disparities": disparities}},
        "notes": ["3 images have tied probabilities.", "independence between images assumed"],
    }


@pytest.fixture
def raw():
    return document()


@pytest.fixture
def report(raw):
    return Report.model_validate(raw)


@pytest.fixture
def everything():
    """Raw report with every block."""
    return runpy.run_path(str(Path(__file__).with_name("full.py")))["document"]()
