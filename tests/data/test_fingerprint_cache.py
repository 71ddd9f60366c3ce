import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dermbench.data import check, inspect, prepare
from dermbench.data import fingerprint_cache as module
from dermbench.data.fingerprint_cache import CACHE, fingerprints_of, read_cache, write_cache
from dermbench.data.fingerprints import take

from .conftest import draw, own_table


@pytest.fixture
def dataset(tmp_path, csv):
    return prepare("table", root=csv(own_table()), out=tmp_path / "out")


@pytest.fixture
def decoded(monkeypatch):
    """List the files that are decoded."""
    seen = []
    real = inspect.decode_sized
    monkeypatch.setattr(
        inspect, "decode_sized", lambda path, **rest: (seen.append(path.name), real(path, **rest))[1]
    )
    return seen


def test_a_fingerprint_by_hand():
    pixels = np.zeros((64, 128, 3), dtype=np.uint8)
    pixels[:, 64:] = 200
    found = take(Image.fromarray(pixels), (1280, 640))
    assert (found.width, found.height) == (1280, 640)
    assert found.mean == pytest.approx(100)
    assert found.sd == pytest.approx(100)
    assert found.sharpness == pytest.approx(2 * 200**2 / 126)  # two columns of 126 have 200 and -200
    assert found.thumbnail.shape == (32, 32, 3)
    assert set(found.thumbnail[:, :16].ravel().tolist()) == {0}
    assert take(Image.new("RGB", (2, 2)), (2, 2)).sharpness == 0


def test_each_file_is_decoded_once(tmp_path, csv, decoded):
    data = prepare("table", root=csv(own_table()), out=tmp_path / "out")
    assert sorted(decoded) == [f"{i:03}.jpg" for i in range(12)]
    decoded.clear()
    assert check(data).ok
    assert len(fingerprints_of(data).sha256) == 12
    assert decoded == []


def damaged(data):
    changed = bytearray(data)
    changed[-5] ^= 1
    return bytes(changed)


FAULTS = {
    "one bit": damaged,
    "cut short": lambda data: data[:-100],
    "another version": lambda data: data.replace(b"fingerprints/2", b"fingerprints/9"),
    "another Pillow": lambda data: data.replace(b"pillow ", b"pillow 0."),
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_cache_is_made_anew(fault, dataset, decoded):
    path = dataset.root / CACHE
    sound = path.read_bytes()
    path.write_bytes(FAULTS[fault](sound))
    assert read_cache(dataset.root) == {}
    assert check(dataset).ok
    assert len(decoded) == 12
    assert path.read_bytes() == sound


def test_a_cache_that_is_no_plain_file_counts_as_none(dataset, tmp_path):
    path = dataset.root / CACHE
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert read_cache(dataset.root) == {}
    path.unlink()
    os.mkfifo(path)
    assert read_cache(dataset.root) == {}
    assert check(dataset).ok


def test_a_cache_that_lies_hides_no_changed_file(dataset):
    prints = fingerprints_of(dataset)
    draw(dataset.image_root / "img" / "001.jpg", 99)
    (dataset.image_root / "img" / "002.jpg").write_bytes(b"no image")
    write_cache(dataset.root, prints)  # knows nothing of the new bytes
    problems = check(dataset).problems
    assert len(problems) == 2
    assert "001.jpg has changed" in problems[0]
    assert "002.jpg" in problems[1]
    assert "decoded" in problems[1]


def test_files_that_are_not_in_the_cache_are_compared_with_the_manifest(dataset):
    (dataset.root / CACHE).unlink()
    draw(dataset.image_root / "img" / "001.jpg", 99)
    found = fingerprints_of(dataset)
    assert [p is None for p in found.problem].count(False) == 1
    assert "has changed" in found.problem[1]


def test_a_folder_that_cannot_be_written_to_is_audited_all_the_same(dataset, monkeypatch):
    from dermbench.errors import UsageError

    def refuse(*_):
        raise UsageError("read-only")

    (dataset.root / CACHE).unlink()
    monkeypatch.setattr(module, "write_cache", refuse)
    assert fingerprints_of(dataset).decoded.all()


def test_equal_files_have_one_entry(tmp_path, csv):
    path = csv(own_table())
    images = path.parent / "img"
    (images / "001.jpg").write_bytes((images / "000.jpg").read_bytes())
    data = prepare("table", root=path, out=tmp_path / "out")
    known = read_cache(data.root)
    assert set(known) == set(data.manifest["sha256"])
    assert len(known) == 11
    assert pd.notna(data.manifest["duplicate_group"]).sum() == 2
