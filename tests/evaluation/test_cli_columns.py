"""``dermbench eval`` and ``compare`` on tables whose columns are named and written as people do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermbench import compare, evaluate
from dermbench.errors import InputError, UsageError
from dermbench.inputs import adapt, load_reference

from .test_cli_eval import run

N = 40


@pytest.fixture
def truth(tmp_path):
    frame = pd.DataFrame(
        {
            "photo": [f"p{k:02}" for k in range(N)],
            "verdict": ["mel", "nv"] * (N // 2),
            "tone": ["I", "V", "V-VI", "unknown"] * (N // 4),
            "Gender": ["f", "f", "m", "N/A"] * (N // 4),
            "size": np.arange(N) / 4,
            "clinic": [10, 9, 2, -1] * (N // 4),
        }
    )
    frame.to_csv(tmp_path / "truth.csv", index=False)
    return tmp_path / "truth.csv"


@pytest.fixture
def predictions(tmp_path):
    ids = [f"p{k:02}" for k in range(N)]
    pd.DataFrame({"image_id": ids, "predicted_label": ["mel", "nv", "nv", "nv"] * (N // 4)}).to_csv(
        tmp_path / "p.csv", index=False
    )
    return tmp_path / "p.csv"


NAMED = {"id": "photo", "label": "verdict", "fst": "tone"}
OPTIONS = ("--id", "photo", "--label", "verdict", "--fst", "tone", "--resamples", "99")


def test_columns_are_named_and_bins_and_scales_given(truth, predictions):
    more = ("--sensitive", "size", "--bins", "size=2,5", "--sensitive", "clinic", "--ordered", "clinic")
    code, out, _ = run("eval", predictions, "--truth", truth, *OPTIONS, *more, "--sensitive", "skin type,sex")
    assert code == 0
    text = " ".join(out.split())
    assert "Read as: clinic is an ordered scale. size in bands from 2, 5. image_id from 'photo'" in text
    assert "fst: 10 unknown, because the table names no single skin type ('V-VI' 10); the band is known" in text


def test_groups_of_a_report(truth, predictions):
    report = evaluate(
        predictions, truth, **NAMED, sensitive=["size", "clinic", "Gender"], bins={"size": [2, 5]}, n_resamples=99
    ).report
    assert list(report.features) == ["size", "clinic", "sex"]
    assert [list(f.groups) for f in report.features.values()] == [
        ["<2", "2 to <5", "5+"],
        ["2", "9", "10", "unknown"],
        ["f", "m", "unknown"],
    ]
    assert [f.ordered for f in report.features.values()] == [True, False, False]
    assert report.provenance.interpreted[0] == "size in bands from 2, 5."


def test_the_same_table_as_csv_tsv_and_parquet_gives_the_same_report(tmp_path, truth, predictions):
    frame = pd.read_csv(truth)
    frame.to_csv(truth, index=False)
    frame.to_parquet(tmp_path / "truth.parquet")
    frame.to_csv(tmp_path / "truth.tsv", sep="\t", index=False)
    texts = {
        evaluate(
            predictions,
            tmp_path / f"truth.{suffix}",
            **NAMED,
            sensitive=["clinic"],
            ordered=["clinic"],
            n_resamples=99,
        ).report.text()
        for suffix in ("csv", "tsv", "parquet")
    }
    assert len(texts) == 1


def test_one_of_truth_and_predictions_has_the_column_of_ids(truth, predictions):
    pd.read_csv(truth).rename(columns={"photo": "image_id"}).to_csv(truth, index=False)
    pd.read_csv(predictions).rename(columns={"image_id": "photo"}).to_csv(predictions, index=False)
    named = {"image_id": "photo", "label": "verdict"}
    reference = load_reference(truth=truth, columns=named)
    assert len(reference.read(predictions)) == N
    with pytest.raises(UsageError, match="no column 'foto'"):
        load_reference(truth=truth, columns=named | {"image_id": "foto"}).read(predictions)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bins": ["size=2"]}, "--bins size: 'size' is not among the sensitive features to evaluate"),
        ({"sensitive": ["fst"], "bins": ["fst=3"]}, "skin types are ordered already"),
        ({"sensitive": ["sex"], "bins": ["sex=3"]}, "holds values that are not numbers: 'f', 'm'"),
        ({"sensitive": ["sex"], "ordered": ["sex"]}, "the order of its values is unknown: 'f', 'm'"),
        ({"sensitive": ["size"]}, "40 different numbers\n.*--bins size="),
        ({"label": "Verdikt"}, "no column 'Verdikt', which was named for label"),
    ],
)
def test_options_that_do_not_fit(truth, predictions, options, message):
    with pytest.raises(UsageError, match=message):
        evaluate(predictions, truth, **{**NAMED, **options}, n_resamples=99)


def test_a_dataset_folder_has_its_own_columns(tmp_path):
    with pytest.raises(UsageError, match="--label and --fst go with --truth"):
        evaluate("p.csv", data=tmp_path, label="x")


def test_logits_are_read_when_said(tmp_path, truth):
    frame = pd.DataFrame({"photo": [f"p{k:02}" for k in range(N)], "prob_mel": 2.0, "prob_nv": -1.0})
    frame.to_csv(tmp_path / "logits.csv", index=False)
    reference = load_reference(truth=truth, columns={"image_id": "photo", "label": "verdict"})
    with pytest.raises(InputError):
        adapt(reference).read(tmp_path / "logits.csv")
    found = adapt(reference, logits=True).read(tmp_path / "logits.csv")
    assert found.y_prob[0] == pytest.approx([1 / (1 + np.exp(-3)), 1 / (1 + np.exp(3))])


def test_models_that_share_a_file_name_are_named_by_their_folders(tmp_path, truth, predictions):
    for name in ("runA", "runB"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "predictions.csv").write_text(predictions.read_text())
    models = [tmp_path / name / "predictions.csv" for name in ("runA", "runB")]
    found = compare(
        models, truth, **NAMED, sensitive=["size"], bins=["size=5"], n_resamples=99, metrics=["accuracy"]
    ).comparison
    assert set(found.models) == {"runA/predictions", "runB/predictions"}
    assert found.provenance.truth_interpreted[0] == "size in bands from 5."


@pytest.mark.parametrize(
    ("task", "column", "value"),
    [
        ("fitzpatrick17k-9", "nine_partition_label", "benign dermal"),
        ("fitzpatrick17k-3", "three_partition_label", "malignant"),
    ],
)
def test_the_release_of_a_task_has_its_label_in_its_own_column(tmp_path, task, column, value):
    frame = pd.DataFrame(
        {
            "md5hash": ["a", "b"],
            "fitzpatrick_scale": ["-1", "3"],
            "label": ["psoriasis", "lupus"],
            "nine_partition_label": "inflammatory",
            "three_partition_label": "non-neoplastic",
        }
    )
    frame.loc[0, column] = value
    frame.to_csv(tmp_path / "fitzpatrick17k.csv", index=False)
    found = load_reference(truth=tmp_path / "fitzpatrick17k.csv", task=task).truth
    assert len(found.classes) == int(task[-1])
    assert found.table["label"].tolist()[0] == value
    assert found.table["fst"].fillna(0).tolist() == [0, 3]
    assert "label from" in " ".join(found.interpreted)
