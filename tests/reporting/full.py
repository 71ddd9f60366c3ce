"""A made-up report with every block; ``python tests/reporting/full.py`` writes the golden files anew.

Run it after a change of the output that is meant, and read the difference before committing it.
"""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from dermbench.artifacts import Report
from dermbench.reporting import print_report, to_markdown

GOLDEN = Path(__file__).parent / "golden"
CLASSES = ["nevus", "melanoma", "eczema"]


def cell(value, half=0.05, n=400):
    return {"value": value, "low": value - half, "high": value + half, "n": n, "method": "Wilson"}


def none(reason):
    return {"value": None, "reason": reason}


def group(n, value, *, standardised=True):
    known = {
        "standardised_accuracy": cell(value + 0.01, n=n),
        "standardised_macro_f1": {"value": value - 0.02, "n": n, "reason": f"no interval: {n} of 9 units"},
    }
    return {
        "n": n,
        "units": n,
        "small": n < 30,
        "accuracy": cell(value, n=n),
        "balanced_accuracy": cell(value - 0.02, n=n),
        "macro_f1": {"value": value - 0.03, "n": n, "reason": f"no interval: {n // 20} of 9 classes are rare"},
        "cohen_kappa": cell(value - 0.1, n=n),
        "micro_f1": cell(value, n=n),
        "log_loss": cell(1.2 - value, n=n),
    } | (known if standardised else {})


def disparity(difference, adjusted, verdict, values, *, trend=0.2):
    worst, best = min(values, key=values.get), max(values, key=values.get)
    return {
        "difference": difference,
        "ratio": values[worst] / values[best],
        "best_group": best,
        "worst_group": worst,
        "low": 0.0,
        "high": difference * 2,
        "null_median": 0.061,
        "null_q95": 0.112,
        "p_value": adjusted / 3,
        "between_group_sd": {"value": 0.03, "low": 0.0, "high": 0.11},
        "minimum_detectable": 0.126,
        "verdict": verdict,
        "values": values,
        "tests": {"omnibus": adjusted / 2, "trend": trend, "adjusted": adjusted},
        "worst": {
            "group": worst,
            "value": values[worst],
            "n": 60,
            "bound": 0.41,
            "runner_up": "III",
            "p_value": 0.09,
        },
    }


def feature(shift=0.0, **more):
    values = {"I": 0.71 - shift, "III": 0.68, "VI": 0.57}
    gap = values["I"] - values["VI"]
    undecided = disparity(gap, 0.2, "no disparity detected (could have detected ≥ 0.13)", values)
    return {
        "groups": {name: group(n, values[name]) for name, n in (("I", 200), ("III", 120), ("VI", 60))}
        | {"unknown": group(20, 0.6, standardised=False)},
        "disparities": {
            "accuracy": disparity(gap, 0.03, "evidence of a disparity", values),
            "balanced_accuracy": undecided | {"notes": ["12 units have images of several groups"]},
            "macro_f1": {
                "difference": None,
                "verdict": None,
                "reason": "not estimable: 1 class has 10 true cases",
            },
            "cohen_kappa": undecided
            | {
                "verdict": "too small to tell",
                "minimum_detectable": None,
                "ratio": None,
                "reasons": {"minimum_detectable": "not estimable", "ratio": "the metric can be negative"},
            },
            "micro_f1": undecided,
            "log_loss": undecided | {"classes": None},
        },
    } | more


def parity():
    null = {"null_median": 0.875, "null_q05": 0.78, "null_q95": 0.94, "p_value": 0.0175}
    ranges = {"per_class": {"nevus": 0.1, "melanoma": 0.2, "eczema": None}, "skipped": ["eczema"]}
    return {
        "pqd": {"value": 0.803, "null": "within class", **null},
        "nar": {"value": 0.214, "null": "within class", **null},
        "dpm": {"value": 0.298, "null": "free", **null},
        "eom": {"value": 0.387, "null": "within class", **null, "skipped": ["eczema"]},
        "selection_rate_range_max": {"value": 0.2, "null": "free", **null, **ranges},
        "tpr_range_max": none("no class has the cases it needs"),
        "tpr_range_mean": none("no class has the cases it needs"),
    }


def annotators():
    gaps = {"fst": 0.14, "fst_centaur": 0.1, "agreement only": None}
    verdicts = {
        "fst": "evidence of a disparity",
        "fst_centaur": "no disparity detected (could have detected ≥ 0.13)",
        "agreement only": None,
    }
    pair = {"first": "fst", "second": "fst_centaur", "n": 380}
    shares = {
        "kappa": cell(0.588, n=380),
        "exact": cell(0.674, n=380),
        "within_one": none("no image has both labels"),
    }
    band = {
        "low": 0.1,
        "high": 0.14,
        "differences": gaps,
        "p_values": {},
        "verdicts": verdicts,
        "consistent": False,
    }
    empty = {"low": None, "high": None, "differences": dict.fromkeys(gaps), "verdicts": dict.fromkeys(gaps)}
    return {
        "labellings": ["fst", "fst_centaur"],
        "agreement": [pair | shares],
        "sensitivity_band": {"accuracy": band, "macro_f1": empty},
    }


def calibration():
    def one(n, gap):
        error = {"value": 0.0123, "null_median": -0.001, "null_q95": 0.008, "p_value": 0.02, "n": n, "n_bins": 5}
        few = {**none(f"{n} images, bins need 40"), "n": n}
        curve = [{"confidence": 0.3 + 0.2 * i, "accuracy": cell(0.25 + 0.2 * i, 0.08, n // 3)} for i in range(3)]
        return {
            "confidence_gap": cell(gap, 0.04, n),
            "squared_error": few if n < 40 else error,
            "ece": few if n < 40 else error | {"value": 0.2},
            "curve": curve if n >= 40 else [],
            "aurc": cell(0.1, 0.02, n),
        }

    def abstain(coverage):
        return {"coverage": cell(coverage), "selective_risk": cell(0.2)}

    sizes = {"I": 200, "III": 120, "VI": 60, "unknown": 20}
    return {
        "overall": one(400, -0.05),
        "features": {"fst": {name: one(n, 0.08) for name, n in sizes.items()}},
        "abstention": {
            "threshold": {"value": 0.42, "coverage": 0.81, "split": "val", "digest": "ab"},
            "overall": abstain(0.8),
            "features": {"fst": {name: abstain(0.7) for name in sizes}},
        },
    }


def document():
    names = ("accuracy", "balanced_accuracy", "macro_f1", "cohen_kappa", "micro_f1", "log_loss")
    scores = {"precision": cell(0.6), "recall": cell(0.7), "f1": none("never predicted")}
    return {
        "task": "made-up",
        "split": "test",
        "n": 400,
        "classes": CLASSES,
        "provenance": {"seed": 0, "environment": {"dermbench": "0.1.0", "python": "3.12.1"}},
        "overall": {name: cell(0.66) for name in names} | {"auroc_ovr": none("needs probabilities")},
        "per_class": {name: {"support": 9 * i, **scores} for i, name in enumerate(CLASSES, start=1)},
        "confusion": {"labels": CLASSES, "matrix": [[5, 3, 1], [2, 14, 2], [0, 7, 20]]},
        "calibration": calibration(),
        "features": {
            "fst": feature(annotators=annotators(), parity=parity()),
            "fst_scale": feature(),
            "fst_centaur": feature(0.04),
        },
        "notes": [
            "No ids group the images.",
            "fst: 20 unknown.",
            "fst_scale: 20 unknown.",
            "fst_centaur: 20 unknown.",
        ],
    }


def report():
    return Report.model_validate(document())


def printed(item, width, *, full=False):
    stream = io.StringIO()
    print_report(item, Console(file=stream, width=width, color_system=None), full=full)
    return "".join(line.rstrip() + "\n" for line in stream.getvalue().splitlines())


def outputs():
    """Return {file name: text} of every golden file."""
    return {
        "report.md": to_markdown(report()),
        "terminal-80.txt": printed(report(), 80),
        "terminal-120.txt": printed(report(), 120),
        "terminal-full-80.txt": printed(report(), 80, full=True),
    }


def main():
    GOLDEN.mkdir(exist_ok=True)
    for name, text in outputs().items():
        (GOLDEN / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
