"""Images without a usable prediction: what they do to scores, and how they are reported."""

import numpy as np
import pandas as pd
import pytest

import dermbench
from dermbench.artifacts import make_truth, read_predictions
from dermbench.artifacts.report import Report
from dermbench.errors import InputError
from dermbench.evaluation import compare, evaluate
from dermbench.evaluation.intervals.proportions import wilson
from dermbench.reporting import to_markdown
from dermbench.reporting.pages.report_html import to_html

FEW = {"n_resamples": 99, "seed": 0}
IDS = list("abcdefghij")
LABELS = ["nodule"] * 4 + ["macule"] * 6
FST = [1, 1, 6, 6, 1, 2, 2, 5, 6, None]
PRED = ["nodule", "nodule", "macule", None, "macule", "macule", "macule", "macule", "nodule", None]
REASON = [None, None, None, "unparsable", None, None, None, None, None, "refused"]


def truth_of(**more):
    table = pd.DataFrame({"image_id": IDS, "label": LABELS, "fst": FST}).assign(**more)
    return make_truth(table, classes=("macule", "nodule"), task="t")


def predictions_of(truth):
    return read_predictions(pd.DataFrame({"image_id": IDS, "pred": PRED, "no_answer": REASON}), truth)


@pytest.fixture(scope="module")
def report():
    truth = truth_of()
    return evaluate(predictions_of(truth), truth, **FEW)


def test_two_refused_answers_count_as_the_other_class(report):
    """Of 6 macules 4 are hit, of 4 nodules 2; d counts as macule and j as nodule.

    Accuracy 6/10. F1 of macule 2·4/(6+6) = 2/3, of nodule 2·2/(4+4) = 1/2, their mean 7/12. Kappa with chance
    agreement (6·6 + 4·4)/100 = .52 is (.6 - .52)/(1 - .52) = 1/6. Balanced accuracy (4/6 + 2/4)/2 = 7/12.
    """
    assert report.confusion.matrix == ((4, 2), (2, 2))
    value = {name: cell.value for name, cell in report.overall.items()}
    assert value["accuracy"] == pytest.approx(0.6, abs=1e-6)
    assert value["macro_f1"] == pytest.approx(7 / 12, abs=1e-6)
    assert value["balanced_accuracy"] == pytest.approx(7 / 12, abs=1e-6)
    assert value["cohen_kappa"] == pytest.approx(1 / 6, abs=1e-6)


def test_the_report_counts_them_by_skin_type(report):
    block = report.no_answer
    every = block.overall
    assert (every.n, every.missing, every.refused, every.unparsable, every.absent) == (10, 0, 1, 1, 2)
    low, high = wilson(0.2, 10)
    assert (every.share.value, every.share.low, every.share.high) == pytest.approx((0.2, low, high), abs=1e-6)
    assert {name: (group.absent, group.n) for name, group in block.features["fst"].items()} == {
        "I": (0, 3), "II": (0, 2), "V": (0, 1), "VI": (1, 3), "unknown": (1, 1),
    }  # fmt: skip
    bands = block.features["fst_band"]
    assert {name: (group.absent, group.n) for name, group in bands.items()} == {
        "I-II": (0, 5), "V-VI": (1, 4), "unknown": (1, 1),
    }  # fmt: skip
    assert (bands["V-VI"].unparsable, bands["unknown"].refused) == (1, 1)


def test_the_summary_says_it(report):
    (said,) = [sentence.text for sentence in report.summary if sentence.kind == "no_answer"]
    assert said == (
        "2 of 10 answers were refused (1) or could not be read (1); they count as wrong; by skin type: "
        "I-II 0 % (0 of 5), V-VI 25 % (1 of 4), unknown 100 % (1 of 1)."
    )
    assert [sentence.kind for sentence in report.summary][:2] == ["tested", "no_answer"]
    assert not any("count as wrong" in text for text in report.provenance.interpreted)  # said once


def test_every_page_shows_the_table(report, tmp_path):
    report.write(tmp_path / "report.json")
    again = Report.read(tmp_path / "report.json")
    assert again == report
    row = "| Fitzpatrick skin-type band: V-VI | 4 | 0 | 1 | .25 [.05, .70] |"
    assert row in to_markdown(again)
    for text in (to_markdown(again), to_html(again)):
        assert "Images without a usable prediction" in text
        assert "2 of 10 answers were refused (1) or could not be read (1)" in text


def test_nothing_is_said_where_every_answer_is_usable():
    truth = truth_of()
    rows = {"image_id": IDS, "pred": LABELS}
    plain = evaluate(read_predictions(pd.DataFrame(rows), truth), truth, **FEW)
    assert plain.no_answer is None
    assert plain.document()["no_answer"] is None
    with_column = evaluate(read_predictions(pd.DataFrame({**rows, "no_answer": ""}), truth), truth, **FEW)
    assert with_column.no_answer.overall.absent == 0
    assert "usable prediction" not in to_markdown(with_column)
    assert [s.kind for s in with_column.summary] == [s.kind for s in plain.summary]


def test_shares_of_images_of_few_patients_are_wider():
    truth = truth_of(patient_id=["p", "p", "q", "q", "r", "r", "s", "s", "t", "t"])
    alone, grouped = (evaluate(predictions_of(t), t, **FEW).no_answer.overall.share for t in (truth_of(), truth))
    assert alone.value == grouped.value
    assert grouped.high - grouped.low > alone.high - alone.low
    assert "units" in grouped.method


def test_a_refused_answer_costs_as_much_as_a_wrong_one_in_a_comparison():
    truth = truth_of()
    wrong = [*PRED[:3], "macule", *PRED[4:9], "nodule"]
    other = read_predictions(pd.DataFrame({"image_id": IDS, "pred": wrong}), truth)
    made = compare({"vlm": predictions_of(truth), "other": other}, truth, **FEW)
    assert made.models["vlm"]["macro_f1"].value == made.models["other"]["macro_f1"].value
    assert [
        said.startswith("2 of 10 answers were refused (1)") for said in made.provenance.interpreted["vlm"]
    ] == [True]
    assert made.provenance.predictions_digest["vlm"] == predictions_of(truth).digest


def test_probabilities_of_a_refused_answer_rank_last():
    truth = truth_of()
    prob = np.where(np.array(REASON, dtype=object) == None, 0.9, np.nan)  # noqa: E711 - elementwise
    rows = pd.DataFrame({"image_id": IDS, "prob_macule": prob, "prob_nodule": 1 - prob, "no_answer": REASON})
    made = evaluate(read_predictions(rows, truth), truth, **FEW)
    lost = -2 * np.log(np.finfo(float).eps)
    known = -5 * np.log(0.9) - 3 * np.log(0.1)
    assert made.overall["log_loss"].value == pytest.approx((lost + known) / 10, abs=1e-6)
    assert made.overall["accuracy"].value == pytest.approx(0.5, abs=1e-6)


def test_an_image_of_a_case_is_filled_in_before_the_case_is_made():
    """Lesion L has d (unreadable, a nodule) and c (called macule), so that its votes are two for macule."""
    truth = truth_of(lesion_id=["a", "b", "L", "L", "e", "f", "g", "h", "i", "j"])
    rows = pd.DataFrame({"image_id": IDS, "pred": PRED, "no_answer": REASON})
    report = dermbench.evaluate(rows, truth, aggregate="lesion_id", **FEW).report
    assert (report.n, report.no_answer.overall.n, report.no_answer.overall.absent) == (9, 10, 2)
    assert report.confusion.matrix == ((4, 2), (1, 2))
    assert report.overall["accuracy"].value == pytest.approx(6 / 9, abs=1e-6)


def test_missing_rows_and_refused_answers_are_counted_apart():
    rows = pd.DataFrame({"image_id": IDS, "pred": PRED, "no_answer": REASON}).iloc[1:]
    every = dermbench.evaluate(rows, truth_of(), missing="wrong", **FEW).report.no_answer.overall
    assert (every.missing, every.refused, every.unparsable) == (1, 1, 1)
    with pytest.raises(InputError, match="1 missing image_id: 'a'"):
        dermbench.evaluate(rows, truth_of(), **FEW)
