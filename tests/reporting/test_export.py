"""Files that belong together are written together, or not at all."""

import pytest

from dermbench.errors import UsageError
from dermbench.reporting.export import write_together
from tests.faults import leftovers


def test_either_all_files_are_written_or_none(tmp_path):
    target = tmp_path / "report.json"
    texts = {tmp_path / "tables" / "groups.csv": "a", tmp_path / "report.md": "b", target: "c"}
    assert write_together(target, texts, {}) == list(texts)
    assert [path.read_text() for path in texts] == ["a", "b", "c"]
    (tmp_path / "blocked").write_text("a file where a folder should be")
    worse = {tmp_path / "blocked" / "groups.csv": "A", tmp_path / "report.md": "B", target: "C"}
    with pytest.raises(UsageError, match="blocked"):
        write_together(target, worse, {})
    last = {tmp_path / "report.md": "B", target: "C", tmp_path / "blocked" / "groups.csv": "A"}
    with pytest.raises(UsageError, match="blocked"):
        write_together(target, last, {})
    assert [path.read_text() for path in texts] == ["a", "b", "c"]
    assert leftovers(tmp_path) == []


def test_only_leftovers_of_a_killed_run_are_removed(tmp_path):
    target, folder = tmp_path / "report.json", tmp_path / "tables"
    folder.mkdir()
    for name in (".groups-abcd1234.csv", ".mine-abcd1234.csv", "other.csv"):
        (folder / name).write_text("x")
    write_together(target, {folder / "groups.csv": "a", target: "c"}, {})
    assert {path.name for path in folder.iterdir()} == {"groups.csv", ".mine-abcd1234.csv", "other.csv"}
