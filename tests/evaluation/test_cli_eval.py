"""``dermbench eval`` as a user runs it: files in, files and messages out."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from dermbench.artifacts import DatasetInfo, Report, write_dataset
from dermbench.cli import app
from dermbench.errors import DermbenchError

CLASSES = ("acne", "nevus", "melanoma")
IDS = ("001", "002", "NA", "null", "5", "x,y")
LABELS = ("acne", "nevus", "melanoma", "acne", "nevus", "melanoma")
PROBS = np.array(
    [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7], [0.5, 0.3, 0.2], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6]]
)


def run(*arguments):
    """Run the command line in this process, with errors as the installed command reports them."""
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if isinstance(result.exception, DermbenchError):
        return result.exception.exit_code, result.stdout, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def truth(tmp_path):
    path = tmp_path / "truth.csv"
    table = pd.DataFrame(
        {"image_id": IDS, "label": LABELS, "fst": ["1", "2", "5", "", "2", "6"], "sex": list("fmfmfm")}
    )
    table.to_csv(path, index=False)
    return path


@pytest.fixture
def table():
    return pd.DataFrame({"image_id": IDS, **{f"prob_{c}": PROBS[:, i] for i, c in enumerate(CLASSES)}})


@pytest.fixture
def predictions(tmp_path, table):
    path = tmp_path / "predictions.csv"
    table.to_csv(path, index=False)
    return path


ORDER = ("--classes", "acne,nevus,melanoma", "--resamples", "99", "--name", "mine")


def test_json_is_one_document_on_stdout(predictions, truth):
    code, out, err = run("eval", predictions, "--truth", truth, "--json", *ORDER)
    assert code == 0
    document = json.loads(out)
    assert document["schema"] == "dermbench.report/2"
    assert document["n"] == 6
    assert document["overall"]["accuracy"]["value"] == pytest.approx(5 / 6, abs=1e-6)
    assert err == ""


def test_out_writes_both_files(predictions, truth, tmp_path):
    code, out, _ = run("eval", predictions, "--truth", truth, "--out", tmp_path / "result", *ORDER)
    assert code == 0
    assert "accuracy" in out
    report = Report.read(tmp_path / "result" / "report.json")
    assert report.classes == CLASSES
    assert (tmp_path / "result" / "report.md").read_text().startswith("#")
    run("eval", predictions, "--truth", truth, "--out", tmp_path / "mine.json", *ORDER)
    assert (tmp_path / "mine.json").read_text() == report.text()
    assert (tmp_path / "mine.md").is_file()


def test_out_that_is_no_report_is_refused_before_anything_is_computed(predictions, truth, tmp_path):
    code, _, message = run("eval", predictions, "--truth", truth, "--out", truth, *ORDER)
    assert code == 2
    assert "the output is a folder or a .json file" in message


def test_sensitive_features_are_those_asked_for(predictions, truth):
    arguments = ("eval", predictions, "--truth", truth, "--json", *ORDER)
    _, out, _ = run(*arguments, "--sensitive", "sex", "--sensitive", "fst,sex")
    features = json.loads(out)["features"]
    assert set(features) == {"sex", "fst,sex"}
    assert json.loads(run(*arguments, "--sensitive", "Gender")[1])["features"].keys() == {"sex"}
    assert features["fst,sex"]["groups"]["unknown"]["n"] == 1
    code, _, message = run(*arguments, "--sensitive", "colour")
    assert code == 2
    assert "fst, sex" in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "either with --data DATASET or with --truth TABLE"),
        (("--truth", "t.csv", "--data", "d"), "either with --data DATASET or with --truth TABLE"),
        (("--data", "no-such-folder"), "not a dataset folder"),
        (("--truth", "no-such-table.csv"), "no such file"),
        (("--data", "d", "--task", "ajl-21"), "go with --truth"),
        (("--truth", "t.csv", "--task", "ajl21"), "did you mean 'ajl-21'"),
    ],
)
def test_usage(predictions, arguments, message):
    code, _, text = run("eval", predictions, *arguments)
    assert code == 2
    assert message in text


def mangled(table, **changes):
    """Return the table with cells replaced: {column: {row: value}}."""
    text = table.astype(object)
    for column, cells in changes.items():
        for row, value in cells.items():
            text.loc[row, column] = value
    return text


MALFORMED = {
    "repeated id": (lambda t: pd.concat([t, t.iloc[[2]]]), ["1 repeated image_id: 'NA'"]),
    "missing id": (lambda t: t.drop(index=[0, 3]), ["2 missing image_id: '001', 'null'"]),
    "extra id": (lambda t: mangled(t, image_id={4: "6"}), ["1 missing image_id: '5'", "does not have: '6'"]),
    "id without its zeros": (lambda t: mangled(t, image_id={0: "1"}), ["1 missing image_id: '001'", "have: '1'"]),
    "empty id": (lambda t: mangled(t, image_id={1: ""}), ["empty image_id in 'row 3'"]),
    "huge id": (lambda t: mangled(t, image_id={4: 10**30}), [f"'{10**30}'"]),
    "NaN": (
        lambda t: mangled(t, prob_acne={0: "nan", 1: ""}),
        ["NaN, infinite or no number for image_id '001', '002'"],
    ),
    "infinite": (lambda t: mangled(t, prob_acne={0: "inf"}), ["NaN, infinite or no number for image_id '001'"]),
    "words": (lambda t: mangled(t, prob_nevus={5: "high"}), ["no number for image_id 'x,y'"]),
    "huge": (lambda t: mangled(t, prob_nevus={5: 10**400}), ["image_id 'x,y'"]),
    "negative": (lambda t: mangled(t, prob_acne={0: -0.1}), ["outside of 0 to 1 for image_id '001'"]),
    "sum": (lambda t: mangled(t, prob_acne={3: 0.9}), ["do not sum to 1", "1 image_id: 'null' (first sum 1.4)"]),
    "unknown class": (
        lambda t: t.rename(columns={"prob_acne": "prob_wart"}),
        ["unknown class in column 'prob_wart'"],
    ),
    "class left out": (lambda t: t.drop(columns="prob_acne"), ["no column 'prob_acne'"]),
    "class twice": (lambda t: t.assign(prob_ACNE=0.0), ["are the same class"]),
    "further column": (lambda t: t.assign(reader="acne"), ["unexpected column 'reader'"]),
    "no id column": (lambda t: t.drop(columns="image_id"), ["no column image_id"]),
    "wrong columns": (lambda t: t[["image_id"]].assign(score=1), ["wrong columns score"]),
    "header only": (lambda t: t.iloc[:0], ["6 missing image_id"]),
    "unknown label": (
        lambda t: t[["image_id"]].assign(pred=["acne", "wart", "nevus", "", "acne", "acne"]),
        ["unknown class: 'wart'", "no prediction for image_id 'null'"],
    ),
    "everything": (
        lambda t: mangled(
            pd.concat([t, t.iloc[[1]]]).drop(index=5).reset_index(drop=True), prob_acne={0: "nan", 2: 0.5}
        ),
        ["repeated image_id", "missing image_id", "NaN", "do not sum to 1"],
    ),
}


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_predictions_get_one_message(name, suffix, table, truth, tmp_path):
    change, expected = MALFORMED[name]
    bad, path = change(table), tmp_path / f"bad.{suffix}"
    if suffix == "parquet":
        bad.astype("string").to_parquet(path)
    else:
        bad.to_csv(path, index=False, sep="\t" if suffix == "tsv" else ",")
    code, out, message = run("eval", path, "--truth", truth, *ORDER)
    assert code == 2
    assert out == ""
    assert message.startswith(str(path))
    assert all(part in message for part in expected), message


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00", b'image_id,pred\n"unclosed', b"PAR1PAR1"])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_unreadable_files(content, suffix, truth, tmp_path):
    path = tmp_path / f"bad.{suffix}"
    path.write_bytes(content)
    code, _, message = run("eval", path, "--truth", truth, *ORDER)
    assert code == 2
    assert str(path) in message


def test_a_folder_or_another_kind_of_file(truth, tmp_path):
    assert "is not a plain file, but a folder" in run("eval", tmp_path, "--truth", truth)[2]
    (tmp_path / "p.json").write_text("{}")
    assert "not .json" in run("eval", tmp_path / "p.json", "--truth", truth)[2]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_marks_and_line_ends_of_other_systems(encoding, newline, predictions, truth, tmp_path):
    path = tmp_path / "other.csv"
    path.write_bytes(newline.join(predictions.read_text().splitlines()).encode(encoding))
    _, here, _ = run("eval", predictions, "--truth", truth, "--json", *ORDER)
    code, there, _ = run("eval", path, "--truth", truth, "--json", *ORDER)
    assert code == 0
    assert there == here


def test_quoted_ids_of_labels_and_of_kaggle(truth, tmp_path):
    path = tmp_path / "submission.csv"
    rows = [f'"{i}","{label}"' for i, label in zip(IDS, LABELS, strict=True)]
    path.write_text("\n".join(["md5hash,label", *reversed(rows)]))
    code, out, _ = run("eval", path, "--truth", truth, "--json", *ORDER)
    assert code == 0
    assert json.loads(out)["overall"]["accuracy"]["value"] == 1


def test_order_of_rows_and_file_format_do_not_matter(table, predictions, truth, tmp_path):
    table.iloc[::-1].to_parquet(tmp_path / "p.parquet")
    _, first, _ = run("eval", predictions, "--truth", truth, "--json", *ORDER)
    _, second, _ = run("eval", tmp_path / "p.parquet", "--truth", truth, "--json", *ORDER)
    assert first == second


@pytest.fixture
def larger():
    """Truth with columns of every kind, and predictions that fail on types V and VI."""
    n = 240
    rng = np.random.default_rng(3)
    y_true, fst = np.arange(n) % 3, np.repeat(rng.integers(1, 7, n // 2), 2)
    logits = rng.normal(size=(n, 3))
    logits[np.arange(n), y_true] += np.where(fst >= 5, 0.2, 3.0)
    y_prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = pd.DataFrame(
        {
            "image_id": [f"{k:04d}" for k in range(n)],
            "label": [CLASSES[c] for c in y_true],
            "fst": pd.array(np.where(np.arange(n) % 34 < 2, pd.NA, fst), dtype="Int64"),
            "fst_centaur": fst.astype(float),
            "age": np.where(np.arange(n) % 11 == 0, np.nan, rng.integers(18, 90, n)),
            "sex": np.where(np.arange(n) % 7 == 0, None, rng.choice(["female", "male"], n)),
            "site": rng.integers(1, 4, n),
            "patient_id": [f"{k // 2:03d}" for k in range(n)],
        }
    )
    made = {"image_id": truth["image_id"], **{f"prob_{c}": y_prob[:, i] for i, c in enumerate(CLASSES)}}
    return truth, pd.DataFrame(made)


def test_csv_and_parquet_of_one_table_give_the_same_bytes(larger, tmp_path):
    truth, made = larger
    found = {}
    for suffix in ("csv", "parquet"):
        for name, table in (("truth", truth), ("predictions", made)):
            path = tmp_path / f"{name}.{suffix}"
            table.to_csv(path, index=False) if suffix == "csv" else table.to_parquet(path, index=False)
        features = [part for name in ("fst", "fst_band", "age", "sex", "site") for part in ("--sensitive", name)]
        arguments = ("--truth", tmp_path / f"truth.{suffix}", "--json", *features, *ORDER)
        code, found[suffix], message = run("eval", tmp_path / f"predictions.{suffix}", *arguments)
        assert code == 0, message
    assert found["csv"] == found["parquet"]
    features = json.loads(found["csv"])["features"]
    assert set(features["site"]["groups"]) == {"1", "2", "3"}
    assert features["age"]["ordered"]


def test_few_resamples_still_decide(larger, tmp_path):
    truth, made = larger
    truth.to_csv(tmp_path / "t.csv", index=False)
    made.to_csv(tmp_path / "p.csv", index=False)
    code, out, _ = run("eval", tmp_path / "p.csv", "--truth", tmp_path / "t.csv", "--json", *ORDER)
    assert code == 0
    document = json.loads(out)
    row = document["features"]["fst"]["disparities"]["accuracy"]
    assert row["role"] == "primary"
    assert (row["p_value"], row["verdict"]["kind"]) == (0.01, "disparity")
    assert row["low"] > 0
    assert "do not vary" not in out
    said = {sentence["kind"]: sentence["text"] for sentence in document["summary"]}
    assert said["primary"].startswith("Accuracy differs between skin types beyond chance: type")
    secondary = document["features"]["fst"]["disparities"]["macro_f1"]
    assert secondary["p_value"] == 0.02  # corrected for two features


def test_without_a_class_set_the_labels_of_the_truth_are_it(table, truth, tmp_path):
    path = tmp_path / "p.csv"
    table.assign(prob_wart=0.0).to_csv(path, index=False)
    code, _, message = run("eval", path, "--truth", truth)
    assert code == 2
    assert "name all classes with --classes or --task" in message
    code, out, _ = run(
        "eval", path, "--truth", truth, "--classes", "acne,nevus,melanoma,wart", "--json", "--resamples", 99
    )
    assert code == 0
    assert json.loads(out)["per_class"]["wart"]["support"] == 0


def binary_files(folder, positive="malignant"):
    labels = ["benign"] * 20 + [positive] * 12
    truth = pd.DataFrame({"image_id": [f"i{i:02}" for i in range(32)], "label": labels, "fst": [1, 2, 5, 6] * 8})
    truth.to_csv(folder / "truth.csv", index=False)
    pred = ["benign"] * 20 + [positive] * 2 + ["benign"] * 10
    truth.assign(pred=pred)[["image_id", "pred"]].to_csv(folder / "vendor.csv", index=False)
    return ("eval", folder / "vendor.csv", "--truth", folder / "truth.csv", "--resamples", 99)


def test_a_binary_file_leads_with_sensitivity_by_skin_type(tmp_path):
    arguments = binary_files(tmp_path)
    _, out, _ = run(*arguments, "--json")
    report = json.loads(out)
    assert report["primary"] == {"feature": "fst", "metric": "sensitivity"}
    assert report["positive"] == {"classes": ["malignant"], "leads": True, "source": "class name"}
    said = {sentence["kind"]: sentence["text"] for sentence in report["summary"]}
    assert said["positive"].startswith("Of 12 positive images (malignant), 2 were recognised: sensitivity .17 [")
    assert said["positive"].endswith("Recognised by skin type: I 1 of 3, II 1 of 3, V 0 of 3, VI 0 of 3.")
    assert any("The class malignant counts as positive" in text for text in report["provenance"]["interpreted"])
    code, screen, _ = run(*arguments)
    assert code == 0
    assert screen.index("sensitivity ") < screen.index("accuracy ")
    assert "sensitivity (primary)" in screen


def test_the_user_names_positive_classes_or_asks_something_else(tmp_path):
    arguments = binary_files(tmp_path, "wart")
    _, out, _ = run(*arguments, "--json")
    assert json.loads(out)["primary"]["metric"] == "accuracy"
    _, out, _ = run(*arguments, "--json", "--positive", "WART")
    assert json.loads(out)["positive"] == {"classes": ["wart"], "leads": True, "source": "--positive"}
    _, out, _ = run(*arguments, "--json", "--positive", "wart", "--primary", "specificity:fst")
    assert json.loads(out)["primary"]["metric"] == "specificity"
    code, _, message = run(*arguments, "--positive", "mole")
    assert (code, "--positive: no class 'mole'; there are benign, wart" in message) == (2, True)


def test_a_threshold_found_on_rows_of_the_same_table(tmp_path):
    """The truth of both splits stands in one table; the threshold comes from val, the scores from test."""
    rng = np.random.default_rng(0)
    label = np.array(["benign", "malignant"])[(rng.random(160) < 0.4).astype(int)]
    score = np.clip(rng.normal(0.3 + 0.3 * (label == "malignant"), 0.15), 0.01, 0.99).round(3)
    ids, split = [f"i{i:03}" for i in range(160)], np.repeat(["val", "test"], 80)
    truth = pd.DataFrame({"image_id": ids, "label": label, "fst": rng.integers(1, 7, 160), "split": split})
    truth.to_csv(tmp_path / "t.csv", index=False)
    made = pd.DataFrame({"image_id": ids, "prob_benign": 1 - score, "prob_malignant": score})
    for name in ("val", "test"):
        made[split == name].to_csv(tmp_path / f"{name}.csv", index=False)
    common = ("eval", tmp_path / "test.csv", "--truth", tmp_path / "t.csv", "--split", "test", "--resamples", 99)
    rule = ("--operating-point", "specificity=.8", "--prevalence", ".05")
    code, out, _ = run(*common, "--validation", tmp_path / "val.csv", *rule, "--json")
    assert code == 0
    first, point = json.loads(out)["operating_points"]
    assert first["rule"] == "argmax"
    threshold = point["threshold"]
    assert (point["fitted_on"]["split"], point["fitted_on"]["n"]) == ("val", 80)
    assert np.mean(score[(split == "val") & (label == "benign")] < threshold) >= 0.8
    sick = (split == "test") & (label == "malignant")
    assert point["overall"]["sensitivity"]["value"] == pytest.approx(np.mean(score[sick] >= threshold), abs=1e-6)
    assert point["overall"]["ppv"][0]["prevalence"] == 0.05
    code, screen, _ = run(*common, "--validation", tmp_path / "val.csv", *rule)
    assert "specificity .8 on val (80 images): at " in screen
    code, _, message = run(*common, *rule)
    assert (code, "--validation FILE" in message) == (2, True)
    code, _, message = run(*common, "--prevalence", "rare")
    assert (code, "--prevalence rare: write shares" in message) == (2, True)


def test_one_patient_has_no_gap_with_limits(tmp_path):
    arguments = binary_files(tmp_path)
    pd.read_csv(tmp_path / "truth.csv").assign(patient_id="p1").to_csv(tmp_path / "truth.csv", index=False)
    report = json.loads(run(*arguments, "--json")[1])
    assert report["features"]["fst"]["disparities"]["sensitivity"] == {
        "reason": "all images are of one independent unit"
    }
    assert "No answer on sensitivity" in next(s["text"] for s in report["summary"] if s["kind"] == "primary")


def test_rows_that_do_not_sum_to_one_are_said_to_be_divided(tmp_path):
    arguments = binary_files(tmp_path)
    ids = pd.read_csv(tmp_path / "vendor.csv")["image_id"]
    made = pd.DataFrame({"image_id": ids, "prob_benign": 0.8, "prob_malignant": 0.2})
    made.loc[:4, "prob_malignant"] = 0.2005
    made.to_csv(tmp_path / "vendor.csv", index=False)
    said = json.loads(run(*arguments, "--json")[1])["provenance"]["interpreted"]
    assert (
        "The probabilities of 5 images do not sum to 1 (1.0000 to 1.0005) and were divided by their sum." in said
    )


def test_one_column_of_two_classes_is_enough(tmp_path):
    """What a vendor usually sends: the probability of malignancy alone."""
    arguments = binary_files(tmp_path)
    ids = pd.read_csv(tmp_path / "vendor.csv")["image_id"]
    score = np.linspace(0.01, 0.93, 32).round(3)
    whole = pd.DataFrame({"image_id": ids, "prob_benign": 1 - score, "prob_malignant": score})
    whole.to_csv(tmp_path / "vendor.csv", index=False)
    expected = json.loads(run(*arguments, "--json")[1])
    whole.drop(columns="prob_benign").to_csv(tmp_path / "vendor.csv", index=False)
    code, out, _ = run(*arguments, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["overall"] == expected["overall"]
    assert any(
        "probability of benign is 1 minus 'prob_malignant'" in x for x in found["provenance"]["interpreted"]
    )
    whole.assign(prob_malignant=score * 100).drop(columns="prob_benign").to_csv(
        tmp_path / "vendor.csv", index=False
    )
    code, _, message = run(*arguments)
    assert (code, "probability outside of 0 to 1" in message) == (2, True)


@pytest.mark.parametrize("option", ["--positive", "--prevalence", "--adjust"])
def test_an_option_that_names_nothing_is_refused(option, tmp_path):
    code, _, message = run(*binary_files(tmp_path), option, " ,")
    assert (code, f"{option} is empty" in message) == (2, True)


def test_a_wrong_validation_file_is_said_to_be_one(tmp_path):
    arguments = binary_files(tmp_path)
    truth = pd.read_csv(tmp_path / "truth.csv")
    val = truth.assign(image_id=truth["image_id"] + "v", split="val")
    pd.concat([truth.assign(split="test"), val]).to_csv(tmp_path / "truth.csv", index=False)
    code, _, message = run(*arguments, "--split", "test", "--validation", tmp_path / "vendor.csv")
    assert code == 2
    assert "32 missing image_id" in message
    assert "the predictions of --validation, for the images of split val" in message


def test_a_task_brings_classes_and_malignancy(tmp_path):
    labels = ["ACK", "BCC", "MEL", "NEV", "SCC", "SEK"]
    table = pd.DataFrame({"img_id": list("abcdef"), "diagnostic": labels, "gender": list("fmfmfm")})
    table.to_csv(tmp_path / "t.csv", index=False)
    pd.DataFrame({"image_id": list("abcdef"), "pred": ["BCC"] * 6}).to_csv(tmp_path / "p.csv", index=False)
    arguments = ("eval", tmp_path / "p.csv", "--truth", tmp_path / "t.csv", "--task", "pad-ufes-20")
    code, out, _ = run(*arguments, "--json", "--resamples", 99)
    assert code == 0
    document = json.loads(out)
    assert document["task"] == "pad-ufes-20"
    assert document["overall"]["sensitivity"]["value"] == 1
    assert document["overall"]["specificity"]["value"] == 0
    assert set(document["features"]) == {"sex"}


@pytest.fixture
def dataset(tmp_path):
    n = 40
    splits = ["train"] * 10 + ["val"] * 10 + ["test"] * 20
    manifest = pd.DataFrame(
        {
            "image_id": [f"{k:03d}" for k in range(n)],
            "path": [f"{k}.jpg" for k in range(n)],
            "label": [CLASSES[k % 3] for k in range(n)],
            "split": splits,
            "fst": [k % 6 + 1 for k in range(n)],
            "patient_id": [f"p{k // 2}" for k in range(n)],
        }
    )
    info = DatasetInfo(task="mine", source="table", classes=CLASSES, image_root="images")
    write_dataset(tmp_path / "dataset", info, manifest)
    return tmp_path / "dataset", manifest


def test_dataset_folder_with_predictions_of_all_splits(dataset, tmp_path):
    folder, manifest = dataset
    everything = manifest[["image_id"]].assign(pred=manifest["label"])
    everything.to_csv(tmp_path / "all.csv", index=False)
    everything[manifest["split"] == "test"].to_csv(tmp_path / "test.csv", index=False)
    settings = ("--data", folder, "--json", "--resamples", 99, "--name", "mine")
    _, first, _ = run("eval", tmp_path / "all.csv", *settings)
    _, second, _ = run("eval", tmp_path / "test.csv", *settings)
    assert first == second
    document = json.loads(first)
    assert (document["n"], document["split"], document["task"]) == (20, "test", "mine")
    assert document["notes"][0] == "Resampled by patient: 10 units, 20 images."
    _, third, _ = run(
        "eval", tmp_path / "all.csv", "--data", folder, "--split", "val", "--json", "--resamples", 99
    )
    assert json.loads(third)["n"] == 10
    code, _, message = run("eval", tmp_path / "test.csv", "--data", folder, "--split", "train")
    assert code == 2
    assert "10 missing image_id" in message


def test_split_of_a_table(dataset, tmp_path):
    _, manifest = dataset
    manifest.to_csv(tmp_path / "t.csv", index=False)
    manifest[["image_id"]].assign(pred=manifest["label"]).to_csv(tmp_path / "p.csv", index=False)
    arguments = ("eval", tmp_path / "p.csv", "--truth", tmp_path / "t.csv", "--json", "--resamples", 99)
    assert json.loads(run(*arguments)[1])["n"] == 40
    assert json.loads(run(*arguments, "--split", "test")[1])["n"] == 20
    code, _, message = run(*arguments, "--split", "exam")
    assert code == 2
    assert "no row has split 'exam'" in message


def test_installed_command_says_it_without_a_traceback(table, truth, tmp_path):
    bad = tmp_path / "bad.csv"
    table.iloc[1:].to_csv(bad, index=False)
    command = [sys.executable, "-m", "dermbench", "eval"]
    done = subprocess.run([*command, bad, "--truth", truth, *ORDER], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"error: {bad}: 1 problem\n  - 1 missing image_id: '001'\n"


@pytest.mark.long
def test_same_bytes_for_any_hash_seed(predictions, truth):
    command = [sys.executable, "-m", "dermbench", "eval", predictions, "--truth", truth, "--json", *ORDER]
    found = {
        subprocess.run(command, capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}).stdout
        for seed in ("0", "7")
    }
    assert len(found) == 1


def test_validation_predictions_give_abstention(dataset, tmp_path):
    folder, manifest = dataset
    rng = np.random.default_rng(0)
    y_prob = rng.dirichlet(np.ones(3), len(manifest))
    table = manifest[["image_id"]].assign(**{f"prob_{c}": y_prob[:, i] for i, c in enumerate(CLASSES)})
    table.to_csv(tmp_path / "p.csv", index=False)
    arguments = ("eval", tmp_path / "p.csv", "--data", folder, "--json", "--resamples", 99)
    code, out, _ = run(*arguments, "--validation", tmp_path / "p.csv")
    assert code == 0
    assert json.loads(out)["calibration"]["abstention"]["threshold"]["split"] == "val"
    without = json.loads(run(*arguments)[1])["calibration"]
    assert without["abstention"] == {"reason": "no validation predictions"}
    code, _, message = run(*arguments, "--split", "val", "--validation", tmp_path / "p.csv")
    assert code == 2
    assert "fitted on scored images" in message
    manifest.to_csv(tmp_path / "t.csv", index=False)
    lone = ("eval", tmp_path / "p.csv", "--truth", tmp_path / "t.csv", "--validation", tmp_path / "p.csv")
    assert "fitted on scored images" in run(*lone)[2]
    assert "--split test" in run(*lone)[2]


def test_the_model_is_named_by_its_file_or_by_name(predictions, truth):
    arguments = ("eval", predictions, "--truth", truth, "--json", "--resamples", 99)
    assert json.loads(run(*arguments)[1])["model"] == "predictions"
    assert json.loads(run(*arguments, "--name", "B4, seed 1")[1])["model"] == "B4, seed 1"


@pytest.fixture
def other_classes(tmp_path):
    """Predictions of a model that knows two kinds of nevus and calls acne by another name."""
    table = pd.DataFrame({"image_id": IDS, "prob_pimple": PROBS[:, 0], "prob_melanoma": PROBS[:, 2]})
    table = table.assign(prob_mole=PROBS[:, 1] / 2, prob_blue=PROBS[:, 1] / 2)
    table.to_csv(tmp_path / "other.csv", index=False)
    return tmp_path / "other.csv"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("map.csv", "model,truth\npimple,acne\nMole,nevus\nblue,Nevus\n"),
        ("map.tsv", "truth\tmodel\nacne\tpimple\nnevus\tmole\nnevus\tblue\n"),
        ("map.toml", "pimple = 'acne'\nmole = 'nevus'\nblue = 'nevus'\n"),
    ],
)
def test_a_class_map_gives_the_report_of_predictions_in_classes_of_the_truth(
    name, text, other_classes, predictions, truth, tmp_path
):
    (tmp_path / name).write_text(text)
    arguments = ("--truth", truth, "--json", *ORDER)
    code, out, _ = run("eval", other_classes, "--map", tmp_path / name, *arguments)
    assert code == 0
    mapped, plain = json.loads(out), json.loads(run("eval", predictions, *arguments)[1])
    assert mapped["provenance"].pop("interpreted") == [f"4 classes of the predictions mapped onto 3 by {name}."]
    plain["provenance"].pop("interpreted", None)
    assert mapped == plain


def test_classes_without_a_map_and_without_a_line_are_all_named(other_classes, truth, tmp_path):
    code, _, message = run("eval", other_classes, "--truth", truth, *ORDER)
    assert code == 2
    assert "a class map: --map FILE" in message
    (tmp_path / "map.csv").write_text("model,truth\nmole,nevus\n")
    code, _, message = run("eval", other_classes, "--truth", truth, "--map", tmp_path / "map.csv", *ORDER)
    assert code == 2
    assert "unknown class: 'pimple', 'blue'; classes: acne, nevus, melanoma" in message
    assert "Give each class of the model a line in map.csv" in message
    (tmp_path / "map.csv").write_text("model,truth\nmole,nevi\npimple,\n")
    code, _, message = run("eval", other_classes, "--truth", truth, "--map", tmp_path / "map.csv", *ORDER)
    assert code == 2
    assert "2 problems" in message
    assert "no class of the truth for 'pimple'" in message


def test_a_class_for_the_rest_takes_what_the_truth_lacks(other_classes, truth, tmp_path):
    (tmp_path / "map.csv").write_text("model,truth\npimple,acne\nmole,nevus\nblue,rest\n")
    settings = ("--classes", "acne,nevus,melanoma,rest", "--json", "--resamples", 99)
    code, out, _ = run("eval", other_classes, "--truth", truth, "--map", tmp_path / "map.csv", *settings)
    assert code == 0
    # nevus keeps half of its probability: .35 of '002' still wins, .15 of '5' never did
    assert json.loads(out)["overall"]["accuracy"]["value"] == pytest.approx(5 / 6, abs=1e-6)


def test_cases_are_scored_by_their_mean_probability(predictions, tmp_path):
    # cases: A 001+null (acne), B 002+5 (nevus), C NA, and x,y alone. Mean of B: acne .4, nevus .5: right
    table = pd.DataFrame({"image_id": IDS, "label": LABELS, "lesion_id": ["A", "B", "C", "A", "B", ""]})
    table.assign(fst=["1", "2", "5", "1", "3", "6"], sex=list("fmfffm")).to_csv(tmp_path / "t.csv", index=False)
    arguments = ("eval", predictions, "--truth", tmp_path / "t.csv", "--json", *ORDER)
    code, out, _ = run(*arguments, "--aggregate", "lesion_id", "--sensitive", "fst", "--sensitive", "fst,sex")
    assert code == 0
    document = json.loads(out)
    assert document["n"] == 4
    assert document["overall"]["accuracy"]["value"] == 1
    groups = document["features"]["fst"]["groups"]
    assert {name: group["n"] for name, group in groups.items()} == {"I": 1, "V": 1, "VI": 1, "unknown": 1}
    assert document["provenance"]["interpreted"] == [
        "6 images scored as 4 cases by lesion_id (mean probability).",
        "Images without lesion_id, each a case of its own: 1.",
        "Cases whose images differ in fst, which is unknown for them: 1.",
        "Cases whose images differ in sex, which is unknown for them: 1.",
    ]


def test_cases_that_cannot_be_scored(predictions, truth, tmp_path):
    arguments = ("eval", predictions, "--aggregate", "lesion_id", *ORDER)
    assert "the truth has no lesion_id" in run(*arguments, "--truth", truth)[2]
    table = pd.DataFrame({"image_id": IDS, "label": LABELS, "lesion_id": list("AABBCC")})
    table.to_csv(tmp_path / "t.csv", index=False)
    code, _, message = run(*arguments, "--truth", tmp_path / "t.csv")
    assert code == 2
    assert "lesion_id with more than one label: 'A', 'B', 'C'" in message


def test_missing_predictions_are_refused_or_count_as_wrong(table, truth, tmp_path):
    table.drop(index=[0, 4]).to_csv(tmp_path / "p.csv", index=False)
    arguments = ("eval", tmp_path / "p.csv", "--truth", truth, "--json", *ORDER)
    assert "2 missing image_id: '001', '5'" in run(*arguments)[2]
    assert "refuse or wrong" in run(*arguments, "--missing", "skip")[2]
    code, out, _ = run(*arguments, "--missing", "wrong")
    assert code == 0
    document = json.loads(out)
    assert document["provenance"]["interpreted"] == []
    (said,) = [sentence["text"] for sentence in document["summary"] if sentence["kind"] == "no_answer"]
    assert said.startswith("2 of 6 answers have no prediction (2); they count as wrong; by skin type: I")
    block = document["no_answer"]
    found = {name: (group["missing"], group["n"]) for name, group in block["features"]["fst"].items()}
    assert found == {"I": (1, 1), "II": (1, 2), "V": (0, 1), "VI": (0, 1), "unknown": (0, 1)}
    assert (block["overall"]["missing"], block["overall"]["n"]) == (2, 6)
    overall = document["overall"]
    assert overall["accuracy"]["value"] == pytest.approx(4 / 6, abs=1e-6)
    # 001 is acne: nevus is the first of the commonest other classes; 5 is nevus: acne is
    assert document["confusion"]["matrix"] == [[1, 1, 0], [1, 1, 0], [0, 0, 2]]
    kept = -np.log([0.7, 0.7, 0.5, 0.6]).sum()
    assert overall["log_loss"]["value"] == pytest.approx((kept - 2 * np.log(np.finfo(float).eps)) / 6, abs=1e-6)
    # true class 0, predicted class 2/3, the other 1/3
    lost = 1 + (2 / 3) ** 2 + (1 / 3) ** 2
    given = [0.04 + 0.49 + 0.01 - 0.49 + 0.09, 0.01 + 0.04 + 0.09, 0.25 + 0.09 + 0.04, 0.04 + 0.04 + 0.16]
    assert overall["brier"]["value"] == pytest.approx((sum(given) + 2 * lost) / 6, abs=1e-6)


def test_refused_and_unreadable_answers_count_as_wrong_and_are_told(table, truth, tmp_path):
    labels = pd.DataFrame({"image_id": table["image_id"], "pred": LABELS, "no_answer": ""})
    labels.loc[0, ["pred", "no_answer"]] = ["", "refused"]
    labels.loc[4, ["pred", "no_answer"]] = ["", "unparsable"]
    labels.to_csv(tmp_path / "p.csv", index=False)
    arguments = ("eval", tmp_path / "p.csv", "--truth", truth, *ORDER, "--out", tmp_path / "report")
    code, out, _ = run(*arguments)
    assert code == 0
    summed = "2 of 6 answers were refused (1) or could not be read (1); they count as wrong"
    pages = [(tmp_path / "report" / f"report.{kind}").read_text() for kind in ("md", "html")]
    assert all(summed in " ".join(text.split()) for text in (out, *pages))
    assert "Images without a usable prediction" in out
    document = json.loads((tmp_path / "report" / "report.json").read_text())
    assert document["overall"]["accuracy"]["value"] == pytest.approx(4 / 6, abs=1e-6)
    assert (document["no_answer"]["overall"]["refused"], document["no_answer"]["overall"]["unparsable"]) == (1, 1)
    labels.loc[0, "no_answer"] = "declined"
    labels.to_csv(tmp_path / "p.csv", index=False)
    code, _, message = run(*arguments)
    assert code == 2
    assert "'no_answer' is 'declined' for image_id '001'" in message


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("--primary", "accuracy"), ["write METRIC:FEATURE"]),
        (("--primary", "acuracy:fst"), ["did you mean 'accuracy'"]),
        (
            ("--primary", "accuracy:gender", "--margin", "2"),
            ["'gender' is not evaluated", "2 is not between 0 and 1"],
        ),
        (("--primary", "sensitivity:fst"), ["needs positive classes"]),
        (("--primary", "log_loss:fst"), ["the gaps of log_loss are not tested"]),
        (("--primary", "auroc_ovr:sex"), ["'sex' is not evaluated", "the gaps of auroc_ovr are not tested"]),
        (("--margin", "0"), ["0 is not between 0 and 1"]),
    ],
)
def test_a_primary_question_that_cannot_be_asked(arguments, parts, predictions, truth):
    code, _, message = run("eval", predictions, "--truth", truth, *arguments, *ORDER)
    assert code == 2
    assert all(part in message for part in parts), message


def test_a_primary_question_of_an_intersection(predictions, truth):
    settings = ("--sensitive", "fst,sex", "--primary", "macro_f1:fst,sex", "--margin", ".1", *ORDER)
    assert run("eval", predictions, "--truth", truth, *settings)[0] == 0
