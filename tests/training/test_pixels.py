from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from dermbench.artifacts import write_dataset
from dermbench.errors import InputError, UsageError
from dermbench.training import pixels
from dermbench.training.pixels import decode_square, load_samples


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
    monkeypatch.setattr(pixels, "decode_square", lambda *_: pytest.fail("decoded again"))
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


def test_the_hash_of_a_file_stands_for_its_content(dataset, tmp_path, monkeypatch):
    table = dataset.manifest.assign(sha256=dataset.manifest["image_id"])
    hashed = write_dataset(dataset.root, dataset.info, table)
    load_samples(hashed, "val", 20)
    for path in hashed.paths(hashed.part("val")):
        path.touch()
    monkeypatch.setattr(pixels, "decode_square", lambda *_: pytest.fail("decoded again"))
    load_samples(hashed, "val", 20)


def test_a_full_disk_is_told_before_anything_is_written(dataset, monkeypatch):
    monkeypatch.setattr(pixels.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(UsageError, match="of disk"):
        load_samples(dataset, "val", 20)
