"""A report, and the run and dataset that belong to it; others are refused with one message."""

import json

import document_records as made
import pytest

import dermbench
from dermbench.errors import InputError, UsageError
from dermbench.reporting.documents.evidence import gather


def test_records_that_belong_together(documents):
    found = gather(documents / "report", run=documents / "run", data=documents / "data")
    assert found.kept
    assert found.trained_on_dataset
    assert gather(documents / "report" / "report.json", run=documents / "run" / "run.json") == gather(
        documents / "report", run=documents / "run"
    )
    alone = gather(documents / "report")
    assert (alone.run, alone.dataset, alone.kept, alone.trained_on_dataset) == (None, None, False, False)


def test_predictions_of_another_content_are_not_kept(documents, tmp_path):
    dataset = made.write_data(tmp_path / "data")
    made.run_record(dataset).write(tmp_path / "run.json")
    made.write_predictions(tmp_path / "predictions" / "val.parquet", dataset, "val")
    (tmp_path / "predictions" / "test.csv").write_text("not,a\ntable")
    assert not gather(documents / "report", run=tmp_path).kept


def test_a_run_of_other_classes_is_refused(documents, tmp_path):
    record = made.run_record(made.write_data(tmp_path / "data"), classes=("melanoma", "wart"))
    record.write(tmp_path / "run.json")
    with pytest.raises(
        InputError, match=r"was trained on 2 classes \('melanoma', 'wart'\)[\s\S]*leave out --run"
    ) as error:
        gather(documents / "report", run=tmp_path)
    assert error.value.exit_code == 2


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"task": "other"}, "has the task 'other'; the report has 'tiny'"),
        ({"classes": ("melanoma", "nevus", "wart")}, "has 3 classes"),
        ({"patients": False}, "differs from what was evaluated as split 'test'"),
    ],
)
def test_another_dataset_is_refused(documents, tmp_path, changed, message):
    made.write_data(tmp_path / "data", **changed)
    with pytest.raises(InputError, match=message):
        gather(documents / "report", data=tmp_path / "data")


def test_a_report_of_another_split_or_of_cases(documents, tmp_path):
    predictions = made.write_predictions(tmp_path / "val.parquet", made.read_dataset(documents / "data"), "val")
    told = {"split": "val", "aggregate": "patient_id", "n_resamples": 99}
    dermbench.evaluate(predictions, data=documents / "data", **told).report.write(tmp_path / "report.json")
    assert gather(tmp_path, data=documents / "data").report.n == 5
    document = json.loads((tmp_path / "report.json").read_text())
    (tmp_path / "report.json").write_text(json.dumps(document | {"split": "all"}))
    with pytest.raises(InputError, match="differs from what was evaluated as split 'all'"):
        gather(tmp_path, data=documents / "data")


def test_files_that_are_not_records_are_refused(documents, tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        gather(tmp_path)
    (tmp_path / "report.json").write_text('{"schema": "dermbench.report/1"}')
    with pytest.raises(InputError, match="made by an older version of dermbench"):
        gather(tmp_path)
    with pytest.raises(UsageError, match="not a dataset folder"):
        gather(documents / "report", data=tmp_path)
    with pytest.raises(UsageError, match="no such file"):
        gather(documents / "report", run=tmp_path / "nowhere")
