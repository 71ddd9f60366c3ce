from __future__ import annotations

import os
import resource
import subprocess
import sys
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from dermbench.artifacts import cached_images, read_predictions, write_dataset
from dermbench.artifacts import image_cache as cache
from dermbench.artifacts.hashing import file_digest
from dermbench.artifacts.images import decode_square, decode_squashed
from dermbench.errors import InputError, UsageError
from dermbench.training import predict
from dermbench.training.data import pixels
from dermbench.training.data.pixels import load_samples


def test_samples_follow_the_manifest(dataset):
    samples = load_samples(dataset, "val", 20)
    rows = dataset.part("val")
    assert list(samples.image_id) == list(rows["image_id"])
    assert [dataset.classes[i] for i in samples.labels] == list(rows["label"])
    assert samples.pixels.shape == (12, 20, 20, 3)
    np.testing.assert_array_equal(samples.pixels[3], decode_square(dataset.paths(rows)[3], 20))


def test_a_batch_has_channels_first_values_in_range(dataset):
    samples = load_samples(dataset, "val", 20)
    batch = samples.batch(np.array([2, 0]), torch.device("cpu"))
    assert batch.shape == (2, 3, 20, 20)
    np.testing.assert_allclose(batch[1].permute(1, 2, 0).numpy() * 255, samples.pixels[0], atol=1e-4)


def test_images_are_decoded_once(dataset, monkeypatch):
    first = load_samples(dataset, "train", 20)
    no_decoding(monkeypatch)
    second = load_samples(dataset, "train", 20)
    np.testing.assert_array_equal(first.pixels, second.pixels)


def test_a_replaced_image_is_decoded_again(dataset):
    before = np.array(load_samples(dataset, "val", 20).pixels)
    path = dataset.paths(dataset.part("val"))[0]
    Image.new("RGB", (50, 41), (1, 2, 3)).save(path)
    after = load_samples(dataset, "val", 20).pixels
    assert (after[0] == (1, 2, 3)).all()
    np.testing.assert_array_equal(after[1:], before[1:])


def test_the_shorter_side_fits_and_the_centre_is_kept(tmp_path):
    wide = np.zeros((30, 90, 3), dtype=np.uint8)
    wide[:, 30:60] = 200
    Image.fromarray(wide).save(tmp_path / "wide.png")
    square = decode_square(tmp_path / "wide.png", 30)
    assert square.shape == (30, 30, 3)
    assert (square == 200).all()


@pytest.mark.parametrize("size", [(7, 7), (8, 200), (33, 32)])
def test_any_shape_becomes_a_square(tmp_path, size):
    Image.new("RGB", size, (9, 9, 9)).save(tmp_path / "any.png")
    assert decode_square(tmp_path / "any.png", 32).shape == (32, 32, 3)


def test_every_unreadable_image_is_named_and_no_cache_is_left(dataset):
    broken = dataset.paths(dataset.part("train"))[:2]
    broken[0].write_bytes(b"no image")
    broken[1].unlink()
    with pytest.raises(InputError) as caught:
        load_samples(dataset, "train", 20)
    assert len(caught.value.problems) == 2
    assert all(path.name in str(caught.value) for path in broken)
    assert not list((dataset.root / "cache").glob("*.npy"))


def test_an_empty_split_is_refused(tmp_path, make_dataset):
    dataset = make_dataset(tmp_path / "data", per_class=(2, 0, 2))
    with pytest.raises(UsageError, match="no image has split 'val'"):
        load_samples(dataset, "val", 20)


def with_digests(dataset):
    digests = [file_digest(path) for path in dataset.paths(dataset.manifest)]
    return write_dataset(dataset.root, dataset.info, dataset.manifest.assign(sha256=digests))


def no_decoding(monkeypatch):
    monkeypatch.setitem(pixels.CROP_MODES, "center", lambda *_: pytest.fail("decoded again"))


def test_the_hash_of_a_file_stands_for_its_content(dataset, monkeypatch):
    hashed = with_digests(dataset)
    load_samples(hashed, "val", 20)
    for path in hashed.paths(hashed.part("val")):
        path.touch()
    no_decoding(monkeypatch)
    read = []
    monkeypatch.setattr(cache, "file_digest", lambda path: read.append(path) or file_digest(path))
    load_samples(hashed, "val", 20)
    load_samples(hashed, "val", 20)
    assert len(read) == 12, "touched files are read once"
    hashed.paths(hashed.part("val"))[0].unlink()
    load_samples(hashed, "val", 20)


@pytest.mark.parametrize("cached", [True, False])
def test_an_image_that_is_not_what_was_prepared_is_named(dataset, cached):
    hashed = with_digests(dataset)
    if cached:
        load_samples(hashed, "val", 20)
    Image.new("RGB", (50, 41), (1, 2, 3)).save(hashed.paths(hashed.part("val"))[1])
    with pytest.raises(InputError, match=r"val-macule-1\.png: has changed since the dataset was prepared"):
        load_samples(hashed, "val", 20)


def damage_pixel(file):
    content = bytearray(file.read_bytes())
    content[-7] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        damage_pixel,
        lambda file: file.write_bytes(file.read_bytes()[:-100]),
        lambda file: file.write_bytes(b"nonsense"),
        lambda file: file.with_suffix(".json").unlink(),
        lambda file: file.with_suffix(".json").write_text('{"crc32": [1], "stamps": [1]}'),
        lambda file: file.with_suffix(".json").write_text("[]"),
    ],
    ids=["one bit", "cut short", "no array", "no sums", "other sums", "other json"],
)
def test_a_damaged_cache_is_made_again(dataset, damage):
    before = np.array(load_samples(dataset, "val", 20).pixels)
    (file,) = (dataset.root / "cache").glob("*.npy")
    damage(file)
    np.testing.assert_array_equal(load_samples(dataset, "val", 20).pixels, before)


def test_the_digest_is_that_of_ids_and_pixels(dataset):
    digests = {
        load_samples(dataset, split, side).digest for split, side in (("val", 20), ("val", 24), ("test", 20))
    }
    assert len(digests) == 3
    assert load_samples(dataset, "val", 20).digest in digests


COUNTING = """
import sys, time
from pathlib import Path
from dermbench.artifacts import read_dataset
from dermbench.artifacts import images
from dermbench.training.data import pixels
decode, log = images.decode_square, Path(sys.argv[2])

def counted(path, side):
    with log.open("a") as file:
        file.write(path.name + "\\n")
    return decode(path, side)

pixels.CROP_MODES["center"] = counted
print("ready", flush=True)
sys.stdin.readline()
print(pixels.load_samples(read_dataset(sys.argv[1]), "train", 20).digest)
"""


@pytest.mark.long
def test_two_processes_build_the_cache_once(dataset, tmp_path):
    command = [sys.executable, "-c", COUNTING, str(dataset.root), str(tmp_path / "log")]
    pipe = subprocess.PIPE
    both = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.stdin.write("\n")
        process.stdin.flush()
    digests = {process.communicate(timeout=120)[0] for process in both}
    assert digests == {load_samples(dataset, "train", 20).digest + "\n"}
    assert sorted((tmp_path / "log").read_text().split()) == sorted(
        p.name for p in dataset.paths(dataset.part("train"))
    )


def test_a_disk_that_fills_up_is_told_and_leaves_nothing_behind(dataset):
    """A limit on the size of a file stands for the full disk: the same call fails in the same way."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, limits[1]))
    try:
        with pytest.raises(UsageError, match="cannot write"):
            load_samples(dataset, "train", 20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {file.suffix for file in (dataset.root / "cache").iterdir()} <= {".lock"}
    assert len(load_samples(dataset, "train", 20)) == 24


def test_a_full_disk_is_told_before_anything_is_written(dataset, monkeypatch):
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(UsageError, match="of disk"):
        load_samples(dataset, "val", 20)


def test_a_squashed_image_is_kept_whole(tmp_path):
    wide = np.zeros((30, 90, 3), dtype=np.uint8)
    wide[:, :30], wide[:, 60:] = (200, 0, 0), (0, 0, 200)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    whole = decode_squashed(tmp_path / "wide.png", 30)
    assert whole.shape == (30, 30, 3)
    assert (whole[:, 2] == (200, 0, 0)).all()
    assert (whole[:, 15] == 0).all()
    assert (whole[:, 27] == (0, 0, 200)).all()
    assert (decode_square(tmp_path / "wide.png", 30) == 0).all()


def test_ways_to_make_a_square_have_caches_of_their_own(dataset):
    square, squashed = (load_samples(dataset, "val", 20, mode) for mode in ("center", "squash"))
    assert square.digest != squashed.digest
    np.testing.assert_array_equal(square.pixels, load_samples(dataset, "val", 20).pixels)
    files = sorted(path.name for path in (dataset.root / "cache").glob("val-20*.npy"))
    assert len(files) == 2
    assert [name.startswith("val-20-squash-") for name in files].count(True) == 1


def test_a_run_on_squashed_images_is_predicted_with_such(dataset, tmp_path, run):
    for mode in ("center", "squash"):
        run(dataset, tmp_path / mode, f"crop_mode={mode}", "epochs=1")
    written = [
        read_predictions(tmp_path / m / "predictions" / "val.parquet", dataset.truth("val"))
        for m in ("center", "squash")
    ]
    assert written[0].digest != written[1].digest
    for mode, own in zip(("center", "squash"), written, strict=True):
        assert predict(tmp_path / mode, dataset, split="val").digest == own.digest


def damage_unseen(dataset, name="val-20"):
    """Damage the last image of a cache so that neither size nor time shows it."""
    (file,) = (dataset.root / "cache").glob(f"{name}-*.npy")
    before = file.stat()
    damage_pixel(file)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_opening_reads_no_pixel_until_size_or_time_of_the_cache_change(dataset, monkeypatch):
    load_samples(dataset, "val", 20)
    summed = []
    crc32 = zlib.crc32
    monkeypatch.setattr(cached_images.zlib, "crc32", lambda image: summed.append(image) or crc32(image))
    opened = load_samples(dataset, "val", 20)
    assert not summed
    for _ in range(2):
        opened.batch(np.array([3, 0, 3]), torch.device("cpu"))
    assert 2 <= len(summed) <= 3, "an image is checked once a process"
    (file,) = (dataset.root / "cache").glob("val-20-*.npy")
    file.touch()
    for _ in range(2):
        summed.clear()
        load_samples(dataset, "val", 20)
    assert not summed, "a touched cache is read once"


def test_a_damaged_image_is_named_when_it_is_read_and_then_the_cache_is_made_again(dataset):
    before = np.array(load_samples(dataset, "val", 20).pixels)
    damage_unseen(dataset)
    opened = load_samples(dataset, "val", 20)
    np.testing.assert_array_equal(opened.pixels[:-1], before[:-1])
    last = str(opened.image_id[-1])
    for read in (lambda: opened.batch(np.array([0, -1]), torch.device("cpu")), lambda: np.array(opened.pixels)):
        with pytest.raises(InputError, match="pixels are not those that were written") as caught:
            read()
        assert last in str(caught.value)
        assert len(caught.value.problems) == 1
    np.testing.assert_array_equal(load_samples(dataset, "val", 20).pixels, before)


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_run_does_not_train_on_a_damaged_image(dataset, tmp_path, run, split):
    load_samples(dataset, split, 32)
    damage_unseen(dataset, f"{split}-32")
    with pytest.raises(InputError, match="pixels are not those that were written"):
        run(dataset, tmp_path / "run", "epochs=1")
    there = (tmp_path / "run" / "run.json").is_file()
    assert run(dataset, tmp_path / "run", "epochs=1", resume=there).status == "finished"
