"""A made-up report with every part; ``python tests/reporting/full.py`` writes the golden files anew.

Run it after a change of the output that is meant, and read the difference before committing it.
"""

from __future__ import annotations

import io
import sys
from functools import cache
from pathlib import Path

from rich.console import Console

sys.path.append(str(Path(__file__).parent))  # makes `report_records` importable
from report_records import (
    cell,
    disparity,
    feature,
    group,
    provenance,
    screen_row,
    shown,
)
from report_records import report as make_report

from dermbench.artifacts.report import (
    Abstention,
    Adjusted,
    AdjustedContrast,
    Annotators,
    Answered,
    Calibration,
    CalibrationError,
    Clinical,
    ConfidenceCurves,
    Contrast,
    CorrectedContrast,
    CoveragePoint,
    CurvePoint,
    Discrimination,
    FittedOn,
    GapRange,
    GroupCalibration,
    GroupCurves,
    Incomparable,
    NetBenefit,
    NoAnswer,
    NoAnswerGroup,
    OperatingGroup,
    OperatingPoint,
    ParityMeasure,
    Positive,
    RawGap,
    SkinTypeError,
    Threshold,
    Undefined,
    undefined,
)
from dermbench.reporting import print_report, to_markdown

GOLDEN = Path(__file__).parent / "golden"
SIZES = {"I": 120, "II": 80, "III": 120, "V": 40, "VI": 20, "unknown": 20}
VALUES = {"I": 0.71, "II": 0.7, "III": 0.68, "V": 0.58, "VI": 0.55, "unknown": 0.6}


def groups(shift=0.0):
    return {name: group(n, _cells(n, VALUES[name] - shift, known=name != "unknown")) for name, n in SIZES.items()}


def _cells(n, value, *, known):
    standardised = {
        "standardised_accuracy": cell(value + 0.01, n=n),
        "standardised_macro_f1": undefined(f"no interval: {n} of 9 units"),
    }
    return {
        "accuracy": cell(value, n=n),
        "balanced_accuracy": cell(value - 0.02, n=n, drawn=True),
        "macro_f1": undefined("a class has fewer than 10 cases", n=n) if n < 30 else cell(value - 0.03, n=n),
        "cohen_kappa": cell(value - 0.1, n=n),
        "micro_f1": cell(value, n=n),
        "log_loss": cell(1.2 - value, n=n),
    } | (standardised if known else {})


def skin():
    pairs = (
        Incomparable(groups=("I", "VI"), reason="they share too few classes"),
        Incomparable(groups=("II", "VI"), reason="they share too few classes"),
    )
    raw = RawGap(difference=0.16, ratio=None, best_group="I", worst_group="VI")
    silent = dict.fromkeys(
        ("high", "p_value", "verdict"), "equal means with unequal spread are rejected too often"
    )
    return {
        "accuracy": shown(raw=raw.model_copy(update={"ratio": 0.775})),
        "balanced_accuracy": disparity(high=None, raw=raw, drawn=True, reasons={"high": "not a mean over images"}),
        "macro_f1": disparity(
            gap=0.2,
            p_value=0.03,
            high=None,
            n_classes=2,
            not_comparable=pairs,
            drawn=True,
            reasons={"high": "not a mean over images"},
        ),
        "cohen_kappa": disparity(high=None, drawn=True, reasons={"high": "not a mean over images"}),
        "micro_f1": disparity(),
        "log_loss": disparity(high=None, p_value=None, verdict=None, raw=raw, reasons=silent),
        "auroc_ovr": Undefined(reason="ranking metrics of more than two classes have no gap"),
    }


def parity():
    chance = {"chance": 0.875, "p_value": 0.0175}
    ranges = {"nevus": 0.1, "melanoma": 0.2, "eczema": None}
    return {
        "pqd": ParityMeasure(value=0.803, null="within class", **chance),
        "nar": ParityMeasure(value=0.214, null="within class", **chance),
        "dpm": ParityMeasure(value=0.298, null="free", **chance),
        "eom": ParityMeasure(value=0.387, null="within class", skipped=("eczema",), **chance),
        "selection_rate_range_max": ParityMeasure(
            value=0.2, null="free", per_class=ranges, skipped=("eczema",), **chance
        ),
        "tpr_range_max": ParityMeasure(value=None, reason="no class has the cases it needs"),
        "tpr_range_mean": ParityMeasure(value=None, reason="no class has the cases it needs"),
    }


def screen():
    nevus = {"I": (80, 95), "II": (50, 60), "III": (70, 90), "V": (20, 28), "VI": (9, 12)}
    melanoma = {"I": (40, 45), "II": (20, 22), "III": (25, 30), "V": (8, 14), "VI": (3, 8)}
    return {
        "nevus": screen_row(nevus, ("V", "VI")),
        "melanoma": screen_row(melanoma, ("V", "VI"), q=0.004),
        "eczema": screen_row({"I": (1, 4), "II": (0, 3), "III": (0, 0), "V": (0, 1), "VI": (0, 0)}),
    }


def annotators():
    return Annotators(
        columns=("fst", "fst_centaur"),
        exact=cell(0.674, n=380),
        within_one=undefined("one scale has bands only"),
        gap=GapRange(min=0.1, max=0.15),
    )


def calibration():
    def one(n, gap):
        error = {"value": 0.0123, "chance": -0.001, "p_value": 0.02, "n": n, "n_bins": 5}
        few = CalibrationError(value=None, n=n, reason=f"{n} images, bins need 40")
        curve = [
            CurvePoint(
                confidence=0.3 + 0.2 * i, accuracy=0.25 + 0.2 * i, low=0.2 + 0.2 * i, high=0.4 + 0.2 * i, n=133
            )
            for i in range(3)
        ]
        return GroupCalibration(
            confidence_gap=cell(gap, 0.04, n, drawn=True),
            squared_error=few if n < 40 else CalibrationError(**error),
            ece=few if n < 40 else CalibrationError(**(error | {"value": 0.2})),
            aurc=cell(0.1, 0.02, n),
            curve=curve if n == 400 else (),
        )

    def abstain(coverage):
        return Answered(coverage=cell(coverage), selective_risk=cell(0.2))

    return Calibration(
        overall=one(400, -0.05),
        features={"fst": {name: one(n, 0.08) for name, n in SIZES.items()}},
        curves=curves(),
        abstention=Abstention(
            threshold=Threshold(value=0.42, coverage=0.81, split="val", digest="ab"),
            overall=abstain(0.8),
            features={"fst": {name: abstain(0.7) for name in SIZES}},
        ),
    )


def curves():
    """Return the curves of the confidence: types I to III are reliable, V and VI overconfident; VI has no bins."""

    def one(n, drop):
        bins = [
            CurvePoint(confidence=x, accuracy=x - drop, low=x - drop - 0.1, high=x - drop + 0.1, n=n // 3)
            for x in (0.4, 0.6, 0.85)
        ]
        return GroupCurves(reliability=bins if n >= 40 else (), risk_coverage=falling(n, 0.3 + drop))

    def falling(n, risk):
        shares = (0.25, 0.5, 0.75, 1.0)
        return [CoveragePoint(n=round(n * share), coverage=share, risk=risk * share) for share in shares]

    groups = {name: one(n, 0.2 if "V" in name else 0.0) for name, n in SIZES.items() if name != "unknown"}
    return ConfidenceCurves(feature="fst", risk_coverage=falling(400, 0.34), groups=groups)


def sexes():
    sides = Contrast(first=("female",), second=("male",), kind="pair", value=0.04, low=-0.05, high=0.13)
    row = disparity(gap=0.04, high=0.14, n_groups=2, contrast=sides)
    cells = {name: group(200, {"accuracy": cell(value)}) for name, value in (("female", 0.68), ("male", 0.64))}
    return feature(cells, {"accuracy": row}, ordered=False)


def adjusted():
    few = undefined("too thin: 12 parameters for 60 units", n=60)
    first = {"n_one_sided": 6, "n_rare": 11}
    clear = {"raw": cell(-0.15), "by_class": cell(-0.12), "adjusted": cell(-0.02)}
    thin = {"raw": cell(-0.1, 0.2, 20), "by_class": cell(-0.08, 0.2, 20), "adjusted": few}
    sides = {"first": ("VI",), "second": ("I", "II", "III", "V")}
    return Adjusted(
        metric="accuracy",
        feature="fst",
        columns=("site", "age"),
        levels={"site": 3},
        contrasts=(
            AdjustedContrast(first=("V", "VI"), second=("I", "II"), kind="primary", **clear, **first),
            AdjustedContrast(**sides, kind="rest", **thin, n_one_sided=0, n_rare=0),
        ),
    )


def skin_error():
    few = undefined("6 images are expected on one side, needed are 10", n=380)
    dark, light = ("V", "VI"), ("I", "II")
    return SkinTypeError(
        metric="accuracy",
        feature="fst",
        columns=("fst", "fst_centaur"),
        model="adjacent",
        error_rates={"fst": 0.22, "fst_centaur": 0.22},
        assumption="both labellings err alike and independently of each other",
        resamples=199,
        contrasts=(
            CorrectedContrast(
                first=dark,
                second=light,
                kind="primary",
                uncorrected=cell(-0.15, drawn=True),
                corrected=cell(-0.19, 0.08, drawn=True),
            ),
            CorrectedContrast(
                first=dark, second=("III", "IV"), kind="bands", uncorrected=cell(-0.1, drawn=True), corrected=few
            ),
        ),
    )


def no_answer():
    def one(n, refused, unparsable):
        share = cell((refused + unparsable) / n, 0.01, n)
        return NoAnswerGroup(n=n, missing=0, refused=refused, unparsable=unparsable, share=share)

    bands = {"I-II": one(200, 2, 2), "III-IV": one(120, 2, 1), "V-VI": one(60, 5, 2), "unknown": one(20, 0, 1)}
    return NoAnswer(overall=one(400, 9, 6), features={"fst_band": bands})


def positives():
    """Return operating points and curves of the class mel."""

    def share(of, prevalence=0.1):
        ppv, npv = ({"prevalence": prevalence, "cell": cell(value)} for value in (of - 0.3, 0.97))
        return OperatingGroup(sensitivity=cell(of, n=60), specificity=cell(0.9), ppv=(ppv,), npv=(npv,))

    lost = OperatingGroup(sensitivity=undefined("there is no positive image"), specificity=cell(0.8, n=20))
    empty = {"ppv": share(0.5).ppv, "npv": share(0.5).npv}
    sides = {"I": share(0.8), "VI": lost.model_copy(update=empty)}
    about = {"feature": "fst", "overall": share(0.7), "groups": sides}
    found = FittedOn(split="val", n=200, digest="sha256:" + "1" * 64, low=0.1, high=None)
    line = ({"false_positive": 0, "true_positive": 0}, {"false_positive": 0.2, "true_positive": 0.7})
    curve = Discrimination(auroc=cell(0.8), roc=(*line, {"false_positive": 1, "true_positive": 1}))
    none = Discrimination(auroc=undefined("there is no positive image", n=20), roc=())
    by_type = {"I": cell(0.12), "VI": cell(0.0)}
    benefit = NetBenefit(probability=0.2, overall=cell(0.1), groups=by_type, everyone=0.02)
    return {
        "positive": Positive(classes=("mel",), source="--positive", leads=True),
        "operating_points": (
            OperatingPoint(
                name="predicted class", rule="argmax", target=None, threshold=None, fitted_on=None, **about
            ),
            OperatingPoint(
                name="sensitivity .9",
                rule="sensitivity",
                target=0.9,
                threshold=0.1234,
                fitted_on=found,
                gaps={"sensitivity": disparity(), "specificity": Undefined(reason="one group")},
                **about,
            ),
            OperatingPoint(
                name="threshold .5", rule="threshold", target=0.5, threshold=0.5, fitted_on=None, **about
            ),
        ),
        "clinical": Clinical(
            feature="fst", overall=curve, groups={"I": curve, "VI": none}, net_benefit=(benefit,)
        ),
    }


def report():
    """Return a report with every part."""
    names = ("accuracy", "balanced_accuracy", "macro_f1", "cohen_kappa", "micro_f1", "log_loss")
    more = {"annotators": annotators(), "parity": parity(), "screen": screen()}
    repeated = {
        name: row for name, row in skin().items() if name != "accuracy"
    }  # the primary row stands with fst alone
    return make_report(
        {"fst": feature(groups(), skin(), **more), "fst_scale": feature(groups(), repeated), "sex": sexes()},
        overall={name: cell(0.66) for name in names} | {"auroc_ovr": undefined("needs probabilities")},
        calibration=calibration(),
        **positives(),
        no_answer=no_answer(),
        adjusted=adjusted(),
        skin_type_error=skin_error(),
        provenance=provenance(interpreted=("The model's class mel is read as melanoma.",)),
        notes=(
            "No ids group the images: independence between images is assumed.",
            "fst: 20 images of unknown type; excluded from gaps.",
            "sex: 3 images of unknown value; excluded from gaps.",
        ),
    )


def printed(item, width, *, full=False):
    stream = io.StringIO()
    print_report(item, Console(file=stream, width=width, color_system=None), full=full)
    return "".join(line.rstrip() + "\n" for line in stream.getvalue().splitlines())


@cache
def outputs():
    """Return {file name: text} of every golden file."""
    return {
        "report.json": report().text(),
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
