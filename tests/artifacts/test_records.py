import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from dermbench.artifacts import Cell, DatasetInfo, Entry, RunRecord, read_dataset, undefined, write_dataset
from dermbench.artifacts.entry import read_entry, write_entry
from dermbench.artifacts.records import rounded_floats
from dermbench.errors import InputError, UsageError


@pytest.fixture
def manifest():
    return pd.DataFrame(
        {
            "image_id": ["b", "a", "c"],
            "path": ["b.jpg", "a.jpg", "c.jpg"],
            "label": ["x", "y", "x"],
            "split": ["train", "test", "train"],
            "fst": [1, None, 6],
            "note": ["1", "", "z"],
        }
    )


@pytest.fixture
def info():
    return DatasetInfo(task="t", source="table", classes=("x", "y"), image_root="images")


def test_dataset_round_trip(manifest, info, tmp_path):
    made = write_dataset(tmp_path / "d", info, manifest)
    read = read_dataset(tmp_path / "d")
    pd.testing.assert_frame_equal(read.manifest, made.manifest)
    assert read.info == made.info
    assert read.info.images == {"train": 2, "test": 1}
    assert read.info.fst == {"1": 1, "6": 1, "unknown": 1}
    assert read.paths(read.part("test")) == [tmp_path / "d" / "images" / "a.jpg"]
    assert read.truth("train").y_true.tolist() == [0, 0]
    assert "path" not in read.truth("train").table


def test_a_changed_manifest_is_noticed(manifest, info, tmp_path):
    dataset = write_dataset(tmp_path, info, manifest)
    dataset.manifest.assign(label="x").to_parquet(tmp_path / "manifest.parquet")
    with pytest.raises(InputError, match="changed after it was prepared"):
        read_dataset(tmp_path)


def test_a_manifest_with_every_fault(manifest, info, tmp_path):
    manifest.loc[0, ["image_id", "label", "split"]] = ["a", "z", "dev"]
    manifest.loc[2, "path"] = ""
    with pytest.raises(InputError) as caught:
        write_dataset(tmp_path, info, manifest)
    assert len(caught.value.problems) == 4
    assert not list(tmp_path.iterdir())


def test_paths_of_a_manifest_stay_inside(manifest, info, tmp_path):
    dataset = write_dataset(tmp_path, info, manifest.assign(path="../../etc/passwd"))
    with pytest.raises(UsageError, match="leads outside"):
        dataset.paths(dataset.manifest)


def test_not_a_dataset_folder(tmp_path):
    with pytest.raises(UsageError, match="dermbench data prepare"):
        read_dataset(tmp_path)
    (tmp_path / "dataset.toml").write_text("a = [")
    (tmp_path / "manifest.parquet").write_text("")
    with pytest.raises(InputError, match="not TOML"):
        read_dataset(tmp_path)
    (tmp_path / "dataset.toml").write_text("surprise = 1")
    with pytest.raises(InputError, match="surprise"):
        read_dataset(tmp_path)


def test_an_undefined_cell_needs_a_reason():
    assert undefined("no image").document() == {"value": None, "reason": "no image"}
    with pytest.raises(ValidationError, match="needs a reason"):
        Cell(value=None)
    cell = Cell(value=np.float64(0.123456789), low=0.1, high=0.2, n=10, method="wilson")
    assert cell.document() == {"value": 0.123457, "low": 0.1, "high": 0.2, "n": 10, "method": "wilson"}


def test_records_round_floats_and_refuse_nan():
    assert rounded_floats({"a": [-1e-9, 0.12345678], "b": 3}) == {"a": [0.0, 0.123457], "b": 3}
    assert str(rounded_floats(-1e-9)) == "0.0"
    with pytest.raises(ValueError, match="no NaN"):
        rounded_floats([float("nan")])


def test_run_record_round_trip_and_faults(tmp_path):
    run = RunRecord(
        status="finished",
        task="t",
        classes=("a", "b"),
        dataset_digest="sha256:0",
        config={"lr": 0.1},
        seed=0,
        device="cpu",
        precision="float32",
        pretrained="none",
        selection="last",
    )
    run.write(tmp_path / "run.json")
    assert RunRecord.read(tmp_path / "run.json") == run
    (tmp_path / "run.json").write_text('{"schema": "dermbench.run/9", "seed": "x"}')
    with pytest.raises(InputError) as caught:
        RunRecord.read(tmp_path / "run.json")
    assert len(caught.value.problems) > 5
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        RunRecord.read(tmp_path / "run.json")
    with pytest.raises(UsageError, match="no such file"):
        RunRecord.read(tmp_path / "none.json")


def test_entry_round_trip(tmp_path):
    entry = Entry(name="lite0, seed 0", authors="A | B", link="https://example.org/x?y=1", seed=0)
    write_entry(tmp_path / "entry.toml", entry)
    assert read_entry(tmp_path / "entry.toml") == entry


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "x" * 81},
        {"name": "a\nb"},
        {"authors": "\u202eevil"},
        {"model": "x" * 500},
        {"link": "javascript:alert(1)"},
        {"link": "https://x.org/) [a](b"},
        {"surprise": 1},
    ],
)
def test_hostile_entries(change, tmp_path):
    with pytest.raises(ValidationError):
        Entry(**({"name": "x"} | change))
