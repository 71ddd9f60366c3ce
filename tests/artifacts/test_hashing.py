import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermbench.artifacts.hashing import digest_and_bytes, file_digest, table_digest, text_digest
from dermbench.artifacts.tables import read_table, write_table


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "image_id": ["001", "NA", "null"],
            "fst": pd.array([1, None, 6], dtype="Int64"),
            "p": [0.1, 0.2, 0.30000000000000004],
            "sex": pd.array(["f", None, ""], dtype="string"),
        }
    )


def test_known_digests(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert file_digest(tmp_path / "empty") == text_digest("") == empty


def test_a_file_that_is_small_enough_is_read_and_hashed_at_once(tmp_path):
    (tmp_path / "a").write_bytes(b"four")
    digest = file_digest(tmp_path / "a")
    assert digest_and_bytes(tmp_path / "a", limit=4) == (digest, b"four")
    assert digest_and_bytes(tmp_path / "a", limit=3) == (digest, None)


def test_row_and_column_order_do_not_matter(table):
    other = table.iloc[::-1][["sex", "p", "fst", "image_id"]]
    assert table_digest(other) == table_digest(table)


def test_parquet_round_trip_keeps_the_digest(table, tmp_path):
    write_table(tmp_path / "t.parquet", table)
    assert table_digest(read_table(tmp_path / "t.parquet").frame) == table_digest(table)


@pytest.mark.parametrize(
    ("column", "row", "value"),
    [("image_id", 0, "1"), ("fst", 1, 1), ("p", 2, 0.3), ("sex", 1, ""), ("sex", 2, None)],
)
def test_every_change_changes_the_digest(table, column, row, value):
    changed = table.copy()
    changed.loc[row, column] = value
    assert table_digest(changed) != table_digest(table)


def test_negative_zero_is_zero_and_int_is_its_float(table):
    assert table_digest(table.assign(p=0.0)) == table_digest(table.assign(p=-0.0))
    assert table_digest(table.assign(p=2)) == table_digest(table.assign(p=2.0))


def test_where_the_files_lie_does_not_matter(table):
    here = table.assign(path=["a.jpg", "b.jpg", "c.jpg"])
    there = table.assign(path=["train/a.jpg", "train/b.jpg", None])
    assert table_digest(here) == table_digest(there) == table_digest(table)


@given(st.lists(st.text(), min_size=1, max_size=6, unique=True), st.integers(0, 5))
def test_text_cannot_move_between_cells(texts, seed):
    frame = pd.DataFrame({"image_id": [str(i) for i in range(len(texts))], "a": texts})
    shuffled = np.random.default_rng(seed).permutation(texts)
    other = frame.assign(a=shuffled)
    assert (table_digest(other) == table_digest(frame)) == (list(shuffled) == texts)
