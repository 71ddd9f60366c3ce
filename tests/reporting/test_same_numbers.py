"""Every number of a report and of a comparison is the same in JSON, HTML, markdown, LaTeX and CSV."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

sys.path.append(str(Path(__file__).parent))  # makes `printed_tables` and `full` importable

import full
from printed_tables import of_html, of_latex, of_markdown

import dermbench
from dermbench.artifacts.wording import NONE, decimal, interval, limit, p_value
from dermbench.reporting import to_html, to_markdown
from dermbench.reporting.compared.tables import comparison_markdown
from dermbench.reporting.export import csv_files
from dermbench.reporting.figures import report_figures
from dermbench.reporting.frames import COMPARISON_FRAMES, REPORT_FRAMES
from dermbench.reporting.latex import comparison_latex, report_latex
from dermbench.reporting.names import feature_title, metric_title
from dermbench.reporting.pages.comparison_html import comparison_html

OWN = {"Metrics", "Disparities"}
"""Tables that the page draws in its own way."""


def planted():
    """Truth and predictions: of melanoma 16 of 30 are right on V and VI, 140 of 160 elsewhere; nevi always."""
    rows = [("melanoma", 1 + k % 4, k < 140) for k in range(160)]
    rows += [("melanoma", 5 + k % 2, k < 16) for k in range(30)]
    rows += [("nevus", 1 + k % 6, True) for k in range(120)]
    ids = [f"i{k:03d}" for k in range(len(rows))]
    label, fst, right = zip(*rows, strict=True)
    pred = [name if good else "nevus" for name, good in zip(label, right, strict=True)]
    prob = np.where(np.array(pred) == "melanoma", 0.8, 0.3) + np.arange(len(rows)) / 5_000
    truth = pd.DataFrame(
        {"image_id": ids, "label": label, "fst": fst, "sex": np.resize(["f", "m", "m"], len(ids))}
    )
    return truth, pd.DataFrame({"image_id": ids, "prob_melanoma": prob, "prob_nevus": 1 - prob})


@pytest.fixture(scope="module")
def evaluated():
    truth, predictions = planted()
    return dermbench.evaluate(predictions, truth, name="planted", sensitive=["fst", "sex"], n_resamples=99).report


@pytest.fixture(scope="module", params=["every part", "evaluated"])
def report(request, evaluated):
    return full.report() if request.param == "every part" else evaluated


@pytest.fixture(scope="module")
def comparison():
    truth, first = planted()
    other = first["prob_melanoma"].to_numpy() + np.where(np.arange(len(first)) % 7 == 0, -0.6, 0.0)
    other = np.clip(other, 0.01, 0.99)
    second = first.assign(prob_melanoma=other, prob_nevus=1 - other)
    models = {"first": first, "second": second, "third@0": second.iloc[::-1], "third@1": first}
    asked = {"sensitive": ["fst", "sex"], "margin": 0.02, "n_resamples": 99}
    return dermbench.compare(models, truth, **asked).comparison


def text(cell):
    """What a table shows of a cell of the JSON file."""
    if cell["value"] is None:
        return NONE
    ends = interval(cell.get("low"), cell.get("high"))
    return decimal(cell["value"]) + ("" if ends == NONE else f" {ends}")


def shown(value, write=decimal):
    return NONE if value is None else write(value)


def three(value):
    return shown(value, lambda number: decimal(number, digits=3))


def change(effect):
    """What a table shows of a difference of the JSON file."""
    if effect["value"] is None:
        return NONE
    number = three(effect["value"])
    signed = number if effect["value"] < 0 or float(number) == 0 else f"+{number}"
    if float(number.replace("\N{MINUS SIGN}", "-")) == 0:
        signed = number
    low, high = effect.get("low"), effect.get("high")
    return signed if low is None else f"{signed} [{three(low)}, {three(high)}]"


def cells_of(tables, start, group, column):
    """Texts in a column of all tables of groups whose title begins so, in the rows of a group."""
    return [
        dict(zip(table.columns, row, strict=True))[column]
        for title, table in tables.items()
        if title.startswith(start) and column in table.columns and table.columns[0] == "group"
        for row in table.rows
        if row[0].rstrip("†") == group
    ]


def test_html_and_latex_have_the_tables_of_markdown(report):
    markdown, latex = of_markdown(to_markdown(report)), of_latex(report_latex(report))
    page, cards = of_html(to_html(report))
    assert list(latex) == list(markdown)
    assert page.keys() - {"Disparities between subgroups"} == markdown.keys() - OWN
    for title, table in markdown.items():
        assert latex[title].rows == table.rows, title
        assert latex[title].columns[1:] == table.columns[1:], title
        if title not in OWN:
            assert page[title].rows == table.rows, title
            assert page[title].columns[1:] == table.columns[1:], title
    values = [[value, ends, f"n = {n}"] for _, value, ends, n in markdown["Metrics"].rows]
    assert [[part for part in card[:3] if part] for card in cards if len(card) >= 3][: len(values)] == values
    gaps = page["Disparities between subgroups"]
    assert [(*row[:3], *row[4:]) for row in gaps.rows] == list(markdown["Disparities"].rows)  # the fourth is drawn


def test_markdown_says_what_the_json_file_holds(report):
    tables, document = of_markdown(to_markdown(report)), json.loads(report.text())
    seen = 0
    for name, cell in document["overall"].items():
        if {"accuracy", "micro_f1"} <= document["overall"].keys() and name == "micro_f1":
            continue  # equal to accuracy, and said so
        for table in (tables["Metrics"], tables.get("Further metrics")):
            row = [row for row in table.rows if row[0] == metric_title(name)] if table else []
            for found in row:
                assert found[1:3] == (shown(cell["value"]), interval(cell.get("low"), cell.get("high"))), name
                seen += 1
    assert seen == len(document["overall"]) - ({"accuracy", "micro_f1"} <= document["overall"].keys())
    for name, row in document["per_class"].items():
        found = tables["Per class"].row(name)
        assert found["support"] == f"{row['support']:,}"
        for metric, title in (("precision", "precision"), ("recall", "recall"), ("f1", "F1")):
            assert found[f"{title} (95 %)"] == text(row[metric]), (name, metric)
    matrix = tables["Confusion matrix"].rows
    for line, counts in zip(matrix, document["confusion"]["matrix"], strict=True):
        assert [int(cell.replace("·", "0")) for cell in line[1:]] == counts


def told_features(document):
    """Features with tables of their own: those that repeat an earlier one have none."""
    return {name: block for name, block in document["features"].items() if name != "fst_scale"}


def test_markdown_says_every_value_of_every_group_of_the_json_file(report):
    tables, document = of_markdown(to_markdown(report)), json.loads(report.text())
    for name, block in told_features(document).items():
        values = [
            (group, metric, cell)
            for group, found in block["groups"].items()
            for metric, cell in found.items()
            if metric not in ("n", "units", "small", "micro_f1")
        ]
        assert len(values) >= len(block["groups"])
        for group, metric, cell in values:
            found = cells_of(tables, f"By {feature_title(name)}", group, f"{metric_title(metric)} (95 %)")
            if not found:  # one sentence says it for all groups
                assert metric.startswith("standardised_"), (group, metric)
                assert cell["value"] is None
            assert set(found) <= {text(cell)}, (name, group, metric)


def test_markdown_says_every_gap_and_recall_of_the_json_file(report):
    tables, document = of_markdown(to_markdown(report)), json.loads(report.text())
    for name, block in told_features(document).items():
        title = feature_title(name)
        for metric in block["disparities"].keys() - {"micro_f1"}:
            check_gap(tables, title, metric, block["disparities"][metric])
        for label, row in {} if "reason" in block["screen"] else block["screen"].items():
            check_recall(tables[f"Recall by class and {title}"].row(label), row)


def check_recall(found, row):
    for group, cell in row["cells"].items():
        assert found[group].rstrip("†*") == (f"{cell['k']}/{cell['n']}" if cell["n"] else NONE), group
    if (worst := row["worst"]) is not None:
        counts = f"{worst['k']}/{worst['n']} against {worst['rest_k']}/{worst['rest_n']}"
        assert found["lowest"].endswith(f": {counts}")


def check_gap(tables, title, metric, row):
    primary = " (primary)" * (row.get("role") == "primary")
    found = tables[f"Disparity by {title}"].row(metric_title(metric) + primary)
    more = tables[f"Contrasts and spread by {title}"].row(metric_title(metric) + primary)
    if "gap" not in row:
        assert found["gap"] == NONE
        return
    assert found["gap"] == decimal(row["gap"])
    assert found["at least"] == shown(row["low"], limit)
    assert found["at most"] == shown(row["high"])
    assert found["chance"] == shown(row["chance"])
    assert found["p"] == shown(row["p_value"], p_value)
    assert found["overlap"] == shown(row["overlap"])
    if row["raw"] is not None:
        assert found["raw, includes class mix"].startswith(f"{decimal(row['raw']['difference'])}, ")
    assert more["SD between groups"] == text(row["between_group_sd"])
    if (contrast := row["contrast"]) is not None:
        ends = "" if contrast["low"] is None else f" [{limit(contrast['low'])}, {limit(contrast['high'])}]"
        assert more["clearest contrast"].endswith(f": {decimal(contrast['value'])}{ends}")


def read_csv(frames, source, name):
    path = Path("out/tables") / f"{name}.csv"
    return list(csv.DictReader(io.StringIO(csv_files(Path("out"), frames, source)[path])))


def same(row, cell, **names):
    """Whether a row of a CSV file holds a cell of the JSON file to the last digit."""
    for key in ("value", "low", "high", "n", *names):
        expected, found = cell.get(names.get(key, key)), row[key]
        if key == "n" and expected is None:
            continue
        assert found == ("" if expected is None else repr(expected)), (row, key, expected)
    assert row["reason"] == cell.get("reason", ""), row


def test_csv_files_hold_every_cell_of_the_json_file(report):
    document = json.loads(report.text())
    metrics = read_csv(REPORT_FRAMES, report, "metrics")
    assert {row["metric"] for row in metrics} == document["overall"].keys()
    for row in metrics:
        same(row, document["overall"][row["metric"]])
    groups = read_csv(REPORT_FRAMES, report, "groups")
    own = {"n", "units", "small"}
    blocks = {(f, g): group for f, block in document["features"].items() for g, group in block["groups"].items()}
    asked = {(*key, metric) for key, group in blocks.items() for metric in group.keys() - own}
    assert {(row["feature"], row["group"], row["metric"]) for row in groups} == asked
    assert len(groups) == len(asked)
    for row in groups:
        group = blocks[row["feature"], row["group"]]
        assert (row["group_n"], row["group_units"]) == (str(group["n"]), str(group["units"]))
        same(row, group[row["metric"]])
    classes = read_csv(REPORT_FRAMES, report, "classes")
    assert len(classes) == 3 * len(document["per_class"])
    for row in classes:
        assert row["support"] == str(document["per_class"][row["label"]]["support"])
        same(row, document["per_class"][row["label"]][row["metric"]])
    labels = document["confusion"]["labels"]
    for row in read_csv(REPORT_FRAMES, report, "confusion"):
        place = labels.index(row["label"]), labels.index(row["predicted"])
        assert int(row["n"]) == document["confusion"]["matrix"][place[0]][place[1]]


def test_csv_files_hold_every_gap_and_recall_of_the_json_file(report):
    document = json.loads(report.text())
    gaps = read_csv(REPORT_FRAMES, report, "gaps")
    of_features = {(f, "", m): row for f, b in document["features"].items() for m, row in b["disparities"].items()}
    points = document.get("operating_points", [])
    of_points = {(p["feature"], p["name"], m): row for p in points for m, row in p.get("gaps", {}).items()}
    asked = of_features | of_points
    assert {(row["feature"], row["operating_point"], row["metric"]) for row in gaps} == asked.keys()
    for row in gaps:
        found = asked[row["feature"], row["operating_point"], row["metric"]]
        for key in ("gap", "low", "high", "chance", "p_value", "overlap"):
            assert row[key] == ("" if found.get(key) is None else repr(found[key])), (row, key)
        if "gap" not in found:
            assert row["reason"] == found["reason"]
        if found.get("contrast"):
            assert row["contrast_value"] == repr(found["contrast"]["value"])
            assert row["contrast_first"] == " | ".join(found["contrast"]["first"])
    screen = read_csv(REPORT_FRAMES, report, "screen")
    told = {f: b["screen"] for f, b in document["features"].items()}
    expected = sum(1 if "reason" in s else sum(len(r["cells"]) for r in s.values()) for s in told.values())
    assert len(screen) == expected
    for row in screen:
        if not row["label"]:
            assert row["reason"] == told[row["feature"]]["reason"]
            continue
        record = told[row["feature"]][row["label"]]
        cell = record["cells"][row["group"]]
        assert (int(row["k"]), int(row["n"])) == (cell["k"], cell["n"])
        assert row["low"] == ("" if cell["low"] is None else repr(cell["low"]))
        assert row["q_value"] == ("" if cell["q"] is None else repr(cell["q"]))
        worst = record["worst"]
        assert row["lowest_k"] == ("" if worst is None else str(worst["k"]))
    operating = read_csv(REPORT_FRAMES, report, "operating_points")
    by_name = {point["name"]: point for point in points}
    for row in operating:
        point = by_name[row["operating_point"]]
        group = point["groups"][row["group"]] if row["group"] else point["overall"]
        cells = group[row["metric"]]
        if isinstance(cells, list):
            (cells,) = [item["cell"] for item in cells if repr(item["prevalence"]) == row["prevalence"]]
        same(row, cells)


def test_html_and_latex_have_the_tables_of_a_comparison(comparison):
    tables, latex = of_markdown(comparison_markdown(comparison)), of_latex(comparison_latex(comparison))
    page, _ = of_html(comparison_html(comparison))
    assert list(latex) == list(tables)
    assert page.keys() == tables.keys()
    for title, table in tables.items():
        assert latex[title].rows == table.rows == page[title].rows, title
        assert latex[title].columns[1:] == table.columns[1:] == page[title].columns[1:], title


def test_markdown_of_a_comparison_says_the_differences_of_the_json_file(comparison):
    tables, document = of_markdown(comparison_markdown(comparison)), json.loads(comparison.text())
    base = document["baseline"]
    for model, metric, effect in nested(document["differences"], 2):
        if metric == "micro_f1":
            continue
        row = tables[f"All images, against {base}"].row(metric_title(metric), model)
        assert row[base] == text(document["models"][base][metric])
        assert row["model's value (95 %)"] == text(document["models"][model][metric])
        assert row["difference (95 %)"] == change(effect)
        assert row["p"] == shown(effect.get("p_value"), p_value)
        assert row["p, Holm"] == shown(effect.get("p_holm"), p_value)
    ranks = document["ranks"]
    for item in ranks["models"]:
        rows = tables[f"Rank bands by {metric_title(ranks['metric'])}"].rows
        (found,) = [row[2] for row in rows if row[1] == item["model"]]
        assert found == f"{three(item['value'])} [{three(item['low'])}, {three(item['high'])}]"


def test_markdown_of_a_comparison_says_the_groups_of_the_json_file(comparison):
    tables, document = of_markdown(comparison_markdown(comparison)), json.loads(comparison.text())
    base = document["baseline"]
    for name, block in document["features"].items():
        title = feature_title(name)
        for model, group, metric, effect in nested(block["differences"], 3):
            if metric == "micro_f1":
                continue
            row = tables[f"{title}: {metric_title(metric)}, against {base}"].row(model, group)
            assert row["n"] == f"{block['groups'][group]['n']:,}"
            assert row[base] == three(block["values"][base][group][metric])
            assert row["model's value"] == three(block["values"][model][group][metric])
            assert row["difference (95 %)"] == change(effect), (model, group, metric)
        for metric, found in block["gap"].items():
            for model, gap in found.get("models", {}).items():
                row = tables[f"{title}: change of the gap"].row(metric_title(metric), model)
                check_change(row, gap, found["changes"].get(model, {}))
        screened = [(model, cell) for model, cells in block["screen"].items() for cell in cells]
        for model, cell in screened:
            table = tables[f"{title}: recall by class, exploratory, against {base}"]
            assert table.row(model, cell["label"], cell["group"])["change of recall (95 %)"] == change(cell)


def check_change(row, gap, changed):
    assert row["gap"] == three(gap)
    if "value" in changed:
        assert row["difference varies by"] == three(changed["value"])
        assert (row["at least"], row["at most"]) == (three(changed["low"]), three(changed["high"]))


def nested(tree, depth):
    """Yield (key, key, ..., leaf) of dictionaries of dictionaries."""
    for key, item in tree.items():
        yield from ((key, item),) if depth == 1 else ((key, *rest) for rest in nested(item, depth - 1))


def test_csv_files_of_a_comparison_hold_the_json_file(comparison):
    document = json.loads(comparison.text())
    models = read_csv(COMPARISON_FRAMES, comparison, "models")
    assert len(models) == sum(map(len, document["models"].values()))
    for row in models:
        same(row, document["models"][row["model"]][row["metric"]])
        seeds = document["seeds"].get(row["model"], {}).get(row["metric"])
        assert row["seed_sd"] == ("" if seeds is None or seeds["seed_sd"] is None else repr(seeds["seed_sd"]))
    for row in read_csv(COMPARISON_FRAMES, comparison, "differences"):
        check_effect(row, document["differences"][row["model"]][row["metric"]])
    groups = read_csv(COMPARISON_FRAMES, comparison, "groups")
    blocks = document["features"]
    assert len(groups) == sum(len(g) for b in blocks.values() for m in b["values"].values() for g in m.values())
    for row in groups:
        block = blocks[row["feature"]]
        value = block["values"][row["model"]][row["group"]][row["metric"]]
        assert row["value"] == ("" if value is None else repr(value))
        if row["model"] != document["baseline"]:
            check_effect(row, block["differences"][row["model"]][row["group"]][row["metric"]])
    for row in read_csv(COMPARISON_FRAMES, comparison, "gaps"):
        found = blocks[row["feature"]]["gap"][row["metric"]]
        if "reason" in found:
            assert (row["model"], row["gap"], row["reason"]) == ("", "", found["reason"])
            continue
        gap = found["models"][row["model"]]
        assert row["gap"] == ("" if gap is None else repr(gap))
        changed = found["changes"].get(row["model"], {})
        for column, key in (("change", "value"), ("low", "low"), ("high", "high"), ("p_holm", "p_holm")):
            assert row[column] == ("" if changed.get(key) is None else repr(changed[key]))
    ranks = read_csv(COMPARISON_FRAMES, comparison, "ranks")
    for row, item in zip(ranks, document["ranks"]["models"], strict=True):
        assert [row[key] for key in ("value", "low", "best")] == [
            repr(item[key]) for key in ("value", "low", "best")
        ]


def check_effect(row, effect):
    for column, key in (("difference", "value"), *((key, key) for key in ("low", "high", "p_value", "p_holm"))):
        assert row[column] == ("" if effect.get(key) is None else repr(effect[key])), (row, column)


def test_the_planted_failure_is_named_everywhere(evaluated):
    (fails,) = [sentence.text for sentence in evaluated.summary if sentence.kind == "fails"]
    assert "melanoma" in fails
    assert "16 of 30" in fails
    assert "140 of 160" in fails
    worst = json.loads(evaluated.text())["features"]["fst"]["screen"]["melanoma"]["worst"]
    assert (worst["groups"], worst["k"], worst["n"], worst["rest_k"], worst["rest_n"]) == (
        ["V", "VI"],
        16,
        30,
        140,
        160,
    )
    rows = [row for row in read_csv(REPORT_FRAMES, evaluated, "screen") if row["label"] == "melanoma"]
    named = [row for row in rows if row["feature"] == "fst"]
    keys = ("lowest_groups", "lowest_k", "lowest_n", "rest_k", "rest_n")
    assert {tuple(row[key] for key in keys) for row in named} == {("V | VI", "16", "30", "140", "160")}
    assert sum(int(row["k"]) for row in named if row["group"] in ("V", "VI")) == 16
    assert "melanoma on V\N{EN DASH}VI: 16 of 30 recognised, 140 of 160" in report_figures(evaluated)["recall"].alt
