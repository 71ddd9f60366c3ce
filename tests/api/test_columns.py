"""docs/reference/results.md lists the tables and columns that there are."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # makes `columns` importable

import columns


def test_the_page_lists_every_table_and_column():
    assert columns.written() == columns.listing(), "python tests/api/columns.py writes the list anew"


def test_every_column_of_a_table_is_listed_with_one_meaning():
    text = columns.written()
    for frames in columns.KINDS.values():
        for frame in frames.values():
            for column in frame.columns:
                assert f"| `{column.name}` | {column.kind} | {column.meaning}" in text
