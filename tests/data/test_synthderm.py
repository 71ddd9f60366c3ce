"""The source as a whole: files, reproducibility to the byte, replacing and refusing folders."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from dermbench.artifacts.images import decode_rgb
from dermbench.data.prepare import prepare
from dermbench.data.source import SOURCES, Request
from dermbench.data.sources.synthderm import synthderm
from dermbench.data.synth import write
from dermbench.data.synth.morphology import MORPHOLOGIES
from dermbench.errors import DermbenchError, InputError, UsageError
from dermbench.tasks import load_task

SMALL = {"images": "30", "size": "48"}
HASHES = """
import hashlib, sys
from pathlib import Path
from dermbench.data.prepare import prepare
from dermbench.data.source import Request
from dermbench.data.sources.synthderm import synthderm
from dermbench.tasks import load_task
out = Path(sys.argv[1])
dials = {"images": "30", "size": "48", "planted_duplicates": "0.2"}
release = synthderm(Request(load_task("synthderm"), None, out, dials))
files = sorted((out / "images").iterdir())
print(hashlib.sha256(b"".join(f.name.encode() + f.read_bytes() for f in files)).hexdigest())
print(hashlib.sha256(release.table.to_csv(index=False).encode()).hexdigest())
"""


def make(out, *, workers=1, **options):
    return synthderm(Request(load_task("synthderm"), None, out, {**SMALL, **options}, workers))


def hashes(out):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (out / "images").iterdir()}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    out = tmp_path_factory.mktemp("synthderm")
    return out, make(out, planted_duplicates="0.2")


def test_is_registered_with_the_classes_of_its_task():
    task = load_task("synthderm")
    assert SOURCES.get("synthderm") is synthderm
    assert task.classes == tuple(MORPHOLOGIES)
    assert task.n_classes == len(task.classes)
    assert not task.malignancy


def test_every_row_has_its_image_and_every_image_its_row(drawn):
    out, release = drawn
    assert release.image_root == out.resolve()
    assert set(release.table["path"]) == {f"images/{name}" for name in hashes(out)}
    assert len(release.table) == 36
    for path in release.table["path"]:
        assert decode_rgb(out / path).size == (48, 48)
    assert release.options["images"] == 30
    assert release.options["fade"] == 0.0
    assert sorted(p.name for p in out.iterdir()) == ["images"]


def test_same_seed_same_bytes_other_seed_other_bytes(drawn, tmp_path):
    out, release = drawn
    again = make(tmp_path / "again", planted_duplicates="0.2")
    other = make(tmp_path / "other", planted_duplicates="0.2", seed="1")
    assert hashes(tmp_path / "again") == hashes(out)
    assert again.table.equals(release.table)
    assert hashes(tmp_path / "other").keys() == hashes(out).keys()
    assert set(hashes(tmp_path / "other").values()).isdisjoint(hashes(out).values())
    assert not other.table.equals(release.table)


def test_two_workers_draw_the_same_bytes(drawn, tmp_path):
    out, _ = drawn
    make(tmp_path, planted_duplicates="0.2", workers=2)
    assert hashes(tmp_path) == hashes(out)


def test_bytes_do_not_depend_on_the_hash_seed(drawn, tmp_path):
    out, release = drawn
    files = sorted((out / "images").iterdir())
    images = hashlib.sha256(b"".join(f.name.encode() + f.read_bytes() for f in files)).hexdigest()
    table = hashlib.sha256(release.table.to_csv(index=False).encode()).hexdigest()
    done = subprocess.run(
        [sys.executable, "-c", HASHES, str(tmp_path)],
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [images, table]


def test_label_dials_leave_the_pixels_alone(drawn, tmp_path):
    out, _ = drawn
    make(tmp_path, planted_duplicates="0.2", label_noise="0.5", annotator_disagreement="0.5")
    assert hashes(tmp_path) == hashes(out)


def test_fade_leaves_type_one_alone(drawn, tmp_path):
    out, release = drawn
    make(tmp_path, planted_duplicates="0.2", fade="0.9")
    light = {f"{i}.jpg" for i in release.table.loc[release.table["fst"] == 1, "image_id"]}
    before, after = hashes(out), hashes(tmp_path)
    assert {name for name in before if before[name] == after[name]} == light


def test_planted_duplicates_look_like_their_original_but_are_other_files(drawn):
    out, release = drawn
    copies = release.table[release.table["planted_duplicate_of"].notna()]
    assert len(copies) == 6
    for copy in copies.itertuples():
        pair = [Image.open(out / "images" / f"{i}.jpg") for i in (copy.image_id, copy.planted_duplicate_of)]
        if copy.planted_edit == "flipped":
            pair[0] = pair[0].transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        small = [np.asarray(p.convert("L").resize((8, 8), Image.Resampling.BOX), float).ravel() for p in pair]
        assert np.corrcoef(*small)[0, 1] > 0.55, copy.planted_edit
    digests = hashes(out)
    assert len(set(digests.values())) == len(digests)


def test_other_options_replace_the_older_set_as_a_whole(tmp_path):
    make(tmp_path, images="12")
    first = hashes(tmp_path)
    make(tmp_path, images="8", seed="3")
    assert len(first) == 12
    assert len(hashes(tmp_path)) == 8
    assert set(hashes(tmp_path).values()).isdisjoint(first.values())


def test_a_crash_leaves_the_older_set_and_no_litter(tmp_path, monkeypatch):
    make(tmp_path, images="8")
    before, calls = hashes(tmp_path), []

    def fails(shot, dials):
        calls.append(shot)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return b"half"

    monkeypatch.setattr(write, "encode", fails)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, images="8", seed="1")
    assert hashes(tmp_path) == before
    assert [p.name for p in tmp_path.iterdir()] == ["images"]


def test_a_full_disk_is_one_message(tmp_path, monkeypatch):
    def full(shot, dials):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write, "encode", full)
    with pytest.raises(UsageError, match="No space left on device"):
        make(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_is_one_message(tmp_path, monkeypatch):
    def killed(shots, *, folder, dials):
        os._exit(9)

    monkeypatch.setattr(write, "_render_batch", killed)
    with pytest.raises(DermbenchError, match="was killed"):
        make(tmp_path, workers=2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_a_script_without_a_main_guard_can_use_processes(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(HASHES.replace("dials))", "dials, 2))"))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""


def test_foreign_files_are_never_replaced(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(UsageError, match=r"holiday\.jpg"):
        make(tmp_path)
    assert (tmp_path / "images" / "holiday.jpg").read_bytes() == b"mine"


def test_a_link_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "images").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="no plain folder"):
        make(tmp_path)


def test_a_file_in_place_of_the_folder_is_one_message(tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(UsageError, match="out"):
        make(tmp_path / "out")


def test_bad_options_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match="did you mean 'images'"):
        make(tmp_path / "out", image="3")
    assert not (tmp_path / "out").exists()


def test_a_task_with_a_class_that_is_no_morphology_is_refused(tmp_path):
    task = load_task("synthderm").model_copy(update={"classes": ("macule", "melanoma"), "n_classes": 2})
    with pytest.raises(UsageError, match="melanoma"):
        synthderm(Request(task, None, tmp_path, dict(SMALL)))


def test_a_task_may_use_fewer_morphologies(tmp_path):
    task = load_task("synthderm").model_copy(update={"classes": ("wheal", "papule"), "n_classes": 2})
    release = synthderm(Request(task, None, tmp_path, dict(SMALL)))
    assert release.classes == ("wheal", "papule")
    assert set(release.table["label"]) == {"wheal", "papule"}


def test_prepare_makes_a_dataset_that_keeps_patients_together(tmp_path):
    made = [
        prepare("synthderm", out=tmp_path / f"{n}", options={"images": "240", "size": "32"}, workers=n)
        for n in (1, 2)
    ]
    assert made[0].info.digest == made[1].info.digest
    assert made[0].info.options["fade"] == 0.0
    assert (made[0].manifest.groupby("patient_id")["split"].nunique() == 1).all()
    assert set(made[0].manifest["split"]) == {"train", "val", "test"}
    assert made[0].info.fst == {str(t): 40 for t in range(1, 7)}


def test_the_seed_of_prepare_is_the_seed_of_the_images(tmp_path):
    from dermbench.data import prepare

    one = prepare("synthderm", out=tmp_path / "one", seed=1, options={"images": "30"}, workers=1)
    same = prepare("synthderm", out=tmp_path / "same", seed=1, options={"images": "30", "seed": "1"}, workers=1)
    other = prepare("synthderm", out=tmp_path / "other", seed=1, options={"images": "30", "seed": "0"}, workers=1)
    assert one.info.options["seed"] == 1
    assert one.info.digest == same.info.digest != other.info.digest
