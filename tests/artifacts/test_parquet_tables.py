from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dermbench.artifacts import parquet_tables
from dermbench.artifacts.tables import read_table
from dermbench.artifacts.text_form import to_text
from dermbench.errors import InputError

IDS = pa.array(["p1", "p2"])
BIG = 2465310371786178104


def stored(tmp_path, table, **options):
    pq.write_table(table, tmp_path / "t.parquet", **options)
    return tmp_path / "t.parquet"


def text_of_bytes(*values):
    offsets = np.cumsum([0, *map(len, values)]).astype(np.int32)
    return pa.Array.from_buffers(
        pa.string(), len(values), [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(b"".join(values))]
    )


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pa.array([7, None]), ["7", None]),
        (pa.array([BIG, None]), [str(BIG), None]),
        (pa.array([2**64 - 1, None], pa.uint64()), [str(2**64 - 1), None]),
        (pa.array([7.0, None]), ["7", None]),
        (pa.array([True, None]), ["True", None]),
        (pa.array([Decimal("0.250"), None]), ["0.250", None]),
        (pa.array(["x", None]).dictionary_encode(), ["x", None]),
        (pa.array([3, 4]).dictionary_encode(), ["3", "4"]),
        (pa.array(["x", None], pa.large_string()), ["x", None]),
        (pa.array([datetime(2021, 2, 3, tzinfo=UTC), None], pa.timestamp("us")), ["2021-02-03", None]),
        (pa.array([datetime(9999, 1, 2, tzinfo=UTC), None], pa.timestamp("ms")), ["9999-01-02", None]),
        (pa.array([None, None]), [None, None]),
    ],
)
def test_types_of_columns(tmp_path, column, text):
    frame = read_table(stored(tmp_path, pa.table({"image_id": IDS, "x": column}))).frame
    assert [None if pd.isna(cell) else cell for cell in to_text(frame["x"])] == text


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([[0.5, 0.5], []]), "column 'x' holds list"),
        (pa.array([{"nv": 1}, None]), "column 'x' holds struct"),
        (pa.array([b"a", b"b"]), "column 'x' holds binary"),
        (pa.array([b"aa", b"bb"], pa.binary(2)), "column 'x' holds fixed_size_binary"),
        (text_of_bytes(b"a", b"\xff\xfe"), "column 'x' is damaged: .*UTF8"),
        (pa.array([0, None], pa.timestamp("s", "No/Where")), "column 'x' is damaged"),
    ],
)
def test_columns_that_hold_no_text_and_no_number(tmp_path, column, message):
    with pytest.raises(InputError, match=message):
        read_table(stored(tmp_path, pa.table({"image_id": IDS, "x": column})))


def test_lists_of_numbers_where_they_are_asked_for(tmp_path, monkeypatch):
    table = pa.table({"image_id": IDS, "x": [[0.5, 1.5], [2.5, 3.5]]})
    path = stored(tmp_path, table)
    for source in (path, table.to_pandas()):
        assert [list(cell) for cell in read_table(source, lists=True).frame["x"]] == [[0.5, 1.5], [2.5, 3.5]]
    with pytest.raises(InputError, match="column 'x' holds list"):
        read_table(stored(tmp_path, pa.table({"image_id": IDS, "x": [["a"], ["b"]]})), lists=True)
    monkeypatch.setattr(parquet_tables, "MAX_BYTES", 1 << 20)
    with pytest.raises(InputError, match="unpacks to"):
        read_table(stored(tmp_path, pa.table({"x": [[0.0] * 100_000] * 20})), lists=True)


def test_a_column_that_is_there_twice(tmp_path):
    table = pa.Table.from_arrays([IDS, IDS, IDS], names=["image_id", "pred", "pred "])
    with pytest.raises(InputError, match="repeated columns: 'pred'"):
        read_table(stored(tmp_path, table))


@pytest.mark.parametrize(
    "note", [b"{", b"{}", b"[]", b"\xff", b'{"index_columns": [], "columns": [{"numpy_type": "no such type"}]}']
)
def test_what_pandas_noted_is_ignored(tmp_path, note):
    table = pa.table({"image_id": IDS, "fst": [1, 2]}).replace_schema_metadata({b"pandas": note})
    assert read_table(stored(tmp_path, table)).frame.to_dict("list") == {"image_id": ["p1", "p2"], "fst": [1, 2]}


@pytest.mark.parametrize("name", ["image_id", None])
def test_ids_in_the_index(tmp_path, name):
    frame = pd.DataFrame({"pred": ["nv", "mel"]}, index=pd.Index(["p1", "p2"], name=name))
    frame.to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert sorted(table.frame) == ["image_id", "pred"]
    assert table.interpreted == (() if name else ("t.parquet: unnamed index column read as image_id.",))


def test_row_numbers_in_the_index_are_no_ids(tmp_path):
    pd.DataFrame({"pred": ["nv", "mel"]}, index=[7, 3]).to_parquet(tmp_path / "t.parquet")
    assert list(read_table(tmp_path / "t.parquet").frame) == ["pred"]


def test_columns_are_read_a_few_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_tables, "GROUP_BYTES", 1)
    table = pa.table({"image_id": IDS, "a": [1, 2], "a.b": ["x", "y"], "a.b.c": [0.5, 1.5]})
    assert read_table(stored(tmp_path, table, row_group_size=1)).frame.to_dict("list") == table.to_pydict()


def test_damaged_metadata_of_a_column_do_not_end_the_process(tmp_path):
    """Damaged statistics of sizes end the process where pyarrow hands out the metadata of a column."""
    path = stored(tmp_path, pa.table({"image_id": ["p1", "p2"] * 9, "x": [0.5] * 18}))
    data = path.read_bytes()
    begin = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    for place in range(begin, len(data) - 8, 4):
        path.write_bytes(data[:place] + bytes([data[place] ^ 32]) + data[place + 1 :])
        try:
            read_table(path)
        except InputError:
            continue


def bombs():
    n = 20_000
    same = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, dtype=np.int32)), pa.array(["y" * 500]))
    yield "one long text for all rows", pa.table({"x": same}), {}
    yield "without Arrow's schema", pa.table({"x": same}), {"store_schema": False}
    constant = pa.array(np.zeros(n, dtype=np.int8))
    yield "one number for all rows", pa.table({f"x{k}": constant for k in range(9)}), {}
    texts = pa.array(["z" * 500 + str(i) for i in range(n)])
    coding = {"column_encoding": {"x": "DELTA_BYTE_ARRAY"}, "use_dictionary": False}
    yield "one long beginning for all rows", pa.table({"x": texts}), coding


@pytest.mark.parametrize("name", [name for name, *_ in bombs()])
def test_small_files_that_unpack_to_more_than_is_read(tmp_path, monkeypatch, name):
    monkeypatch.setattr(parquet_tables, "MAX_BYTES", 1 << 20)
    table, options = next((table, options) for found, table, options in bombs() if found == name)
    path = stored(tmp_path, table, **options)
    assert path.stat().st_size < 200_000
    with pytest.raises(InputError, match=r"unpacks to|does not tell its size"):
        read_table(path)
