"""Reports to draw, and what is read from a drawing."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import full
import numpy as np
from report_records import cell, class_row, disparity, feature, group, screen_row, shown
from report_records import report as make_report

from dermbench.artifacts.report import (
    Calibration,
    CalibrationError,
    Cell,
    Confusion,
    CurvePoint,
    GroupCalibration,
    Primary,
    Undefined,
    undefined,
)

SVG = "{http://www.w3.org/2000/svg}"
TYPES = ("I", "II", "III", "IV", "V", "VI")
EMOJI = "\N{FACE WITH TEARS OF JOY}"
HOSTILE = (
    "<script>alert(1)</script>",
    "$x^2$ $\\frac{1}{2}$",
    "\u202eevil\u2066 \x00\x1b[31m",
    f"{EMOJI * 3} \u6f22\u5b57 \u0e01",
    "z" * 5_000,
    "]]> &amp; \"' onload=alert(1) url(http://x.y) xlink:href",
)


def planted():
    """Melanoma is recognised in 16 of 30 images of types V and VI, in 140 of 160 of the others."""
    melanoma = {"I": (44, 50), "II": (40, 45), "III": (30, 35), "IV": (26, 30), "V": (10, 18), "VI": (6, 12)}
    nevus = dict.fromkeys(TYPES, (27, 30))
    eczema = dict.fromkeys(TYPES, (3, 5))
    screen = {
        "nevus": screen_row(nevus),
        "eczema": screen_row(eczema),
        "melanoma": screen_row(melanoma, ("V", "VI"), q=0.001),
    }
    groups = {name: group(70, {"accuracy": cell(0.7, n=70)}) for name in TYPES}
    return make_report({"fst": feature(groups, {"accuracy": shown()}, screen=screen)})


def many(size=114, *, names=None):
    """A report of many classes in six groups; most of the images of a class go to the next one."""
    rng = np.random.default_rng(0)
    classes = names or tuple(f"class-{k:03d} of the skin" for k in range(size))
    screen = {}
    for label in classes:
        n = rng.integers(0, 25, len(TYPES))
        screen[label] = screen_row({g: (int(m * rng.random()), int(m)) for g, m in zip(TYPES, n, strict=True)})
    matrix = np.zeros((len(classes), len(classes)), dtype=int)
    for k in range(len(classes)):
        matrix[k, k], matrix[k, (k + 1) % len(classes)] = 5, 7
    groups = {name: group(400, {"accuracy": cell(0.5, n=400)}) for name in TYPES}
    per_class = {label: class_row(0.5, 12) for label in classes}
    return make_report(
        {"fst": feature(groups, {"accuracy": shown()}, screen=screen)},
        classes=classes,
        per_class=per_class,
        confusion=Confusion(labels=classes, matrix=matrix.tolist()),
        n=12 * len(classes),
    )


def one_group():
    """One group, so that there is nothing to compare it with."""
    groups = {"clinic": group(400, {"accuracy": cell(0.66)})}
    found = feature(groups, {"accuracy": Undefined(reason="one group")}, screen=Undefined(reason="one group"))
    return make_report({"site": found})


def nothing_known():
    """Every value that can be undefined is."""
    none = undefined("there is none")
    few = CalibrationError(value=None, n=3, n_bins=0, reason="3 images, bins need 40")
    block = GroupCalibration(confidence_gap=none, squared_error=few, ece=few, aurc=none)
    row = disparity(
        low=None, high=None, chance=None, p_value=None, contrast=None, raw=None, overlap=None, verdict=None,
        role="primary",
        reasons=dict.fromkeys(
            ("low", "high", "chance", "p_value", "contrast", "raw", "overlap", "verdict"), "few"
        ),
    )  # fmt: skip
    groups = {name: group(3, {"accuracy": none}) for name in TYPES}
    screen = {label: screen_row(dict.fromkeys(TYPES, (0, 0))) for label in ("nevus", "melanoma", "eczema")}
    return make_report(
        {"fst": feature(groups, {"accuracy": row}, screen=screen)},
        overall={"accuracy": Cell(value=0.5, reason="no interval"), "macro_f1": none},
        calibration=Calibration(overall=block, features={}, abstention=Undefined(reason="none")),
        confusion=Confusion(labels=("nevus", "melanoma", "eczema"), matrix=((0, 0, 0),) * 3),
    )


def hostile():
    """Classes and groups with hostile names, in every kind of figure that has names."""
    made = full.report()
    names = dict(zip(("I", "II", "III", "V", "VI"), HOSTILE, strict=False))
    text = made.text()
    document = made.document()

    def renamed(item):
        if isinstance(item, dict):
            return {names.get(key, key): renamed(each) for key, each in item.items()}
        if isinstance(item, list):
            return [renamed(each) for each in item]
        return names.get(item, item) if isinstance(item, str) else item

    assert all(f'"{name}"' in text for name in names)
    changed = type(made).model_validate(renamed(document))
    classes = many(names=HOSTILE)
    return changed.model_copy(
        update={
            "classes": classes.classes,
            "confusion": classes.confusion,
            "features": changed.features
            | {
                "fst": changed.features["fst"].model_copy(
                    update={
                        "screen": {
                            label: screen_row(
                                {group: (3, 20) if group == HOSTILE[0] else (18, 20) for group in names.values()},
                                (HOSTILE[0],),
                                q=0.01,
                            )
                            for label in HOSTILE
                        }
                    }
                )
            },
            "primary": Primary(metric="accuracy", feature="fst"),
        }
    )


def reliable(places=(0.5, 0.9), *, drop=0.1):
    """Bins whose accuracy is below the confidence by ``drop``."""
    return tuple(CurvePoint(confidence=x, accuracy=x - drop, low=None, high=None, n=50) for x in places)


def texts(drawing):
    """Return the texts of the drawing in the order they are written."""
    return [item.text or "" for item in ET.fromstring(drawing.svg()).iter(f"{SVG}text")]


def styles(svg):
    """Return every declaration of every style of the drawing."""
    return [part.partition(":")[::2] for style in re.findall(r'style="([^"]*)"', svg) for part in style.split(";")]


def marks(axes, marker="o"):
    """Return the places of the markers of the axes."""
    found = [xy for line in axes.lines if line.get_marker() == marker for xy in line.get_xydata()]
    return sorted((round(float(x), 4), round(float(y), 4)) for x, y in found)
