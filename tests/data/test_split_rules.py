"""Splits that files, growing tables and options must not move: fixed, by hash, held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermbench.artifacts import read_dataset
from dermbench.artifacts.column_types import standardise
from dermbench.artifacts.units import connected_units, unit_columns
from dermbench.data import making_splits, prepare
from dermbench.data.counts import differences, lacking
from dermbench.data.holdout import hold_out
from dermbench.data.making_splits import make_split
from dermbench.data.source import Release, Request
from dermbench.data.sources import load_source
from dermbench.data.splits import SplitRule, assign_splits, read_rule, reunite, split_digest
from dermbench.errors import UsageError
from dermbench.tasks import Task, load_task, task_names

from .conftest import draw, make_ajl, own_table

HASH = read_rule("hash")
MOST = settings(max_examples=40)


def patients(n, *, per_patient=2):
    return pd.DataFrame(
        {
            "image_id": [f"i{k:04}" for k in range(n)],
            "label": [f"c{k % 3}" for k in range(n)],
            "patient_id": [f"p{k // per_patient:04}" for k in range(n)],
        }
    ).astype("string")


def by_id(table, split):
    return dict(zip(table["image_id"], split, strict=True))


@MOST
@given(st.integers(2, 300), st.integers(0, 300), st.integers(0, 5))
def test_a_table_that_grows_moves_nothing_by_hash(n, more, seed):
    large = patients(n + more)
    small = large.head(n)
    before, after = (
        by_id(small, assign_splits(small, HASH, seed=seed)),
        by_id(large, assign_splits(large, HASH, seed=seed)),
    )
    assert all(after[image] == split for image, split in before.items())
    units = large.assign(split=assign_splits(large, HASH, seed=seed)).groupby("patient_id")["split"]
    assert units.nunique().max() == 1


def test_shares_by_hash_are_those_asked_for():
    table = patients(6000, per_patient=1)
    split = assign_splits(table, read_rule("hash", fractions={"train": 3, "val": 1, "test": 0}))
    counts = split.value_counts(normalize=True)
    assert set(counts.index) == {"train", "val"}
    assert counts["train"] == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / 6000))
    assert (assign_splits(table, HASH) != assign_splits(table, HASH, seed=1)).any()


def test_one_image_by_hash_is_where_its_digest_says():
    """sha256("dermbench.split/1:0:patient_id:p") begins with 48 bits that are this share of 2^48."""
    import hashlib

    share = int(hashlib.sha256(b"dermbench.split/1:0:patient_id:p").hexdigest()[:12], 16) / 16**12
    expected = "train" if share < 0.7 else "val" if share < 0.85 else "test"
    table = pd.DataFrame({"image_id": ["a", "b"], "label": "x", "patient_id": ["p", "p"]})
    assert assign_splits(table, HASH).tolist() == [expected] * 2


@MOST
@given(st.integers(0, 10**6), st.sampled_from([1, 7, 40]))
def test_files_that_are_missing_move_no_other_image(seed, lost):
    """The split is made on the table; rows are dropped afterwards, and copies alone may move."""
    rng = np.random.default_rng(seed)
    table = patients(120).assign(duplicate_group=None)
    made = make_split(table, None, SplitRule(), seed=0)
    whole = table.assign(split=made.split)
    kept = whole.drop(index=rng.choice(120, lost, replace=False))
    assert reunite(kept, made.given).tolist() == kept["split"].tolist()


def test_copies_join_the_smallest_id_and_nothing_that_is_fixed_moves():
    table = pd.DataFrame({"image_id": list("abcdef"), "split": ["test", "train", "val", "val", "train", "train"]})
    table["duplicate_group"] = ["g", "g", None, "h", "h", None]
    free = pd.Series(pd.NA, index=list("abcdef"), dtype="string")
    assert reunite(table, free).tolist() == ["test", "test", "val", "val", "val", "train"]
    carved = pd.Series(["test", "train", "train", "train", "train", "train"], index=list("abcdef"), dtype="string")
    assert reunite(table, carved).tolist() == ["test", "train", "val", "train", "train", "train"]
    beside_test = table.assign(split=["test", "val", "val", "val", "train", "train"])
    assert reunite(beside_test, carved).tolist()[:2] == ["test", "train"]


@pytest.mark.parametrize(
    ("rule", "held"),
    [("fst:1-2", [1, 2]), ("fst:V-VI", [5, 6]), ("fst:3", [3]), ("fst:1,6", [1, 6]), ("fst:II\u2013iii", [2, 3])],
)
def test_a_range_of_skin_types_is_held_out(rule, held):
    table = patients(140, per_patient=1).assign(fst=pd.array([(k % 7) or None for k in range(140)], dtype="Int64"))
    made = make_split(table, None, SplitRule(holdout=rule), seed=0)
    joined = table.assign(split=made.split)
    assert set(joined["fst"][joined["split"] == "test"]) == set(held)
    assert not set(joined["fst"][joined["split"].isin(["train", "val"])]) & set(held)
    assert made.left_out == {"unknown fst, the column of the hold-out": 20}
    assert joined["split"].isna().sum() == 20
    assert (joined["split"] == "val").any()


def test_a_holdout_is_not_mixed_with_another_way_to_split():
    with pytest.raises(UsageError, match="one of the two makes the test split"):
        read_rule("hash", "fst:1")


def test_relatives_of_held_out_images_are_left_out():
    table = patients(12, per_patient=3).assign(site=["hand", "foot", "foot"] + ["foot"] * 9)
    made = hold_out(table, "site:hand")
    assert made.split.to_dict() == {0: "test"} | dict.fromkeys(range(3, 12), "train")
    assert made.left_out == {"related to a held-out image (patient, lesion or copy)": 2}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("fst", "write COLUMN:VALUE"),
        (":1", "write COLUMN:VALUE"),
        ("fst:", "write COLUMN:VALUE"),
        ("colour:red", "no column colour; it has fst, label, patient_id"),
        ("fst:7", "no skin type"),
        ("fst:5-2", "no skin type or range"),
        ("fst:6", "no image has fst '6'; there are"),
        ("label:c9", "no image has label 'c9'"),
        ("label:c0,c1,c2", "left to train on"),
    ],
)
def test_a_holdout_that_means_nothing_is_refused(rule, words):
    table = patients(12).assign(fst=pd.array([1, 2, 3] * 4, dtype="Int64"))
    with pytest.raises(UsageError, match=words):
        hold_out(table, rule)


def test_training_copies_of_held_out_images_are_found_among_the_files(tmp_path, csv):
    path = csv(own_table().drop(columns="patient").assign(site=["hand"] * 4 + ["foot"] * 8))
    (path.parent / "img" / "009.jpg").write_bytes((path.parent / "img" / "001.jpg").read_bytes())
    dataset = prepare("table", root=path, out=tmp_path / "out", split=read_rule(holdout="site:hand"))
    assert dataset.info.left_out == {"copy of a held-out image": 1}
    assert dataset.info.split["scheme"] == "held out: site:hand"
    assert dataset.info.images["test"] == 4


def fixed(monkeypatch, tmp_path, table, split):
    """Make a task whose list fixes the split of a table."""
    lists = {"made": pd.Series(split, index=table["image_id"], dtype="string")}
    monkeypatch.setattr(making_splits, "read_list", lambda name: lists[name])
    about = {"licence": "x", "citation": "", "obtain": "", "n_classes": 3, "source": "table"}
    return Task(name="made", title="made", split_list="made", **about)


def test_a_list_fixes_the_split_and_options_do_not_change_it_silently(monkeypatch, tmp_path):
    table = patients(8)
    task = fixed(monkeypatch, tmp_path, table, ["val", "val", "test", "test", "train", "train", None, None])
    made = make_split(table, task, SplitRule(), seed=0)
    assert made.split.tolist() == ["val", "val", "test", "test", "train", "train", "train", "train"]
    assert made.scheme == "fixed by made"
    for rule, seed in ((SplitRule(), 1), (read_rule(fractions={"train": 1, "val": 1, "test": 1}), 0)):
        with pytest.raises(UsageError, match="the split of made is fixed"):
            make_split(table, task, rule, seed=seed)
    assert make_split(table, task, read_rule("stratified"), seed=1).scheme != made.scheme


def test_a_digest_tells_another_table_from_the_published_one(monkeypatch):
    table = patients(40)
    about = {"licence": "x", "citation": "", "obtain": "", "n_classes": 3, "source": "table"}
    digest = split_digest(table.assign(split=assign_splits(table)))
    task = Task(name="made", title="made", split_digest=digest, **about)
    assert make_split(table.sample(frac=1, random_state=1), task, SplitRule(), seed=0).remarks == ()
    assert "not the published one" in make_split(table.head(38), task, SplitRule(), seed=0).remarks[0]


def test_packaged_lists_name_images_once():
    for name in {load_task(name).split_list for name in task_names()} - {""}:
        listed = making_splits.read_list(name)
        assert listed.index.is_unique
        assert listed.index.is_monotonic_increasing
        assert set(listed) == {"val", "test"}


def test_counts_that_differ_from_the_published_ones_are_stated():
    about = {"licence": "x", "citation": "", "obtain": "", "n_classes": 3, "source": "table", "title": "made"}
    task = Task(name="made", images={"all": 9}, fst={"I": 4, "unknown": 0}, **about)
    table = patients(8).assign(fst=pd.array([1] * 4 + [None] * 4, dtype="Int64"))
    release = Release(table, Path(), ("c0",))
    said = "8 images instead of 9; 4 images of skin type unknown instead of 0"
    assert differences(table, task, release) == [f"the release is not as made was published: {said}"]
    assert differences(table, task, Release(table, Path(), ("c0",), variant=("label=x",))) == []
    exact = task.model_copy(update={"images": {"all": 8}, "fst": {"I": 4, "II": 0, "unknown": 4}})
    assert differences(table, exact, release) == []
    banded = Task(name="made", bands={"I-II": 3, "V-VI": 5}, **about)
    said = "8 images of skin types I-II instead of 3; 0 images of skin types V-VI instead of 5"
    assert said in differences(table.assign(fst_band="I-II"), banded, release)[0]
    split = Task(name="made", images={"train": 5, "test": 3}, **about)
    given = table.assign(split=["train"] * 6 + ["test"] * 2)
    assert "6 images in train instead of 5; 2 images in test instead of 3" in differences(given, split, release)[0]


def test_what_a_split_lacks_is_named():
    rows = pd.DataFrame({"split": ["train", "train", "test"], "label": ["a", "b", "a"]})
    rows["fst"] = pd.array([1, 6, 1], dtype="Int64")
    assert lacking(rows, ["a", "b"]) == ["test has no image of 1 class ('b') and none of skin type VI"]
    assert lacking(rows.drop(columns="fst"), ["a"]) == []


def test_one_variable_names_the_folder_of_releases_and_datasets(tmp_path, monkeypatch):
    monkeypatch.setenv("DERMBENCH_DATA", str(tmp_path))
    make_ajl(tmp_path / "raw" / "ajl-21", "flat")
    made = prepare("ajl-21")
    assert made.root == tmp_path / "prepared" / "ajl-21"
    monkeypatch.chdir(tmp_path)
    assert read_dataset("ajl-21").info.digest == made.info.digest
    with pytest.raises(UsageError, match="not a dataset folder"):
        read_dataset("ajl-12")
    with pytest.raises(UsageError, match=r"DERMBENCH_DATA/raw/pad-ufes-20"):
        prepare("pad-ufes-20")
    monkeypatch.delenv("DERMBENCH_DATA")
    with pytest.raises(UsageError, match="name the dataset folder with --out, or set DERMBENCH_DATA"):
        prepare("ajl-21", root=tmp_path / "raw" / "ajl-21")


def test_files_missing_from_a_release_move_nothing(tmp_path):
    """As a user meets it: the same table with and without some of its photographs."""
    raw = tmp_path / "raw"
    for k in range(60):
        draw(raw / "img" / f"{k:03}.jpg", k)
    table = own_table(60)
    table.to_csv(raw / "labels.csv", index=False)
    whole = prepare("table", root=raw / "labels.csv", out=tmp_path / "a").manifest.set_index("image_id")
    for k in (3, 17, 40, 41, 59):
        (raw / "img" / f"{k:03}.jpg").unlink()
    part = prepare("table", root=raw / "labels.csv", out=tmp_path / "b", allow_missing=True).manifest
    rest = part.set_index("image_id")
    assert len(rest) == 55
    assert rest["split"].equals(whole["split"].reindex(rest.index))
    assert len(set(connected_units(part, unit_columns(part)))) > 1


def test_bands_of_skin_types_are_spread_where_types_are_unknown():
    table = patients(200, per_patient=1).assign(label="a", fst=pd.array([None] * 200, dtype="Int64"))
    table["fst_band"] = ["I-II", "V-VI", "V-VI", "V-VI"] * 50
    counts = pd.crosstab(table["fst_band"], assign_splits(table))
    assert counts.loc["I-II"].tolist() == pytest.approx([7.5, 35, 7.5], abs=1)
    assert counts.loc["V-VI"].tolist() == pytest.approx([22.5, 105, 22.5], abs=1)


def test_the_packaged_list_of_pad_ufes_20_is_the_split_of_its_table(pad_subset):
    """A change of the splitter shows here; the list stays."""
    task = load_task("pad-ufes-20")
    request = Request(task, pad_subset, Path("unused"))
    table = standardise(load_source(task.source)(request).table)
    made = make_split(table, task, SplitRule(), seed=0)
    assert made.split.tolist() == assign_splits(table).tolist()
    assert made.split.value_counts().to_dict() == {"train": 1610, "test": 344, "val": 344}
