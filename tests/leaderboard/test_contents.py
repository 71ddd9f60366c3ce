"""What lies in a board folder: links, special and oversized files, strays, converted line ends."""

from __future__ import annotations

import errno
import importlib
import os
import shutil
import socket

import pytest
from typer.testing import CliRunner

from dermbench.cli import app
from dermbench.errors import InputError
from dermbench.leaderboard import Effort, add, build, remove, verify
from dermbench.leaderboard.contents import scan

QUICK = Effort(quick=True)
NAMES = [".board.lock", "README.md", "index.jsonl", "leaderboard.csv", "leaderboard.json", "truth.csv"]


def found(board):
    (done,) = verify(board, effort=QUICK)
    assert done.problems or done.proved
    return done.problems


def refused(board, predictions):
    """Return what the verbs that write refuse the board for, which must be the same and must change nothing."""
    before = {path: path.lstat().st_mtime_ns for path in board.rglob("*")}
    messages = set()
    for verb in (
        lambda: build(board, effort=QUICK),
        lambda: add(board, predictions[2], name="Third"),
        lambda: remove(board, "Middle"),
    ):
        with pytest.raises(InputError) as caught:
            verb()
        messages.add(caught.value.problems)
    assert {path: path.lstat().st_mtime_ns for path in board.rglob("*")} == before
    (problems,) = messages
    return problems


def moved_away(path, outside):
    """Put a link to a copy elsewhere in place of a file or folder."""
    shutil.move(path, outside)
    path.symlink_to(outside)


@pytest.mark.parametrize("names", [NAMES, ["board.toml"]])
def test_a_link_in_place_of_a_file_is_never_followed(board, predictions, tmp_path, names):
    for name in names:
        moved_away(board / name, tmp_path / f"outside-{name}")
    before = [(tmp_path / f"outside-{name}").read_bytes() for name in names]
    sentences = [f"{name}: is a link; a board holds plain files" for name in names]
    assert found(board) == sentences
    assert refused(board, predictions) == tuple(sentences)
    assert [(tmp_path / f"outside-{name}").read_bytes() for name in names] == before


def test_a_folder_of_entries_that_is_a_link(board, predictions, tmp_path):
    moved_away(board / "entries", tmp_path / "outside")
    sentence = "entries: is a link; a board holds plain files and folders"
    assert sentence in found(board)
    assert refused(board, predictions) == (sentence,)
    assert (tmp_path / "outside/middle/entry.toml").is_file()


def test_entries_that_are_links(board, predictions, tmp_path):
    names = [".new-x", ".old-middle", "middle"]
    for name in names:
        (board / "entries" / name).mkdir(exist_ok=True)
        moved_away(board / "entries" / name, tmp_path / name)
    sentences = [f"entries/{name}: is a link; an entry is a folder" for name in names]
    assert found(board)[:3] == sentences
    assert refused(board, predictions) == tuple(sentences)
    assert all((tmp_path / name).is_dir() for name in names)


def test_a_board_that_is_a_link(board, tmp_path):
    root = tmp_path / "boards"
    root.mkdir()
    (root / "toy").symlink_to(board)
    assert [done.problems for done in verify(root)] == [["is a link to a board elsewhere"]]
    with pytest.raises(InputError, match="is a link to a board elsewhere"):
        build(root)
    assert not verify(root / "toy", effort=QUICK)[0].problems  # named by the caller


def special(kind, path):
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        place = os.open(path.parent, os.O_RDONLY)
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(f"/proc/self/fd/{place}/{path.name}")
        os.close(place)
    elif kind == "folder":
        path.mkdir()
    else:
        path.touch()
        os.truncate(path, 10 << 40)


KINDS = {"pipe": "a named pipe", "socket": "a device or socket", "folder": "a folder", "sparse": "bytes; at most"}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("pipe", "predictions.parquet"),
        ("socket", "report.json"),
        ("folder", "report.md"),
        ("sparse", "entry.toml"),
    ],
)
def test_a_part_of_an_entry_that_is_no_plain_file(board, predictions, kind, name):
    path = board / "entries/middle" / name
    path.unlink()
    special(kind, path)
    edited = board / "entries/good-one/report.md"
    edited.write_text(edited.read_text() + "more\n")
    first, second, *_ = found(board)
    assert first.startswith(f"entries/middle/{name}: ")
    assert KINDS[kind] in first
    assert second.startswith("entries/good-one/report.md: changed"), "the rest is checked"
    assert refused(board, predictions) == (first,)


def test_unknown_files_are_named_and_not_read(board):
    for kind in KINDS:
        special(kind, board / "entries/middle" / kind)
        special(kind, board / kind)
        special(kind, board / "entries" / f".{kind}")
    (board / "entries/labels.csv").touch()
    outside = [*(f"entries/.{kind}" for kind in sorted(KINDS)), "entries/labels.csv", *sorted(KINDS)]
    assert found(board) == [
        *(f"{where}: no part of a board" for where in outside),
        *(f"entries/middle/{kind}: not listed in entry.toml" for kind in sorted(KINDS)),
    ]


def test_files_of_the_board_that_are_too_large(board, predictions):
    names = ["README.md", "index.jsonl", "leaderboard.json", "reported.toml", "truth.csv"]
    for name in names:
        (board / name).touch()
        os.truncate(board / name, 10 << 40)
    problems = found(board)
    assert [line.split(": has 10,995,116,277,760 bytes; at most ")[0] for line in problems] == names
    assert refused(board, predictions) == tuple(problems)


def test_the_largest_files_that_are_read(board):
    sizes = {"README.md": 64 << 20, "entries/middle/predictions.parquet": 2 << 30, "truth.csv": 2 << 30}
    for name, size in sizes.items():
        os.truncate(board / name, size)
    assert not scan(board).problems
    for name, size in sizes.items():
        os.truncate(board / name, size + 1)
    assert [line.split(": has ")[0] for line in scan(board).unsafe] == list(sizes)


def test_invalid_entry_folder_names_are_findings(board, predictions):
    for name in ("Bad name", "a\nb", "-a"):
        (board / "entries" / name).mkdir()
    says = "no entry has a folder of this name"
    assert scan(board).unsafe == [f"entries/{name}: {says}" for name in ("-a", "Bad name", "a b")]
    assert scan(board).broken == {"-a", "Bad name", "a\nb"}


def test_entries_that_are_a_file(board):
    shutil.rmtree(board / "entries")
    (board / "entries").touch()
    assert scan(board).unsafe == ["entries: is not a folder"]


def test_a_link_beside_the_files_of_an_entry(board, tmp_path):
    (board / "entries/middle/more").symlink_to(tmp_path)
    contents = scan(board)
    assert contents.unsafe == ["entries/middle: holds a link; an entry holds plain files only"]
    assert not contents.broken, "its files are checked"


def test_up_to_the_limit_every_unknown_file_is_named(board):
    for number in range(20):
        (board / f"image-{number:02}.jpg").touch()
    assert len(scan(board).strays) == 20


def test_unknown_files_above_the_limit_are_counted(board):
    for number in range(30):
        (board / f"image-{number:02}.jpg").touch()
        (board / f"entries/middle/image-{number:02}.jpg").touch()
    problems = found(board)
    assert "10 more files or folders are no part of a board" in problems
    assert "entries/middle: 10 more files are not listed in entry.toml" in problems
    assert len(problems) == 42


def test_files_of_the_desktop_and_unfinished_writes_are_no_finding(board, predictions):
    for where in (board, board / "entries", board / "entries/middle"):
        for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
            (where / name).write_bytes(b"\x00")
    (board / "._README.md").touch()
    (board / ".README-ab12_x9z.md").touch()
    (board / "entries/.new-abc").mkdir()
    (done,) = verify(board, effort=QUICK)
    assert not done.problems
    assert done.unchecked[0].startswith("files of the operating system: '.DS_Store'")
    assert done.unchecked[1].startswith("left by an interrupted command, or of one that is running: ")
    add(board, predictions[2], name="Third")
    assert not build(board, effort=QUICK)[0].problems
    assert not (board / ".README-ab12_x9z.md").exists()
    assert not verify(board, effort=QUICK)[0].problems


def test_lookalikes_of_system_files_are_findings(board, tmp_path):
    (board / ".DS_Store").symlink_to(tmp_path)
    names = [".README-ab12_x9z.sh", "._README.txt", ".ds_store", ".env", "thumbs.db.exe"]
    for name in names:
        (board / name).touch()
    assert scan(board).strays == [f"{name}: no part of a board" for name in sorted([*names, ".DS_Store"])]


def convert(board):
    for path in board.rglob("*"):
        if path.suffix in {".md", ".toml", ".json", ".jsonl", ".csv"}:
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def test_converted_line_ends_are_one_sentence_with_the_remedy(board, predictions):
    convert(board)
    (only,) = found(board)
    assert only.startswith("CR LF is the line end in 7 files ('index.jsonl', 'entries/good-one/entry.toml' and 5")
    assert "core.autocrlf=false" in only
    assert refused(board, predictions) == (only,)
    done = CliRunner().invoke(app, ["leaderboard", "verify", str(board)])
    assert done.exit_code == 1


def test_a_clone_keeps_the_bytes_of_the_boards(project_root):
    assert "leaderboards/** -text" in (project_root / ".gitattributes").read_text().splitlines()


def test_other_line_ends_than_those_of_the_index(board):
    path = board / "README.md"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert found(board) == ["not what the entries give: README.md: line ends differ"]


def test_a_file_that_cannot_be_read_is_a_finding_and_the_rest_is_checked(board, monkeypatch):
    checking = importlib.import_module("dermbench.leaderboard.check_entry")
    digest = checking.file_digest

    def broken(path):
        if path.parent.name == "good-one" and path.name == "report.md":
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return digest(path)

    monkeypatch.setattr(checking, "file_digest", broken)
    edited = board / "entries/middle/report.md"
    edited.write_text(edited.read_text() + "more\n")
    first, second, *_ = found(board)
    assert first == "entries/good-one/report.md: cannot be read (Input/output error)"
    assert second.startswith("entries/middle/report.md: changed")
