import importlib
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from dermbench.artifacts.manifest import DatasetInfo, write_dataset
from dermbench.data.audit import Pairs, find_pairs, groups
from dermbench.data.duplicates import alike_pairs, grey_levels, perceptual_hashes, same_bytes, turned
from dermbench.errors import InputError, MissingDependencyError, UsageError

Turn = Image.Transpose


def scene(seed, size=(96, 80)):
    """Draw a coloured ground with small blobs: features to recognise it by."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(120, 220, (4, 4, 3), dtype=np.uint8)).resize(
        size, Image.Resampling.BICUBIC
    )
    pen = ImageDraw.Draw(image)
    for x, y, r, *colour in rng.integers((0, 0, 2, 0, 0, 0), (*size, 7, 160, 160, 160), (60, 6)).tolist():
        pen.ellipse((x - r, y - r, x + r, y + r), fill=tuple(colour))
    return image


def smooth(seed):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((96, 96), Image.Resampling.BICUBIC)


def crop(image, share):
    w, h = image.size
    return image.crop((int(w * share / 2), int(h * share / 2), int(w * (1 - share / 2)), int(h * (1 - share / 2))))


def marked(image):
    image = image.copy()
    ImageDraw.Draw(image).text((4, 30), "(c) atlas", fill="white", font_size=16)
    return image


def dataset(root, pictures, **columns):
    """Write a dataset of images {id: image or bytes}."""
    (root / "images").mkdir(parents=True)
    for name, picture in pictures.items():
        file = root / "images" / f"{name}.png"
        file.write_bytes(picture) if isinstance(picture, bytes) else picture.save(file)
    table = pd.DataFrame({"image_id": list(pictures), "label": "a", "split": "train"}).assign(**columns)
    table["path"] = table["image_id"] + ".png"
    info = DatasetInfo(task="t", source="table", classes=("a",), image_root=str(root / "images"))
    return write_dataset(root, info, table)


def named(pairs):
    return {(row.first, row.second): row.kind for row in pairs.table.itertuples()}


EDITS = {
    "half size": lambda i: i.resize((48, 40)),
    "quality 30": lambda i: i,
    "brighter": lambda i: ImageEnhance.Brightness(i).enhance(1.3),
    "crop of a tenth": lambda i: crop(i, 0.1),
    "crop of a fifth": lambda i: crop(i, 0.2),
    "left to right": ImageOps.mirror,
    "upside down": ImageOps.flip,
    "quarter turn": lambda i: i.transpose(Turn.ROTATE_90),
    "mirrored quarter turn": lambda i: i.transpose(Turn.TRANSPOSE),
    "five degrees": lambda i: i.rotate(5, resample=Image.Resampling.BICUBIC),
    "watermark": marked,
    "border": lambda i: ImageOps.expand(i, 8, fill="black"),
}
MIRRORED = {"left to right", "upside down", "mirrored quarter turn"}


@pytest.fixture(scope="module")
def compare_scene():
    pytest.importorskip("cv2")
    features = importlib.import_module("dermbench.data.audit.features")
    extract = features.Extractor()
    original = extract(scene(0))
    return lambda image: features.compare(original, extract(image))


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_copy_is_recognised(edit, compare_scene, tmp_path):
    image = EDITS[edit](scene(0))
    if edit == "quality 30":
        image.save(tmp_path / "a.jpg", quality=30)
        image = Image.open(tmp_path / "a.jpg")
    match = compare_scene(image)
    assert match.inliers >= 12
    assert match.mirrored == (edit in MIRRORED)


def test_other_scenes_are_not_recognised(compare_scene):
    assert max(compare_scene(scene(seed)).inliers for seed in range(1, 12)) < 8
    assert compare_scene(Image.new("RGB", (96, 80), "white")).inliers == 0


def test_pairs_of_a_dataset(tmp_path):
    pytest.importorskip("cv2")
    blob = smooth(50)
    pictures = {
        **{f"o{i}": scene(i) for i in range(12)},
        "flipped": ImageOps.mirror(scene(3)),
        "small": blob.resize((64, 64)),
        "smooth": blob,
        "other": smooth(51),
    }
    data = dataset(tmp_path, pictures)
    (tmp_path / "images" / "other.png").write_bytes((tmp_path / "images" / "o5.png").read_bytes())
    pairs = find_pairs(data, verify=True)
    assert named(pairs) == {
        ("flipped", "o3"): "verified",
        ("o5", "other"): "exact",
        ("small", "smooth"): "verified",
    }
    row = pairs.table.set_index("first").loc["flipped"]
    assert row["mirrored"]
    assert row["inliers"] >= 12
    assert groups(pairs).to_dict() == {
        "flipped": "flipped", "o3": "flipped", "o5": "o5", "other": "o5", "small": "small", "smooth": "small",
    }  # fmt: skip
    again = find_pairs(data, verify=True, workers=1)
    pd.testing.assert_frame_equal(again.table, pairs.table)
    assert pairs.search == again.search


def test_without_verification_similar_hashes_are_only_alike(tmp_path):
    pictures = {"a": scene(0), "b": scene(0).resize((48, 40)), "c": scene(1), "d": ImageOps.flip(scene(1))}
    pairs = find_pairs(dataset(tmp_path, pictures), verify=False)
    assert named(pairs) == {("a", "b"): "alike", ("c", "d"): "alike"}
    assert pairs.table["inliers"].isna().all()
    assert groups(pairs).empty


def test_groups_do_not_chain_through_pairs_that_were_not_verified():
    table = pd.DataFrame(
        {
            "first": ["a", "b", "c", "d"],
            "second": ["b", "c", "d", "e"],
            "kind": ["exact", "alike", "verified", "exact"],
        }
    )
    found = groups(Pairs(table, None))
    assert found.to_dict() == {"a": "a", "b": "a", "c": "c", "d": "c", "e": "c"}


def test_one_of_many_equal_files_stands_for_all(tmp_path):
    pairs = find_pairs(dataset(tmp_path, dict.fromkeys("dacb", scene(0))), verify=False)
    assert named(pairs) == {("a", "b"): "exact", ("a", "c"): "exact", ("a", "d"): "exact"}
    assert set(groups(pairs)) == {"a"}


def test_neighbours_by_embeddings_are_compared(tmp_path):
    pytest.importorskip("cv2")
    module = importlib.import_module("dermbench.data.audit.neighbours")
    values = np.array([[1, 0], [0, 1], [2, 0.1], [0.1, 3]])
    assert module.nearest(values, 1).tolist() == [[0, 2], [1, 3]]
    data = dataset(tmp_path, {"a": scene(0), "b": scene(1)})
    (tmp_path / "e.csv").write_text("image_id,x\na,1\n")
    with pytest.raises(InputError, match="1 images have no embedding"):
        find_pairs(data, verify=True, embeddings=tmp_path / "e.csv")
    (tmp_path / "e.csv").write_text("image_id,x\na,1\nb,2\n")
    assert find_pairs(data, verify=True, embeddings=tmp_path / "e.csv").search.embeddings is not None
    with pytest.raises(UsageError, match="only where pairs are verified"):
        find_pairs(data, verify=False, embeddings=tmp_path / "e.csv")


def test_a_file_that_changed_is_refused_when_its_features_are_taken(tmp_path):
    pytest.importorskip("cv2")
    data = dataset(tmp_path, {"a": scene(0), "b": scene(1)})
    find_pairs(data, verify=False)
    data.manifest["sha256"] = [f"sha256:{'0' * 64}"] * 2
    with pytest.raises(InputError, match="has changed"):
        find_pairs(data, verify=True)


def test_nobody_imports_opencv_or_torch_unless_pairs_are_verified(tmp_path):
    dataset(tmp_path, {"a": scene(0), "b": scene(0)})
    code = (
        "import sys, json; from dermbench.artifacts import read_dataset;"
        "from dermbench.data.audit import find_pairs;"
        f"find_pairs(read_dataset({str(tmp_path)!r}), verify=False);"
        "print(json.dumps([m for m in ('cv2', 'torch') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_without_opencv_one_message_says_what_to_do(tmp_path, monkeypatch):
    data = dataset(tmp_path, {"a": scene(0), "b": scene(1)})
    monkeypatch.setitem(sys.modules, "dermbench.data.audit.verify", None)
    with pytest.raises(MissingDependencyError, match="OpenCV"):
        find_pairs(data, verify=True)


def test_hashes_of_turned_thumbnails_are_those_of_the_positions():
    grey = grey_levels(np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8))
    hashes = perceptual_hashes(grey)
    for position in range(8):
        assert (perceptual_hashes(turned(grey, position).copy())[:, 0] == hashes[:, position]).all()


def test_alike_pairs_are_those_of_a_plain_loop(monkeypatch):
    module = importlib.import_module("dermbench.data.duplicates")
    monkeypatch.setattr(module, "ROWS", 4)
    monkeypatch.setattr(module, "COLUMNS", 5)
    thumbnails = np.random.default_rng(1).integers(0, 256, (18, 32, 32, 3), dtype=np.uint8)
    thumbnails[9:18] = thumbnails[:9, ::-1].swapaxes(1, 2)
    thumbnails[17] = 7  # flat
    grey = grey_levels(thumbnails)
    expected = [[i, i + 9] for i in range(8)]
    assert alike_pairs(grey).tolist() == expected
    assert len(alike_pairs(grey[:0])) == 0


def test_files_without_a_hash_are_not_the_same():
    assert same_bytes(["x", None, "y", "x", None]).tolist() == [0, 1, 2, 0, 4]
