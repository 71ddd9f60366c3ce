import itertools
import json
import os
import threading

import pytest

from dermbench.artifacts.files import Inside, atomic_path, dump_json, locked, write_json, write_text
from dermbench.errors import DermbenchError, UsageError


def test_a_failed_write_leaves_the_old_content(tmp_path):
    target = tmp_path / "a.txt"
    write_text(target, "old")

    def fail():
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        fail()
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_written_files_have_ordinary_permissions(tmp_path):
    old = os.umask(0o022)
    try:
        write_text(tmp_path / "deep" / "a.txt", "x\n")
    finally:
        os.umask(old)
    assert (tmp_path / "deep" / "a.txt").stat().st_mode & 0o777 == 0o644


def test_a_folder_in_the_way_is_one_message(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write there"):
        write_text(tmp_path / "file" / "a.txt", "x")


def test_json_is_canonical_and_refuses_nan(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": "é"})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "a": "é",\n  "b": 1\n}\n'
    assert json.loads(dump_json([1])) == [1]
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump_json({"a": float("nan")})


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd"])
def test_paths_stay_inside(tmp_path, path):
    with pytest.raises(UsageError, match="leads outside"):
        Inside(tmp_path)(path)


def test_a_link_cannot_lead_outside(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="leads outside"):
        Inside(tmp_path / "root")("link/secret")
    assert Inside(tmp_path / "root")("a/../b.jpg") == tmp_path / "root" / "b.jpg"


def test_paths_are_joined_as_if_each_were_resolved(tmp_path):
    root = tmp_path / "root"
    (root / "a" / "deep").mkdir(parents=True)
    (root / "a" / "x.jpg").write_bytes(b"")
    (root / "to-a").symlink_to("a")
    (root / "to-file").symlink_to("a/x.jpg")
    (root / "out-file").symlink_to("/etc/hostname")
    (root / "to-out").symlink_to(tmp_path)
    (tmp_path / "back").symlink_to(root)
    names = ["", ".", "..", "a", "x.jpg", "deep", "to-a", "to-file", "out-file", "to-out", "back", "/etc", "root"]
    join = Inside(root)
    for parts in itertools.product(names, repeat=3):
        relative = "/".join(parts)
        expected = (root / relative).resolve()
        if expected.is_relative_to(root.resolve()):
            assert join(relative) == expected, relative
        else:
            with pytest.raises(UsageError, match="leads outside"):
                join(relative)


def test_a_held_lock_is_a_message_not_a_hang(tmp_path):
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with locked(tmp_path / "lock"):
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait(10)
    try:
        with pytest.raises(DermbenchError, match="another process"), locked(tmp_path / "lock", seconds=0.05):
            pass
    finally:
        leave.set()
        thread.join()
