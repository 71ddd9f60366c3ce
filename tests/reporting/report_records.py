"""Records of made-up reports, for the tests of what is printed."""

from __future__ import annotations

from dermbench.artifacts.report import (
    Cell,
    ClassRow,
    Confusion,
    Contrast,
    Disparity,
    Family,
    Feature,
    Group,
    Primary,
    Provenance,
    RawGap,
    Report,
    ScreenCell,
    ScreenRow,
    Undefined,
    Unit,
    Verdict,
    Worst,
    undefined,
    verdict_kind,
)
from dermbench.artifacts.report.summary import class_extremes, summary

ADJUSTMENT = "maximum over all rows of a feature, times the number of features"


def cell(value, half=0.05, n=400, *, drawn=False):
    return Cell(value=value, low=value - half, high=value + half, n=n, method="Wilson", drawn=drawn)


def group(n, cells):
    return Group(n=n, units=n, small=n < 30, cells=cells)


def disparity(**changed):
    """Return a secondary row that decides nothing; its verdict follows the numbers that are changed."""
    row = {
        "gap": 0.12,
        "low": 0.0,
        "high": 0.29,
        "chance": 0.06,
        "p_value": 0.2,
        "role": "secondary",
        "overlap": 0.9,
        "not_comparable": (),
        "n_classes": 3,
        "n_groups": 3,
        "contrast": Contrast(first=("VI",), second=("I", "III"), kind="cut", value=-0.12, low=-0.26, high=0.02),
        "raw": RawGap(difference=0.14, ratio=0.8, best_group="I", worst_group="VI"),
        "between_group_sd": cell(0.03, 0.03),
    } | changed
    margin = row.pop("margin", None)
    if "verdict" not in row:
        kind = verdict_kind(row["p_value"], row["low"], row["high"], margin)
        row["verdict"] = Verdict(kind=kind, margin=margin, text=kind.replace("_", " "))
    return Disparity(**row)


def shown(**changed):
    """Return a primary row with a disparity."""
    contrast = Contrast(first=("V", "VI"), second=("I", "II"), kind="cut", value=-0.15, low=-0.24, high=-0.06)
    told = {"gap": 0.15, "low": 0.06, "high": 0.27, "p_value": 0.003, "role": "primary", "contrast": contrast}
    return disparity(**(told | changed))


def screen_row(counts, worst=None, *, q=0.4):
    """Return recall by group, from {group: (k, n)}; the worst groups have ``q``, the others .8."""
    cells = {
        name: ScreenCell(k=k, n=n, low=0.0, high=1.0, q=q if name in (worst or ()) else 0.8, thin=n < 10)
        for name, (k, n) in counts.items()
    }
    rest = [name for name in counts if name not in (worst or ())]
    found = None
    if worst:
        found = Worst(
            groups=worst,
            k=sum(counts[name][0] for name in worst),
            n=sum(counts[name][1] for name in worst),
            rest_k=sum(counts[name][0] for name in rest),
            rest_n=sum(counts[name][1] for name in rest),
            q=q,
        )
    return ScreenRow(cells=cells, worst=found)


def feature(groups, disparities, **changed):
    told = {
        "role": "group",
        "ordered": True,
        "unit": None,
        "unknown_n": groups["unknown"].n if "unknown" in groups else 0,
        "annotators": None,
        "groups": groups,
        "disparities": disparities,
        "screen": Undefined(reason="not asked for"),
        "parity": Undefined(reason="not asked for"),
    }
    return Feature(**(told | changed))


def class_row(f1, support):
    score = undefined("never predicted") if f1 is None else cell(f1, n=support)
    precision = undefined("never predicted") if f1 is None else cell(0.6, n=support)
    return ClassRow(precision=precision, recall=cell(0.7, n=support), f1=score, support=support)


def provenance(**changed):
    told = {
        "version": "0.1.0",
        "environment": {"dermbench": "0.1.0", "python": "3.12.1", "fairlearn": "0.14"},
        "seed": 0,
        "resamples": 9999,
        "metric_versions": {"accuracy": 1},
        "predictions_digest": "sha256:" + "ab" * 32,
        "truth_digest": "sha256:" + "cd" * 32,
        "unit": Unit(column=None, count=400),
        "interpreted": (),
    }
    return Provenance(**(told | changed))


def report(features, **changed):
    """Return a report of 400 images and three classes, with its summary."""
    per_class = {"nevus": class_row(0.81, 300), "melanoma": class_row(0.52, 91), "eczema": class_row(None, 9)}
    told = {
        "task": "made-up",
        "split": "test",
        "n": 400,
        "classes": tuple(per_class),
        "model": "lite0, seed 0",
        "provenance": provenance(),
        "summary": (),
        "overall": {"accuracy": cell(0.66)},
        "per_class": per_class,
        "confusion": Confusion(labels=tuple(per_class), matrix=((240, 50, 10), (30, 55, 6), (4, 5, 0))),
        "calibration": Undefined(reason="needs probabilities"),
        "primary": Primary(metric="accuracy", feature=next(iter(features))) if features else None,
        "family": Family(n_questions=2, features=tuple(features), metrics=("accuracy",), adjustment=ADJUSTMENT)
        if features
        else None,
        "features": features,
        "notes": (),
    } | changed
    told.setdefault("class_extremes", class_extremes(told["per_class"]))
    made = Report(**told)
    return made.model_copy(update={"summary": summary(made)})
