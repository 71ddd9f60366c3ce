import os
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermbench.artifacts.tables import read_table
from dermbench.artifacts.text_form import to_text
from dermbench.errors import DermbenchError, InputError, UsageError

ROWS = {"image_id": ["p1", "p2", "p3"], "pred": ["nv", "mel", "nv"]}
PLAIN = "image_id,pred\np1,nv\np2,mel\np3,nv\n"
READ = {
    "semicolons": (PLAIN.replace(",", ";"), "fields separated by ';'"),
    "tabs": (PLAIN.replace(",", "\t"), "fields separated by a tab"),
    "sep= of Excel": ("sep=;\n" + PLAIN.replace(",", ";"), "fields separated by ';'"),
    "byte order mark": ("\ufeff" + PLAIN, ""),
    "windows lines": (PLAIN.replace("\n", "\r\n"), ""),
    "lines of an old Mac": (PLAIN.replace("\n", "\r"), ""),
    "blank lines": ("\n" + PLAIN.replace("\n", "\n\n"), ""),
    "empty rows at the end": (PLAIN + ",\n , \n", ""),
    "blanks in the header": (PLAIN.replace("image_id,pred", " image_id , pred "), ""),
    "quotes": ('"image_id","pred"\n"p1","nv"\n"p2","mel"\n"p3","nv"\n', ""),
    "separators at the end": (
        "image_id,pred\np1,nv,\np2,mel,\np3,nv,\n",
        "separators at the end of lines left out",
    ),
    "two at the end": ("image_id,pred\np1,nv,,\np2,mel,,\np3,nv,,\n", "separators at the end of lines left out"),
    "at the end of the header": ("image_id,pred,\np1,nv\np2,mel\np3,nv\n", "separators at the end of the header"),
    "at the end of both": ("image_id,pred,\np1,nv,\np2,mel,\np3,nv,\n", "1 empty unnamed column left out"),
    "index of pandas": (",image_id,pred\n0,p1,nv\n1,p2,mel\n2,p3,nv\n", "unnamed index column left out"),
    "index read again": (
        "Unnamed: 0,image_id,pred\n4,p1,nv\n2,p2,mel\n9,p3,nv\n",
        "unnamed index column left out",
    ),
    "index of names": (",image_id,pred\nx,p1,nv\ny,p2,mel\nz,p3,nv\n", "unnamed index column left out"),
    "ids in the index": (",pred\np1,nv\np2,mel\np3,nv\n", "unnamed index column read as image_id"),
    "table of R": ("image_id,pred\n1,p1,nv\n2,p2,mel\n3,p3,nv\n", "unnamed index column left out"),
    "ids in row names of R": (
        '"pred"\n"p1","nv"\n"p2","mel"\n"p3","nv"\n',
        "unnamed index column read as image_id",
    ),
}


def written(tmp_path, content, name="t.csv"):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return tmp_path / name


def refusal(source):
    with pytest.raises(DermbenchError) as caught:
        read_table(source)
    return str(caught.value)


@pytest.mark.parametrize(("content", "fact"), READ.values(), ids=READ)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_tables_as_people_write_them(tmp_path, content, fact, encoding):
    if encoding == "utf-16":
        content = content.removeprefix("\ufeff").encode(encoding)
    table = read_table(written(tmp_path, content))
    assert table.frame.to_dict("list") == ROWS
    said = " ".join(table.interpreted)
    assert fact in said
    assert ("UTF-16" in said) == (encoding == "utf-16")
    assert len(table.interpreted) == bool(fact or encoding == "utf-16")


def test_the_suffix_is_believed_where_it_fits(tmp_path):
    assert read_table(written(tmp_path, PLAIN, "t.tsv")).interpreted == ("t.tsv: fields separated by ','.",)
    both = read_table(written(tmp_path, "image_id,note;x\na,1;2\n"))
    assert list(both.frame) == ["image_id", "note;x"]
    assert not both.decimal_comma
    other = read_table(written(tmp_path, "image_id;label;site, region\na;mel;arm\n"))
    assert list(other.frame) == ["image_id", "label", "site, region"]
    assert other.decimal_comma


REFUSED = {
    "one row longer": ("image_id,label,fst\na,nv,2\nb,mel,5,x\nc,nv,1\n", "line 3 has 4 fields, the header has 3"),
    "one row shorter": ("image_id,label\na,nv\nb\n", "line 3 has 1 field, the header has 2"),
    "behind a quoted line end": ('image_id,label\n"a\nb",nv\nc,nv,x\n', "line 4 has 3 fields"),
    "all rows longer": ("image_id,label\na,nv,2,x\nb,mel,5,y\n", "rows have 4 fields, the header has 2"),
    "last name missing": ("image_id,label\na,nv,2\nb,mel,5\n", "rows have 3 fields, the header has 2"),
    "last name missing, ids are numbers": ("image_id,label\n1,nv,2\n2,nv,5\n", "rows have 3 fields"),
    "index or separator at the end": ("image_id,label\n1,nv,\n2,mel,\n", "rows have 3 fields"),
    "some separators at the end": ("image_id,label\na,nv,\nb,mel\n", "line 2 has 3 fields"),
    "values without a name": ("image_id,,label\na,7,nv\n", "column 2 has values but no name"),
    "no header": (
        "0.25,0.75\n0.5,0.5\n",
        "the first line holds numbers (0.25, 0.75, ...) instead of column names",
    ),
    "name twice": ("image_id,label, label\na,x,y\n", "repeated columns: 'label'"),
    "quote never closed": ('image_id,label\na,"nv\nb,mel\nc,nv\n', "a quote is opened and never closed"),
    "nothing": ("", "not a readable .csv table: it is empty"),
    "line ends": ("\n\n", "not a readable .csv table: it is empty"),
    "latin-1": ("image_id,label\na,nv\nb,n\xe6vus\n".encode("latin-1"), "line 3 is not UTF-8 (byte 0xe6)"),
    "latin-1 header": ("image_id,\xe9tat\na,nv\n".encode("latin-1"), "line 1 is not UTF-8 (byte 0xe9)"),
    "half UTF-16": ("image_id,label\n".encode("utf-16")[:-1], "damaged UTF-16 text"),
    "NUL": (b"image_id,label\na\0,nv\n", "holds NUL bytes, which are not text"),
    "an image": (b"\x89PNG\r\n\x1a\n\xff", "not a readable .csv table"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_columns_are_never_shifted_and_nothing_is_dropped(tmp_path, content, message):
    source = written(tmp_path, content)
    assert message in refusal(source)
    assert str(source) in refusal(source)


def test_every_line_that_differs_is_counted(tmp_path):
    text = "image_id,label\n" + "a,nv\n" + "b,nv,x\n" * 7
    message = refusal(written(tmp_path, text))
    assert "line 3 has 3 fields" in message
    assert "2 more lines" in message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("t.jsonl", "lines=True"),
        ("t.json", "read_json"),
        ("t.npz", "prob_<class>"),
        ("t.pkl", "prob_<class>"),
        ("t.csv.gz", "unpack"),
        ("t.xls", "CSV UTF-8"),
        ("t.png", "not .png"),
        ("t", "without suffix"),
    ],
)
def test_other_files_are_refused_with_the_way_to_save_them(tmp_path, name, message):
    text = refusal(written(tmp_path, b"x", name))
    assert ".csv, .tsv, .tab, .xlsx or .parquet" in text
    assert message in text


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xlsx", ".json"])
def test_only_plain_files_are_opened(tmp_path, suffix):
    os.mkfifo(tmp_path / f"pipe{suffix}")
    (tmp_path / f"folder{suffix}").mkdir()
    for name in ("pipe", "folder", "none"):
        with pytest.raises(UsageError, match=f"{name}\\{suffix}: "):
            read_table(tmp_path / f"{name}{suffix}")


def test_a_wide_header_is_judged_at_once(tmp_path):
    header = "image_id," + ",".join(f"c{i}" for i in range(200_000))
    began = time.perf_counter()
    assert "200,001 columns, more than 16,384" in refusal(written(tmp_path, header + "\n"))
    names = ",".join(f"c{i}" for i in range(5_000))
    assert "repeated columns: 'c0'" in refusal(written(tmp_path, f"{names},c0\n"))
    assert time.perf_counter() - began < 5


def test_the_index_of_a_data_frame(tmp_path):
    frame = pd.DataFrame({"pred": ["nv", "mel"]}, index=["p1", "p2"])
    assert read_table(frame).frame["image_id"].tolist() == ["p1", "p2"]
    assert list(read_table(frame.rename_axis("image_id")).frame) == ["image_id", "pred"]
    assert list(read_table(frame.set_axis([5, 3])).frame) == ["pred"]
    given_ids = read_table(frame.assign(image_id=["a", "b"]).set_axis([5, 3]))
    assert (list(given_ids.frame), given_ids.interpreted) == (["pred", "image_id"], ())


@pytest.mark.parametrize("cell", [[0.2, 0.8], {"nv": 1}, np.ones(2), b"p1", ("a",)])
def test_a_cell_of_a_data_frame_is_one_value(cell):
    frame = pd.DataFrame({"image_id": ["a", "b"], "probs": pd.Series(["x", cell], dtype=object)})
    with pytest.raises(InputError, match=f"column 'probs' holds {type(cell).__name__}"):
        read_table(frame)


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=4)


@settings(max_examples=25)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5), st.sampled_from(",;\t"), st.booleans())
def test_what_is_written_is_read(tmp_path_factory, rows, separator, quoted):
    frame = pd.DataFrame([("begin", "begin"), *rows, ("end", "end")], columns=["image_id", "label"])
    path = tmp_path_factory.mktemp("written") / "t.csv"
    frame.to_csv(path, index=False, sep=separator, quoting=int(quoted))
    read = read_table(path).frame
    for name in frame:
        assert to_text(read[name]).fillna("").tolist() == to_text(frame[name]).fillna("").tolist()
