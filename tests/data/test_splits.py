import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermbench.artifacts.units import connected_units
from dermbench.data.splits import assign_splits, check_fractions, read_rule
from dermbench.errors import UsageError

SPLITS = ("train", "val", "test")


@st.composite
def manifests(draw, *, with_split=False):
    n = draw(st.integers(1, 40))
    ids = st.one_of(st.none(), st.sampled_from(["a", "b", "c", "d", "e", "f"]))
    column = lambda values: draw(st.lists(values, min_size=n, max_size=n))  # noqa: E731
    table = pd.DataFrame(
        {
            "image_id": [f"i{k:02}" for k in range(n)],
            "label": column(st.sampled_from(["x", "y", "z"])),
            "fst": pd.array(column(st.one_of(st.none(), st.integers(1, 6))), dtype="Int64"),
            "patient_id": pd.array(column(ids), dtype="string"),
            "lesion_id": pd.array(column(ids), dtype="string"),
        }
    )
    if with_split:
        table["split"] = pd.array(column(st.sampled_from([None, *SPLITS])), dtype="string")
    return table


def crossing(table, split):
    """Return the values of id columns that occur in several splits."""
    return [
        value
        for name in ("patient_id", "lesion_id")
        for value, rows in split.groupby(table[name])
        if len(set(rows)) > 1
    ]


@given(manifests(), st.integers(0, 3))
@settings(max_examples=60)
def test_nothing_shared_crosses_and_every_image_has_a_split(table, seed):
    split = assign_splits(table, seed=seed)
    assert set(split) <= set(SPLITS)
    assert split.notna().all()
    assert crossing(table, split) == []


@given(manifests(with_split=True), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_of_rows_changes_nothing(table, random):
    order = list(range(len(table)))
    random.shuffle(order)
    shuffled = table.iloc[order]
    expected = assign_splits(table).set_axis(table["image_id"])
    again = assign_splits(shuffled).set_axis(shuffled["image_id"])
    assert again.sort_index().equals(expected.sort_index())


@given(manifests(with_split=True))
@settings(max_examples=60)
def test_splits_of_the_release_are_kept(table):
    split = assign_splits(table)
    for name in ("val", "test"):
        assert (split[table["split"] == name] == name).all()
    trained = table["split"] == "train"
    has_val = (table["split"] == "val").any()
    assert set(split[trained]) <= ({"train"} if has_val else {"train", "val"})
    if (table["split"] == "test").any():
        anchored = connected_units(table, ["patient_id", "lesion_id"])
        with_test = set(anchored[(table["split"] == "test").fillna(False)])
        filled = (split == "test") & table["split"].isna()
        assert set(anchored[filled]) <= with_test


@given(manifests(with_split=True))
@settings(max_examples=60)
def test_no_split_makes_a_leak_that_the_release_does_not_have(table):
    """A unit whose fixed images are in one split at most ends up in one split."""
    split = assign_splits(table)
    units = connected_units(table, ["patient_id", "lesion_id"])
    fixed = table["split"].groupby(units).nunique()
    assert (split.groupby(units).nunique() <= fixed.clip(lower=1)).all()


@given(manifests())
@settings(max_examples=60)
def test_a_validation_split_cut_out_of_train_shares_nothing_with_it(table):
    table["split"] = pd.array(["test" if k % 3 == 0 else "train" for k in range(len(table))], dtype="string")
    split = assign_splits(table)
    assert (split[table["split"] == "test"] == "test").all()
    inner = split != "test"
    assert crossing(table[inner], split[inner]) == []
    units = connected_units(table, ["patient_id", "lesion_id"])
    assert not set(units[split == "val"]) & set(units[split == "test"])


def big(seed=0, n=3000):
    """Skewed classes and skin types that go together, patients with 1 to 6 images of one class."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(n), rng.integers(1, 7, n))[:n]
    label = rng.choice(5, n, p=[0.5, 0.3, 0.15, 0.04, 0.01])[patient]
    fst = np.clip(rng.poisson(1.5, n)[patient] + 1 + (label == 2), 1, 6)
    return pd.DataFrame(
        {
            "image_id": [f"i{k:05}" for k in range(n)],
            "label": [f"c{k}" for k in label],
            "fst": pd.array(fst, dtype="Int64"),
            "patient_id": [f"p{k}" for k in patient],
        }
    )


@pytest.mark.parametrize("seed", range(3))
def test_classes_and_skin_types_are_as_frequent_in_every_split(seed):
    table = big(seed)
    split = assign_splits(table, seed=seed)
    for column in ("label", "fst"):
        counts = pd.crosstab(table[column].astype(str), split)
        for name, share in (("train", 0.7), ("val", 0.15), ("test", 0.15)):
            expected = counts.sum(axis=1) * share
            tolerance = np.maximum(0.05 * counts.sum(axis=1), 6)  # a unit has up to 6 images
            assert ((counts[name] - expected).abs() <= tolerance).all(), (column, name, counts)
    sizes = split.value_counts(normalize=True)
    assert sizes["train"] == pytest.approx(0.7, abs=0.01)


def test_without_stratification_the_rare_would_be_off():
    """The bound of the test above is one that a random split by patient does not keep."""
    table = big(0)
    rng = np.random.default_rng(0)
    of_patient = dict(zip(table["patient_id"].unique(), rng.random(table["patient_id"].nunique()), strict=True))
    test = table["patient_id"].map(of_patient) < 0.15
    counts = table.groupby("label").size()
    off = (table[test].groupby("label").size().reindex(counts.index, fill_value=0) - 0.15 * counts).abs()
    assert (off > np.maximum(0.05 * counts, 6)).any()


def test_another_seed_gives_another_split_and_the_same_seed_the_same():
    table = big()
    assert assign_splits(table, seed=1).equals(assign_splits(table, seed=1))
    assert (assign_splits(table, seed=1) != assign_splits(table, seed=2)).mean() > 0.2


@pytest.mark.parametrize("n_units", [3, 4, 7])
@pytest.mark.parametrize("seed", range(5))
def test_a_class_with_three_units_is_in_every_split(n_units, seed):
    table = pd.DataFrame(
        {
            "image_id": [f"i{k}" for k in range(n_units * 2 + 100)],
            "label": ["rare"] * (2 * n_units) + ["common"] * 100,
            "patient_id": [f"p{k // 2}" for k in range(2 * n_units)] + [None] * 100,
        }
    )
    split = assign_splits(table, seed=seed)
    assert set(split[table["label"] == "rare"]) == set(SPLITS)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_tiny_data_are_split_without_error(n):
    table = pd.DataFrame({"image_id": [f"{k}" for k in range(n)], "label": ["x", "y", "x"][:n]})
    assert assign_splits(table).notna().all()


def test_a_lesion_shared_by_two_patients_joins_them():
    table = pd.DataFrame({"patient_id": ["a", "a", "b", "c", None], "lesion_id": ["1", "2", "2", None, None]})
    units = connected_units(table, ["patient_id", "lesion_id"])
    assert len({units[0], units[1], units[2]}) == 1
    assert len(set(units)) == 3


def test_val_is_cut_out_of_train_in_the_proportion_of_the_fractions():
    table = big().assign(split="train")
    table.loc[table.index[::4], "split"] = "test"
    table["patient_id"] = table["image_id"]
    split = assign_splits(table)
    assert ((split == "test") == (table["split"] == "test")).all()
    assert (split == "val").sum() / (table["split"] == "train").sum() == pytest.approx(0.15 / 0.85, abs=0.01)


def test_a_fraction_of_zero_leaves_a_split_empty():
    table = big()
    assert set(assign_splits(table, read_rule(fractions={"train": 0.8, "val": 0.2, "test": 0}))) == {
        "train",
        "val",
    }
    kept = assign_splits(table.assign(split="train"), read_rule(fractions={"train": 1.0, "val": 0.0, "test": 0.0}))
    assert set(kept) == {"train"}


@pytest.mark.parametrize(
    "fractions",
    [
        {"train": -0.1, "val": 0.5, "test": 0.6},
        {"train": 0.0},
        {"train": float("nan"), "val": 1.0},
        {"train": float("inf")},
        {"train": 0.5, "holdout": 0.5},
    ],
)
def test_impossible_fractions_are_refused(fractions):
    with pytest.raises(UsageError, match="three shares"):
        check_fractions(fractions)


def test_fractions_are_scaled_to_one():
    assert check_fractions({"train": 70, "val": 15, "test": 15}) == pytest.approx(
        {"train": 0.7, "val": 0.15, "test": 0.15}
    )
