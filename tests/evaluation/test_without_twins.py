"""``eval`` of a dataset whose duplicates are known."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score

import dermbench
from dermbench.artifacts import DatasetInfo, Report, make_predictions, make_truth, write_dataset, write_duplicates
from dermbench.artifacts.duplicates import DuplicatesInfo
from dermbench.artifacts.report import Disparity, reproducible, settled
from dermbench.errors import InputError
from dermbench.evaluation import evaluate
from dermbench.reporting.markdown import to_markdown
from dermbench.reporting.pages.report_html import to_html
from dermbench.reporting.sections.without_twins import TITLE

CLASSES = ("a", "b", "c")
N = 120


@pytest.fixture(scope="module")
def predictions():
    rng = np.random.default_rng(3)
    prob = rng.dirichlet([1, 1, 1], N)
    return make_predictions([f"t{i:03}" for i in range(N)], prob, CLASSES)


def make(folder):
    """Return a dataset of test images t000, t001, ..., and as many of train (n...) and val (v...)."""
    ids = [f"{letter}{i:03}" for letter in "ntv" for i in range(N)]
    rng = np.random.default_rng(4)
    table = pd.DataFrame(
        {
            "image_id": ids,
            "path": ids,
            "label": rng.choice(CLASSES, 3 * N),
            "split": np.repeat(["train", "test", "val"], N),
            "fst": rng.integers(1, 7, 3 * N),
            "patient_id": [f"p{i // 2}" for i in range(3 * N)],
        }
    )
    info = DatasetInfo(task="t", source="table", classes=CLASSES, image_root="images")
    return write_dataset(folder, info, table)


@pytest.fixture
def dataset(tmp_path):
    return make(tmp_path / "data")


@pytest.fixture(scope="module")
def both(tmp_path_factory, predictions):
    """The reports without the file, and with one by which every fifth test image is one of train."""
    folder = make(tmp_path_factory.mktemp("twins") / "data")
    return report(folder, predictions), report(with_groups(folder, range(0, N, 5)), predictions)


def with_groups(dataset, numbers):
    rows = [(f"{letter}{i:03}", f"n{i:03}", "verified") for i in numbers for letter in "nt"]
    table = pd.DataFrame(rows, columns=["image_id", "group", "kind"])
    write_duplicates(dataset.root, table, DuplicatesInfo(dataset_digest=dataset.info.digest, images=3 * N))
    return dataset


def report(dataset, predictions, **settings):
    return dermbench.evaluate(predictions, data=dataset.root, n_resamples=99, **settings).report


def test_scores_are_those_of_the_images_that_have_no_twin(both, dataset, predictions):
    found = both[1]
    truth = dataset.truth("test")
    kept = np.arange(N) % 5 != 0
    y_true, y_pred = truth.y_true[kept], predictions.y_pred[kept]
    block = found.without_twins
    assert block.n == 96
    assert block.overall["accuracy"].value == pytest.approx(accuracy_score(y_true, y_pred), abs=1e-6)
    assert block.overall["macro_f1"].value == pytest.approx(f1_score(y_true, y_pred, average="macro"), abs=1e-6)
    assert block.overall.keys() == found.overall.keys()
    assert found.notes[-1].startswith("24 of 120 images show the same photograph or lesion as one of the training")


def test_the_primary_row_is_that_of_an_evaluation_of_these_images_alone(both, dataset, predictions):
    found = both[1]
    truth = dataset.truth("test")
    rest = truth.table[np.arange(N) % 5 != 0]
    alone = make_truth(rest, classes=CLASSES)
    made = make_predictions(
        predictions.image_id[np.arange(N) % 5 != 0], predictions.y_prob[np.arange(N) % 5 != 0], CLASSES
    )
    again = evaluate(made, alone, sensitive=["fst"], n_resamples=99)
    assert isinstance(found.without_twins.primary, Disparity)
    assert found.without_twins.primary == again.features["fst"].disparities["accuracy"]
    assert found.without_twins.overall == again.overall


def test_all_else_is_the_report_without_the_file(both):
    plain, found = both
    assert plain.without_twins is None
    assert found.model_copy(update={"without_twins": None, "notes": plain.notes}) == plain


def test_the_block_survives_a_file_and_quick_checks(both, tmp_path):
    found = both[1]
    found.write(tmp_path / "report.json")
    assert Report.read(tmp_path / "report.json") == found
    document = json.loads((tmp_path / "report.json").read_text())["without_twins"]
    assert document.keys() == {"n", "overall", "primary"}
    assert "p_value" in reproducible(found)["without_twins"]["primary"]
    assert "p_value" not in settled(found)["without_twins"]["primary"]


def test_without_any_twin_the_scores_are_the_same(dataset, predictions):
    found = report(with_groups(dataset, []), predictions)
    assert found.without_twins.n == N
    assert found.without_twins.overall == found.overall
    assert found.notes[-1].startswith("No image shows the same photograph or lesion")
    assert TITLE not in to_markdown(found)


def test_where_every_image_has_a_twin_a_note_says_so(dataset, predictions):
    found = report(with_groups(dataset, range(N)), predictions)
    assert found.without_twins is None
    assert found.notes[-1].endswith("none is left without them.")


def test_a_case_with_one_such_image_is_left_out(dataset, predictions):
    manifest = dataset.manifest.assign(label=dataset.manifest["patient_id"].map(lambda p: CLASSES[int(p[1:]) % 3]))
    again = with_groups(write_dataset(dataset.root, dataset.info, manifest), [0, 1, 4])
    found = report(again, predictions, aggregate="patient_id")
    assert (found.n, found.without_twins.n) == (60, 58)


def test_predicted_classes_alone_will_do(dataset, predictions):
    labels = pd.DataFrame({"image_id": predictions.image_id, "pred": [CLASSES[i] for i in predictions.y_pred]})
    found = report(with_groups(dataset, [0, 5]), labels)
    assert found.without_twins.n == N - 2


def test_groups_of_another_manifest_stop_with_one_message(dataset, predictions):
    with_groups(dataset, [0])
    changed = dataset.manifest.assign(fst=1)
    write_dataset(dataset.root, dataset.info, changed)
    with pytest.raises(InputError, match="made for the content hash"):
        report(dataset, predictions)


def test_outputs_show_both_and_how_many_were_left_out(both):
    found = both[1]
    for text in (to_markdown(found), to_html(found)):
        assert TITLE in text
        assert "all (120)" in text
        assert "without twins (96)" in text
        assert "24 images left out" in text
