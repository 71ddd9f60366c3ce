"""Places and texts of the figures of a report, by hand."""

from __future__ import annotations

import full
import numpy as np
import pytest
from figure_cases import TYPES, many, marks, nothing_known, one_group, planted, reliable, texts
from report_records import cell, disparity, feature, group, screen_row, shown
from report_records import report as make_report

from dermbench.artifacts.plan import Curve, CurvePoint, Plan, SizeAnswer
from dermbench.artifacts.report import ConfidenceCurves, CoveragePoint, GroupCurves, undefined
from dermbench.reporting.figures import plan_figures, report_figures
from dermbench.reporting.figures.confidence import Frame, coverage_lines
from dermbench.reporting.figures.confusion import seriation, shares
from dermbench.reporting.figures.recall import arrange
from dermbench.reporting.figures.scale import ticks


def gap_of(**changed):
    groups = {name: group(100, {"accuracy": cell(0.7, n=100)}) for name in ("I", "VI")}
    return report_figures(
        make_report({"fst": feature(groups, {"accuracy": disparity(role="primary", **changed)})})
    )["gap"]


def test_gap_says_value_limits_chance_margin_and_p():
    drawing = gap_of(margin=0.1)
    assert drawing.alt == (
        "Gap in accuracy by Fitzpatrick skin type: .12, at least .00, at most .29, .06 by chance alone, "
        "stated margin .10, p .200."
    )
    assert {"gap .12", "at least .00", "at most .29", "by chance .06", "margin .10"} <= set(texts(drawing))


def test_gap_marks_stand_at_their_values():
    axes = gap_of().figure().axes[0]
    assert [x for x, _ in marks(axes)] == [0.12]
    assert [x for x, _ in marks(axes, "s")] == [0.06]
    assert [x for x, _ in marks(axes, "|")] == [0.0, 0.29]
    assert axes.get_xlim() == pytest.approx((-0.006, 0.306))


def test_gap_without_an_upper_limit_ends_in_an_arrow():
    drawing = gap_of(high=None, reasons={"high": "not a mean"})
    assert "no upper limit" in drawing.alt
    axes = drawing.figure().axes[0]
    assert len(marks(axes, ">")) == 1
    assert "no upper limit" in texts(drawing)


def test_a_figure_for_a_notebook_has_paper_behind_its_text():
    assert gap_of().figure().get_facecolor()[3] == 1


def test_gap_fits_the_first_screen():
    width, height = gap_of().figure().get_size_inches() * 72
    assert width <= 440
    assert height <= 120


def test_forest_has_a_mark_a_group_beside_all_images():
    drawing = report_figures(full.report())["forest-accuracy"]
    axes = drawing.figure().axes[0]
    values = sorted([0.66, 0.71, 0.7, 0.68, 0.58, 0.55, 0.6, 0.68, 0.64])
    assert sorted(x for x, _ in marks(axes)) == pytest.approx(values)
    assert drawing.alt.startswith(
        "Accuracy with 95 % intervals: all images .66 [.61, .71]. "
        "Fitzpatrick skin type: I .71 [.66, .76] (n = 120), II .70 [.65, .75] (n = 80)"
    )


def test_forest_marks_of_few_and_unknown_images_are_hollow():
    axes = report_figures(full.report())["forest-accuracy"].figure().axes[0]
    hollow = [
        x for line in axes.lines if line.get_markerfacecolor() == "#ffffff" for x in np.asarray(line.get_xdata())
    ]
    assert sorted(hollow) == pytest.approx([0.55, 0.6])  # VI has 20 images, unknown is unknown


def test_forest_of_undefined_values_has_no_mark_but_a_dash():
    drawing = report_figures(nothing_known())["forest-accuracy"]
    assert [x for x, _ in marks(drawing.figure().axes[0])] == [0.5]
    assert texts(drawing).count("\N{EN DASH}") == len(TYPES)


def test_operating_points_have_a_block_each():
    drawing = report_figures(full.report())["operating-sensitivity"]
    assert "all images" in drawing.alt
    headings = [point.name for point in full.report().operating_points if point.rule != "argmax"]
    assert headings
    assert all(any(text.startswith(head) for text in texts(drawing)) for head in headings)


def test_recall_names_the_planted_failure_first_and_frames_it():
    drawing = report_figures(planted())["recall"]
    assert drawing.alt == (
        "Recall by class and Fitzpatrick skin type, images recognised of those of the class. "
        "Stands out: melanoma on V\N{EN DASH}VI: 16 of 30 recognised, 140 of 160 on I\N{EN DASH}IV (q .001)."
    )
    found = texts(drawing)
    assert found.index("melanoma") < found.index("eczema") < found.index("nevus")
    assert {"10/18", "6/12", "44/50"} <= set(found)


def test_recall_tints_by_the_share_missed_and_hatches_few_images():
    drawing = report_figures(planted())["recall"]
    faces = {tuple(np.round(patch.get_facecolor(), 3)) for patch in drawing.figure().axes[0].patches}
    svg = drawing.svg()
    assert "var(--r4," in svg  # 10 of 18 recognised: .44 missed
    assert "var(--r5," in svg  # 6 of 12
    assert "stroke:var(--accent," in svg
    assert "stroke:var(--faint," in svg  # hatching of the 3/5
    assert len(faces) > 5


def test_recall_of_no_image_is_a_dash():
    drawing = report_figures(nothing_known())["recall"]
    assert texts(drawing).count("\N{EN DASH}") == 3 * len(TYPES)
    assert "No class and group stand out" in drawing.alt


def test_recall_of_many_classes_shows_the_worst_and_counts_the_rest():
    report = many()
    grid = arrange(report.features["fst"], list(report.classes))
    assert len(grid.rows) == 30
    assert grid.left_out == (84, 0)
    kept = [
        sum(c.k for c in row.cells.values()) / sum(c.n for c in row.cells.values()) for row in grid.rows.values()
    ]
    assert kept == sorted(kept)
    assert "84 classes" in report_figures(report)["recall"].caption


def test_recall_of_many_groups_keeps_those_that_stand_out():
    counts = {f"g{k:02d}": (9, 10) for k in range(20)} | {"g19": (1, 10)}
    groups = {name: group(100 - k, {}) for k, name in enumerate(counts)}
    found = feature(groups, {"accuracy": shown()}, screen={"nevus": screen_row(counts, ("g19",), q=0.01)})
    grid = arrange(found, ["nevus"])
    assert len(grid.groups) == 12
    assert "g19" in grid.groups
    assert grid.left_out == (0, 8)


def test_confusion_is_by_rows():
    assert shares([[3, 1], [0, 0]]).tolist() == [[0.75, 0.25], [0.0, 0.0]]


def test_seriation_puts_confused_classes_beside_each_other():
    """Classes 0 and 3, and 1 and 2, are taken for each other."""
    matrix = [[6, 0, 0, 4], [0, 5, 5, 0], [0, 5, 5, 0], [4, 0, 0, 6]]
    order = seriation(matrix)
    places = {label: place for place, label in enumerate(order)}
    assert sorted(order) == [0, 1, 2, 3]
    assert abs(places[0] - places[3]) == 1
    assert abs(places[1] - places[2]) == 1
    assert order == seriation(matrix)


@pytest.mark.parametrize("size", [2, 3, 7])
def test_seriation_without_any_confusion_is_an_order(size):
    """All distances are equal, or there is no image at all: any order will do, and it is the same one again."""
    for matrix in (np.eye(size, dtype=int), np.zeros((size, size), dtype=int)):
        assert sorted(seriation(matrix.tolist())) == list(range(size))
        assert seriation(matrix.tolist()) == seriation(matrix.tolist())


def test_confusion_writes_counts_only_where_they_fit():
    few, lots = (report_figures(report)["confusion"] for report in (planted(), many()))
    assert {"240", "50", "55"} <= set(texts(few))
    assert not {"5", "7"} & set(texts(lots))
    assert few.alt == (
        "Confusion matrix of 3 classes, rows true, columns predicted. Most often: nevus as melanoma (50 of 300), "
        "melanoma as nevus (30 of 91), nevus as eczema (10 of 300)."
    )


def test_reliability_places_are_those_of_the_bins():
    frame = Frame(left=10, top=20, side=100, end=1.0)
    assert frame.curve(reliable((0.5, 0.9))) == ([60.0, 100.0], [80.0, pytest.approx(40.0)])


def test_reliability_has_a_panel_a_group_with_enough_images():
    drawing = report_figures(full.report())["reliability"]
    found = texts(drawing)
    assert [text for text in found if text in {"all images", "I", "II", "III", "V", "VI"}] == [
        "all images", "I", "II", "III", "V"
    ]  # fmt: skip
    assert "1 group with too few images or no room" in drawing.caption
    assert "all images \N{MINUS SIGN}.05 [\N{MINUS SIGN}.09, \N{MINUS SIGN}.01], I .08 [.04, .12]" in drawing.alt


def test_risk_coverage_leaves_out_points_of_few_answered_images():
    points = [CoveragePoint(n=n, coverage=n / 20, risk=0.1 * k) for k, n in enumerate((5, 10, 20), start=1)]
    curves = ConfidenceCurves(
        feature="fst",
        risk_coverage=points,
        groups={"VI": GroupCurves(reliability=(), risk_coverage=points)},
    )
    overall, line = coverage_lines(curves, ["VI"])
    assert line.points == ((0.5, 0.2), (1.0, 0.3))
    assert line.note == "error .30"
    assert overall.name == "all images"


def test_risk_coverage_says_the_error_at_half_and_at_all():
    drawing = report_figures(full.report())["risk-coverage"]
    assert "all images .17 at .50, .34 at 1; I .15 at .50, .30 at 1" in drawing.alt


def test_lines_of_groups_differ_by_marker_and_dash():
    axes = report_figures(full.report())["risk-coverage"].figure().axes[0]
    looks = [(line.get_marker(), line.get_linestyle(), line.get_color()) for line in axes.lines]
    assert len({marker for marker, _, _ in looks}) == len(looks) == 6
    assert len({ink for _, _, ink in looks}) == 6


def test_roc_is_drawn_through_its_points():
    drawing = report_figures(full.report())["roc"]
    lines = drawing.figure().axes[0].lines
    assert lines[-1].get_xydata()[0].tolist() == [0.0, 0.0]
    assert lines[-1].get_xydata()[-1].tolist() == [1.0, 1.0]
    assert "area: all images .80 [.75, .85], I .80 [.75, .85]" in drawing.alt


def test_figures_of_one_group_and_of_no_group():
    assert "gap" not in report_figures(one_group())
    assert "recall" not in report_figures(one_group())
    assert [name for name in report_figures(make_report({})) if name != "confusion"] == []
    assert report_figures(make_report({}, overall={"accuracy": undefined("none")})).keys() == {"confusion"}


def test_images_without_a_usable_prediction_are_named_where_they_are_drawn():
    said = " 15 images without a usable prediction are drawn as wrong answers."
    found = report_figures(full.report())
    for name in ("confusion", "reliability", "risk-coverage", "roc"):
        assert said in found[name].alt, name
        assert said in found[name].caption, name
    every = report_figures(full.report().model_copy(update={"no_answer": None}))
    assert "usable" not in "".join(drawing.alt + drawing.caption for drawing in every.values())


def test_a_table_too_thin_to_show_a_failure_says_so():
    groups = {name: group(100, {"accuracy": cell(0.7, n=100)}) for name in ("I", "VI")}
    thin = screen_row({"I": (3, 9), "VI": (40, 50)})
    screened = feature(groups, {"accuracy": disparity(role="primary")}, screen={"nevus": thin})
    drawing = report_figures(make_report({"fst": screened}))["recall"]
    assert drawing.alt.endswith("No class and group stand out (q > .05); 1 of 2 cells hold fewer than 10 images.")


def test_one_point_of_all_images_is_a_mark():
    from dermbench.reporting.figures.lines import Line, line_figure

    def axes(*points):
        return line_figure([Line("all images", "", points)], across="x", up="y", top=1.0).axes[0]

    assert marks(axes((1.0, 0.6))) == [(1.0, 0.6)]
    assert marks(axes((0.5, 0.2), (1.0, 0.6))) == []


def test_long_names_that_differ_in_the_middle_stay_apart():
    from dermbench.reporting.figures.style import fitted_apart, text_width

    names = [f"model number {k} with a very long name indeed" for k in (1, 12, 2)]
    seeds = [f"a network of many layers, seed{k} of ten, as it was" for k in (10, 12)]
    found = fitted_apart([*names, "other", *seeds], 130.0)
    assert [line[:4] for line in found[:4]] == ["…1 w", "…12 ", "…2 w", "othe"]
    assert [line[:7] for line in found[4:]] == ["…seed10", "…seed12"]
    assert all(text_width(line) <= 130.0 for line in found)
    assert fitted_apart(["z" * 500, "z" * 600], 130.0)[0].startswith("…zzz"), "no name is empty"


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [
        (-0.4, 0.4, [-0.4, 0.0, 0.4]),
        (-0.35, 0.35, [-0.2, 0.0, 0.2]),
        (0.0, 0.8, [0.0, 0.5]),
        (-4.0, 4.0, [-4, 0, 4]),
    ],
)
def test_an_axis_has_more_than_one_tick(low, high, found):
    assert ticks(low, high, most=4) == found


def test_the_power_figure_names_the_number_that_the_plan_answers():
    points = tuple(CurvePoint(x=x, power=power) for x, power in ((10, 0.2), (70, 0.79), (85, 0.87)))
    sized = Curve(question="drop", amount=0.2, group="VI", axis="units", points=points, simulated=())
    told = {"power": 0.8, "unit": "patient", "metric": "accuracy", "group": "VI", "groups": {}, "drops": ()}
    answer = SizeAnswer.model_construct(question="drop", amount=0.2, units=72)
    plan = Plan.model_construct(**told, curves=(sized,), sizes=(answer,))
    assert plan_figures(plan)["power"].alt.endswith("find a drop of .20: .80 from 72 on.")
    unsized = plan.model_copy(update={"sizes": ()})
    assert plan_figures(unsized)["power"].alt.endswith("find a drop of .20: .87 at 85.")
