import sys
import zipfile
from datetime import UTC, datetime

import pytest

from dermbench.artifacts import xlsx_tables
from dermbench.artifacts.tables import read_table
from dermbench.artifacts.text_form import to_text
from dermbench.errors import DermbenchError, MissingDependencyError

openpyxl = pytest.importorskip("openpyxl")
SHEET = "xl/worksheets/sheet1.xml"
ROWS = [["image_id", "fst", "p"], ["p1", 3, 0.25], ["p2", None, 1]]


def saved(tmp_path, rows=ROWS, *, change=None, parts=None):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if change is not None:
        change(book)
    path = tmp_path / "t.xlsx"
    book.save(path)
    if parts is not None:
        with zipfile.ZipFile(path) as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
        parts(content)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in content.items():
                archive.writestr(name, data)
    return path


def text(table):
    return {name: to_text(table.frame[name]).fillna("").tolist() for name in table.frame}


def test_a_sheet_is_read_like_its_csv(tmp_path):
    rows = [[], *ROWS[:2], [], [*ROWS[2], None], [None, ""]]
    (tmp_path / "t.csv").write_text("image_id,fst,p\np1,3,0.25\np2,,1\n")
    table = read_table(saved(tmp_path, rows))
    assert text(table) == {"image_id": ["p1", "p2"], "fst": ["3", ""], "p": ["0.25", "1.0"]}
    from_csv = text(read_table(tmp_path / "t.csv"))
    assert {name: from_csv[name] for name in ("image_id", "fst")} == {"image_id": ["p1", "p2"], "fst": ["3", ""]}
    assert table.interpreted == ()


def test_numbers_days_and_an_index(tmp_path):
    day = datetime(2021, 2, 3, tzinfo=UTC).replace(tzinfo=None)
    rows = [[None, "image_id", "seen", "biopsy"], [0, 17, day, True], [1, 4, day.replace(hour=5), None]]
    table = read_table(saved(tmp_path, rows))
    assert text(table) == {
        "image_id": ["17", "4"],
        "seen": ["2021-02-03", "2021-02-03 05:00:00"],
        "biopsy": ["True", ""],
    }
    assert table.interpreted == ("t.xlsx: unnamed index column left out.",)


def other_sheet(book, state="visible"):
    book.create_sheet("notes").append(["seen"])
    book["notes"].sheet_state = state


def test_a_hidden_sheet_is_not_read(tmp_path):
    assert list(read_table(saved(tmp_path, change=lambda book: other_sheet(book, "hidden"))).frame) == ROWS[0]


def far_row(content):
    content[SHEET] = content[SHEET].replace(b'<row r="3"', b'<row r="999999999"')


def entity(content):
    content[SHEET] = b'<!DOCTYPE x [<!ENTITY a "aaa">]>' + content[SHEET]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"change": other_sheet}, "has 2 sheets with values: 'Sheet', 'notes'"),
        ({"change": lambda book: book.active.merge_cells("B2:B3")}, "has merged cells"),
        ({"rows": [["image_id", "p"], ["p1", "=1+1"]]}, "formulas without a value in row 2"),
        ({"rows": []}, "has no visible sheet with values"),
        ({"rows": [["p", "p"], [1, 2]]}, "repeated columns: 'p'"),
        ({"parts": far_row}, "more than 1,000 rows"),
        ({"parts": entity}, "has a document type"),
        ({"parts": lambda content: content.pop("xl/workbook.xml")}, "not a readable .xlsx workbook"),
        ({"parts": lambda content: content.update({SHEET: content[SHEET][:99]})}, "not a readable .xlsx workbook"),
    ],
)
def test_workbooks_that_would_be_misread_or_are_damaged(tmp_path, monkeypatch, options, message):
    monkeypatch.setattr(xlsx_tables, "MAX_ROWS", 1_000)
    with pytest.raises(DermbenchError) as caught:
        read_table(saved(tmp_path, **options))
    assert message in str(caught.value)


def test_a_small_archive_that_unpacks_to_much(tmp_path, monkeypatch):
    monkeypatch.setattr(xlsx_tables, "MAX_UNPACKED", 1 << 20)
    path = saved(tmp_path, parts=lambda content: content.update({"docProps/more.xml": b" " * (2 << 20)}))
    with pytest.raises(DermbenchError, match="unpacks to"):
        read_table(path)


def test_a_file_that_is_no_archive(tmp_path):
    (tmp_path / "t.xlsx").write_text("image_id,pred\n")
    with pytest.raises(DermbenchError, match="CSV UTF-8"):
        read_table(tmp_path / "t.xlsx")


def test_without_openpyxl_the_way_to_save_is_said(tmp_path, monkeypatch):
    path = saved(tmp_path)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MissingDependencyError, match=r"dermbench\[xlsx\].*\n*.*CSV"):
        read_table(path)
