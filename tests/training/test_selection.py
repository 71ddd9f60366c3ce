from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts import RunRecord
from dermbench.errors import UsageError
from dermbench.training import train
from dermbench.training.data.groups import Groups, group_codes, unit_codes
from dermbench.training.network.scoring import validation_scores
from dermbench.training.run.selection import SELECTIONS


def history(*rows):
    names = ("val_accuracy", "val_worst_accuracy", "val_macro_f1", "val_loss")
    return [{"epoch": k + 1, **dict(zip(names, row, strict=True))} for k, row in enumerate(rows)]


ROWS = history((0.6, 0.5, 0.50, 0.9), (0.8, 0.2, 0.55, 0.7), (0.7, 0.4, 0.60, 0.8))


@pytest.mark.parametrize(
    ("name", "epoch"),
    [
        ("accuracy", 2),
        ("macro_f1", 3),
        ("loss", 2),
        ("worst_group", 1),
        ("last", 3),
    ],
)
def test_each_rule_chooses_by_its_own_score(name, epoch):
    assert SELECTIONS[name].choose(ROWS)["epoch"] == epoch


def test_a_tie_keeps_the_earlier_epoch():
    assert SELECTIONS["accuracy"].choose([ROWS[0], ROWS[1], {**ROWS[1], "epoch": 3}]) is ROWS[1]


def test_scores_of_groups_by_hand():
    labels = np.tile([0, 1], 16)
    right = np.r_[np.repeat([True, False], [9, 3]), np.repeat([True, False], [4, 6]), np.zeros(10, dtype=bool)]
    predicted = np.where(right, labels, 1 - labels)
    groups = Groups.make("fst", ("I", "V", "unknown"), np.repeat([0, 1, 2], [12, 10, 10]))
    scores = validation_scores(labels, np.eye(2)[predicted] * 9, groups)
    assert scores["val_accuracy_I"] == 0.75
    assert scores["val_accuracy_V"] == pytest.approx(0.4)
    assert scores["val_worst_accuracy"] == pytest.approx(0.4)
    assert "val_accuracy_unknown" not in scores


def test_small_groups_and_unknown_skin_types_are_not_looked_at():
    groups = Groups.make("fst", ("I", "V", "unknown"), np.repeat([0, 1, 2], [10, 9, 30]))
    assert list(groups.known.values()) == ["I"]
    with pytest.raises(UsageError, match=r"'worst_group' compares groups of fst with 10 val .* too few: I\b"):
        groups.check("worst_group")


def test_groups_of_a_manifest(dataset, make_dataset, tmp_path):
    names, codes = group_codes(dataset, "fst")
    assert names == ("I", "II", "III", "IV", "V", "VI")
    assert len(codes["val"]) == 12
    assert set(codes) == {"train", "val"}
    assert group_codes(dataset, "fst_band")[0] == ("I-II", "III-IV", "V-VI")
    with pytest.raises(UsageError, match="no column 'sex'"):
        group_codes(dataset, "sex")
    dataset.manifest.loc[dataset.manifest["split"] == "train", "fst"] = pd.NA
    assert group_codes(dataset, "fst", ["train"])[0] == ("unknown",)


def test_units_are_patients_where_they_are_known():
    rows = pd.DataFrame({"image_id": list("abcd"), "patient_id": ["p", None, "p", "q"]})
    assert unit_codes(rows).tolist() == [0, 1, 0, 2]
    assert unit_codes(rows[["image_id"]]).tolist() == [0, 1, 2, 3]


def test_the_rule_is_recorded_with_its_groups_and_followed(make_dataset, tmp_path, run):
    twelve = make_dataset(tmp_path / "data", per_class=(8, 12, 1))
    options = ("selection=worst_group", "group_by=fst_band", "learning_rate=0.01", "epochs=4")
    record = run(twelve, tmp_path / "run", *options)
    assert record.selection.startswith("best accuracy of the worst group on val")
    assert record.selection.endswith("(fst_band with 10 val images or more: I-II, III-IV, V-VI)")
    table = pd.read_csv(tmp_path / "run" / "history.csv")
    assert {"val_worst_accuracy", "val_accuracy_V-VI"} <= set(table.columns)
    rows = table.to_dict("records")
    assert SELECTIONS["worst_group"].choose(rows)["epoch"] == record.best_epoch
    assert record.scores["val_worst_accuracy"] == pytest.approx(
        rows[record.best_epoch - 1]["val_worst_accuracy"], abs=1e-6
    )
    assert not list((tmp_path / "run" / "checkpoint").glob("best-*"))


def test_a_rule_without_groups_to_compare_is_refused_before_training(shared_dataset, tmp_path, run):
    with pytest.raises(UsageError, match="worst_group"):
        run(shared_dataset, tmp_path / "run", "selection=worst_group")
    assert not (tmp_path / "run" / "run.json").exists()


def test_the_command_prints_the_rule(shared_dataset, tmp_path, tiny):
    from typer.testing import CliRunner

    from dermbench.cli import app

    sets = [word for text in (*tiny, "epochs=1", "selection=loss") for word in ("--set", text)]
    done = CliRunner().invoke(
        app,
        [
            "train",
            "--data",
            str(shared_dataset.root),
            "--out",
            str(tmp_path / "run"),
            "--preset",
            "cpu-small",
            *sets,
        ],
    )
    assert done.exit_code == 0, done.output
    assert "Epoch 1 was kept (best loss on val): macro-F1 " in done.output
    assert RunRecord.read(tmp_path / "run" / "run.json").selection == "best loss on val"
    assert train(shared_dataset, tmp_path / "run", resume=True, quiet=True).status == "finished"
