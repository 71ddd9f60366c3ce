import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dermbench.artifacts.outputs import remove_leftovers, sole_writer, sole_writer_of
from dermbench.errors import UsageError

HOLD = """
import sys, time
from dermbench.artifacts.outputs import sole_writer
with sole_writer(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_writer_of_a_folder_is_refused_and_told_where_the_lock_is(tmp_path):
    out = tmp_path / "deep" / "out"
    with sole_writer(out):
        with (
            pytest.raises(
                UsageError, match=r"another process is writing there \(it holds .*out/\.dermbench\.lock\)"
            ) as caught,
            sole_writer(out),
        ):
            pass
        assert "--out" in str(caught.value)
        (out / "a.txt").write_text("x")
    assert [path.name for path in out.iterdir()] == ["a.txt"]
    with sole_writer(out):
        pass


def test_a_folder_in_which_nothing_was_written_is_gone_again(tmp_path):
    with pytest.raises(RuntimeError), sole_writer(tmp_path / "deep" / "out"):
        raise RuntimeError
    assert not (tmp_path / "deep").exists()


def test_writers_of_one_file_wait_for_each_other(tmp_path):
    order, entered, leave = [], threading.Event(), threading.Event()

    def first():
        with sole_writer_of(tmp_path / "p.parquet"):
            entered.set()
            leave.wait(10)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    entered.wait(10)
    threading.Timer(0.1, leave.set).start()
    with sole_writer_of(tmp_path / "p.parquet"):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
    assert not list(tmp_path.iterdir())


def test_what_a_killed_writer_left_goes_and_nothing_else(tmp_path):
    left = [".manifest-ab3_x9yz.parquet", ".dataset-00000000.toml", ".images-abcdefgh"]
    kept = [
        ".manifest-short.parquet",
        ".other-abcdefgh.parquet",
        "manifest-abcdefgh.parquet",
        ".git",
        "images-abcdefgh",
    ]
    for name in [*left, *kept]:
        (tmp_path / name).write_text("") if "." in name[1:] else (tmp_path / name / "new").mkdir(parents=True)
    with sole_writer(tmp_path, ("images", "manifest.parquet", "dataset.toml")):
        assert {p.name for p in tmp_path.iterdir()} == {*kept, ".dermbench.lock"}
    remove_leftovers(tmp_path)
    assert not (tmp_path / ".other-abcdefgh.parquet").exists()
    remove_leftovers(tmp_path / "nowhere")


def test_links_that_look_like_leftovers_are_not_followed(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "a").write_text("x")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".images-abcdefgh").symlink_to(tmp_path / "precious")
    with sole_writer(tmp_path / "out", ["images"]):
        pass
    assert (tmp_path / "precious" / "a").read_text() == "x"


def test_what_a_live_writer_has_under_way_is_left_alone_and_the_lock_ends_with_it(tmp_path):
    writer = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE)
    try:
        assert writer.stdout.readline() == b"held\n"
        (tmp_path / ".images-abcdefgh").mkdir()
        with pytest.raises(UsageError, match="another process"), sole_writer(tmp_path, ["images"]):
            pass
        assert (tmp_path / ".images-abcdefgh").is_dir()
    finally:
        writer.kill()
        writer.communicate()
    with sole_writer(tmp_path, ["images"]):
        assert [path.name for path in tmp_path.iterdir()] == [".dermbench.lock"]


def test_a_file_in_the_way_is_one_message(tmp_path):
    Path(tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write there"), sole_writer(tmp_path / "file"):
        pass
    assert (tmp_path / "file").is_file()
