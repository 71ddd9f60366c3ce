import pandas as pd
import pytest

from dermbench.artifacts.duplicates import (
    DUPLICATES,
    DuplicatesInfo,
    dataset_duplicates,
    read_duplicates,
    twins_in_training,
    write_duplicates,
)
from dermbench.artifacts.manifest import DatasetInfo, read_dataset, write_dataset
from dermbench.errors import InputError, UsageError

GROUPS = pd.DataFrame({"image_id": ["3", "0", "1", "5"], "group": ["1", "0", "1", "0"], "kind": "verified"})


@pytest.fixture
def dataset(tmp_path):
    info = DatasetInfo(task="t", source="table", classes=("a", "b"), image_root="images")
    table = pd.DataFrame(
        {
            "image_id": [str(i) for i in range(6)],
            "path": [f"{i}.png" for i in range(6)],
            "label": ["a", "b"] * 3,
            "split": ["train", "train", "val", "test", "test", "test"],
        }
    )
    return write_dataset(tmp_path / "data", info, table)


def about(dataset):
    return DuplicatesInfo(dataset_digest=dataset.info.digest, images=6, settings={"inliers": 12})


def test_what_is_written_is_read(dataset):
    path = write_duplicates(dataset.root, GROUPS, about(dataset))
    read = read_duplicates(path)
    assert path.name == DUPLICATES
    assert read.table["image_id"].tolist() == ["0", "1", "3", "5"]
    assert read.group_of() == {"0": "0", "1": "1", "3": "1", "5": "0"}
    assert read.info == about(dataset)
    assert read_dataset(dataset.root).info.digest == dataset.info.digest


@pytest.mark.parametrize(
    ("split", "expected"),
    [("test", {"3", "5"}), ("val", set()), ("train", set()), ("train+val", set()), ("val+test", {"3", "5"})],
)
def test_twins_are_those_of_images_that_a_model_may_have_seen(dataset, split, expected):
    write_duplicates(dataset.root, GROUPS, about(dataset))
    assert twins_in_training(dataset, split, dataset_duplicates(dataset)) == expected


def test_two_test_images_of_one_photograph_are_no_twins_of_training(dataset):
    inner = pd.DataFrame({"image_id": ["3", "4"], "group": "3", "kind": "exact"})
    write_duplicates(dataset.root, inner, about(dataset))
    assert twins_in_training(dataset, "test", dataset_duplicates(dataset)) == set()


def test_a_dataset_without_the_file_has_none(dataset):
    assert dataset_duplicates(dataset) is None


def test_groups_of_another_manifest_are_refused(dataset):
    stale = about(dataset).model_copy(update={"dataset_digest": "sha256:0"})
    write_duplicates(dataset.root, GROUPS, stale)
    with pytest.raises(InputError, match=r"made for the content hash sha256:0") as caught:
        dataset_duplicates(dataset)
    assert "--write-groups" in str(caught.value)


def test_images_that_the_dataset_does_not_have_are_refused(dataset):
    write_duplicates(dataset.root, GROUPS.assign(image_id=["3", "0", "1", "x"]), about(dataset))
    with pytest.raises(InputError, match="no images of the dataset: 'x'"):
        dataset_duplicates(dataset)


def test_a_file_of_unknown_origin_is_refused_beside_a_manifest_and_read_by_itself(dataset):
    path = dataset.root / DUPLICATES
    GROUPS.to_parquet(path, index=False)
    with pytest.raises(InputError, match="does not say which manifest"):
        dataset_duplicates(dataset)
    assert read_duplicates(path).info is None


def test_a_table_of_ones_own_needs_two_columns(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("image_id,group\n007,a\n012,a\n")
    read = read_duplicates(path)
    assert read.group_of() == {"007": "a", "012": "a"}
    assert set(read.table["kind"]) == {"verified"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("image_id,label\na,b\n", "no column group"),
        ("image_id,group\na,1\na,2\n", "repeated image_id: 'a'"),
        ("image_id,group\na,\n", "empty group in 1 rows"),
    ],
)
def test_malformed_tables_are_refused(tmp_path, text, problem):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=problem):
        read_duplicates(path)


def test_damaged_and_absent_files_are_refused(dataset):
    path = dataset.root / DUPLICATES
    path.write_bytes(b"PAR1 nothing")
    with pytest.raises(InputError, match="parquet"):
        dataset_duplicates(dataset)
    path.unlink()
    path.symlink_to(dataset.root / "nowhere")
    with pytest.raises(UsageError, match="no such file"):
        dataset_duplicates(dataset)


def test_metadata_that_are_no_record_are_refused(dataset):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({name: GROUPS[name].astype(str).tolist() for name in GROUPS})
    for text in (b"{", b'{"schema": "dermbench.duplicates/9", "dataset_digest": "x", "images": 1}'):
        pq.write_table(table.replace_schema_metadata({b"dermbench": text}), dataset.root / DUPLICATES)
        with pytest.raises(InputError):
            dataset_duplicates(dataset)
