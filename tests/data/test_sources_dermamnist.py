"""DermaMNIST on a miniature: random pixels in arrays with the release's names, types and shapes."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest
from PIL import Image

from dermbench.data import prepare
from dermbench.errors import InputError, UsageError
from dermbench.tasks import load_task

N = {"train": 21, "val": 7, "test": 14}


def arrays(side=28):
    rng = np.random.default_rng(0)
    made = {}
    for split, n in N.items():
        made[f"{split}_images"] = rng.integers(0, 256, (n, side, side, 3), dtype=np.uint8)
        made[f"{split}_labels"] = (np.arange(n) % 7).astype(np.uint8)[:, None]
    return made


def write(root, made=None, name="dermamnist.npz"):
    root.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(root / name, **(arrays() if made is None else made))
    return root / name


def test_every_image_is_written_as_it_is_and_keeps_its_split(tmp_path):
    write(tmp_path / "raw")
    dataset = prepare("dermamnist", root=tmp_path / "raw", out=tmp_path / "out")
    manifest, made = dataset.manifest.set_index("image_id"), arrays()
    assert dataset.info.images == N
    for split, n in N.items():
        for number in range(n):
            row = manifest.loc[f"{split}-{number:05d}"]
            assert (row["split"], row["modality"]) == (split, "dermoscopic")
            assert row["label"] == load_task("dermamnist").classes[int(made[f"{split}_labels"][number, 0])]
            with Image.open(dataset.root / "images" / f"{split}-{number:05d}.png") as image:
                assert (np.asarray(image) == made[f"{split}_images"][number]).all()


def test_what_is_read_and_what_is_wrong_with_the_split_is_said(tmp_path):
    info = prepare("dermamnist", root=write(tmp_path / "raw"), out=tmp_path / "out").info
    said = " ".join(info.interpreted)
    assert "dermamnist.npz is not the file of the release: its MD5 sum begins with" in said
    assert "It ignores lesions" in said
    assert "This is a convention" in said
    assert info.task.startswith("dermamnist+md5=")
    assert info.image_root == "."


@pytest.mark.parametrize("layout", ["", "a", "a/b"])
@pytest.mark.parametrize("side", [28, 64])
def test_the_file_is_found_in_its_folder(tmp_path, layout, side):
    name = "dermamnist.npz" if side == 28 else f"dermamnist_{side}.npz"
    write(tmp_path / "raw" / layout, arrays(side), name)
    info = prepare("dermamnist", root=tmp_path / "raw", out=tmp_path / "out").info
    assert info.options["size"] == side
    assert (f"+size={side}" in info.task) == (side != 28)


def test_of_two_sizes_one_is_chosen_by_the_user(tmp_path):
    write(tmp_path / "raw")
    write(tmp_path / "raw", arrays(64), "dermamnist_64.npz")
    with pytest.raises(UsageError, match=r"'dermamnist_64\.npz'") as caught:
        prepare("dermamnist", root=tmp_path / "raw", out=tmp_path / "out")
    assert "--set size=PIXELS" in str(caught.value)
    made = prepare("dermamnist", root=tmp_path / "raw", out=tmp_path / "out", options={"size": "64"})
    assert made.info.options == {"size": 64}
    with pytest.raises(UsageError, match=r"no dermamnist_224\.npz"):
        prepare("dermamnist", root=tmp_path / "raw", out=tmp_path / "out", options={"size": "224"})
    with pytest.raises(UsageError, match="write 28, 64, 128, 224"):
        prepare("dermamnist", root=tmp_path / "raw", out=tmp_path / "out", options={"size": "32"})


SPOILT = {
    "missing arrays": (
        {k: v for k, v in arrays().items() if not k.startswith("val")},
        ["has no array 'val_images', 'val_labels'"],
    ),
    "grey": (arrays() | {"val_images": np.zeros((7, 28, 28), np.uint8)}, ["val_images: uint8 (7, 28, 28)"]),
    "floats": (arrays() | {"val_images": np.zeros((7, 28, 28, 3))}, ["val_images: float64"]),
    "too few labels": (arrays() | {"val_labels": np.zeros((6, 1), np.uint8)}, ["val_labels: uint8 (6, 1), not 7"]),
    "labels that are no class": (
        arrays() | {"val_labels": np.full((7, 1), 9, np.uint8), "test_labels": np.full((14,), -1)},
        ["val_labels: 7 labels outside of 0 to 6: 9", "test_labels: 14 labels outside of 0 to 6: -1"],
    ),
    "several": (
        arrays() | {"val_images": np.zeros((7, 28, 28)), "test_labels": np.zeros((14, 2), np.uint8)},
        ["val_images: float64", "test_labels: uint8 (14, 2), not 14 whole numbers"],
    ),
    "another size than its name": (arrays(64), ["images of '64' px, its name says 28"]),
    "two sizes": (arrays() | {"val_images": arrays(64)["val_images"]}, ["images of different sizes", "its name"]),
    "objects": (arrays() | {"val_labels": np.array([{}] * 7, dtype=object)}, ["val_labels: object (7,)"]),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_spoilt_arrays_are_refused_with_all_that_is_wrong(tmp_path, fault):
    made, said = SPOILT[fault]
    path = write(tmp_path / "raw", made)
    with pytest.raises(InputError) as caught:
        prepare("dermamnist", root=path, out=tmp_path / "out")
    assert all(text in str(caught.value) for text in said), str(caught.value)
    assert len(caught.value.problems) == len(said)
    assert not (tmp_path / "out").exists()


class _Evil:
    def __reduce__(self):
        return os.mkdir, ("pwned",)


def _npy(header):
    text = f"{header}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def _zip(members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def _members():
    made = {}
    for name, array in arrays().items():
        stream = io.BytesIO()
        np.save(stream, array)
        made[f"{name}.npy"] = stream.getvalue()
    return made


HUGE = "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999, 28, 28, 3), }"
LARGE = "{'descr': '|u1', 'fortran_order': False, 'shape': (90000, 512, 512, 3), }"
HOSTILE = {
    "text": (b"hello", "not an .npz file"),
    "empty": (b"", "not an .npz file"),
    "a pickle": (pickle.dumps(_Evil()), "not an .npz file"),
    "a pickle inside": (_zip(_members() | {"val_labels.npy": pickle.dumps(_Evil())}), "not a readable .npz file"),
    "an array that would fill the memory": (
        _zip(_members() | {"train_images.npy": _npy(HUGE)}),
        "at most 100,000",
    ),
    "arrays that are too large": (
        _zip(
            _members()
            | {f"{split}_images.npy": _npy(LARGE) for split in N}
            | {f"{split}_labels.npy": _npy(LARGE.replace("(90000, 512, 512, 3)", "(90000,)")) for split in N}
        ),
        "arrays of 202,500 MB, more than 4,096",
    ),
    "a header of code": (
        _zip(_members() | {"val_labels.npy": _npy("__import__('os').mkdir('pwned')")}),
        "readable",
    ),
    "a cut file": (_zip(_members())[:-300], "not an .npz file"),
    "cut arrays": (_zip({k: v[:-9] for k, v in _members().items()}), "not a readable .npz file"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_in_a_sentence(tmp_path, kind, monkeypatch):
    data, message = HOSTILE[kind]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dermamnist.npz").write_bytes(data)
    with pytest.raises(InputError, match=message):
        prepare("dermamnist", root=tmp_path / "dermamnist.npz", out=tmp_path / "out")
    assert not (tmp_path / "pwned").exists()


def test_a_pipe_is_no_release(tmp_path):
    os.mkfifo(tmp_path / "dermamnist.npz")
    with pytest.raises(UsageError, match="not a plain file"):
        prepare("dermamnist", root=tmp_path / "dermamnist.npz", out=tmp_path / "out")


def test_files_of_others_are_not_replaced(tmp_path):
    path = write(tmp_path / "raw")
    (tmp_path / "out" / "images").mkdir(parents=True)
    (tmp_path / "out" / "images" / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"holds files that dermamnist did not make: 'holiday\.jpg'"):
        prepare("dermamnist", root=path, out=tmp_path / "out")
    assert (tmp_path / "out" / "images" / "holiday.jpg").read_bytes() == b"mine"


def test_an_older_set_is_replaced(tmp_path):
    prepare("dermamnist", root=write(tmp_path / "raw"), out=tmp_path / "out")
    smaller = {k: (v[:7] if k.startswith("test") else v) for k, v in arrays().items()}
    prepare("dermamnist", root=write(tmp_path / "raw", smaller), out=tmp_path / "out")
    assert len(list((tmp_path / "out" / "images").iterdir())) == 35
