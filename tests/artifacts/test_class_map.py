import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dermbench.artifacts import make_truth, read_class_map, read_predictions
from dermbench.errors import InputError, UsageError

CLASSES = ("BCC", "MEL", "NEV")
LINES = {"basal cell": "bcc", "melanoma": "MEL", "in-situ": "MEL", "common": "NEV", "blue": "nev"}


@pytest.fixture
def truth():
    return make_truth(pd.DataFrame({"image_id": ["a", "b", "c"], "label": ["BCC", "MEL", "NEV"]}), classes=CLASSES)


def written(tmp_path, text, name="map.csv"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


def probabilities(*rows):
    return pd.DataFrame(list(rows), columns=["image_id", *(f"prob_{name}" for name in LINES)])


def test_a_table_toml_a_frame_and_a_mapping_say_the_same(tmp_path):
    table = pd.DataFrame({"truth": LINES.values(), "Model": LINES.keys()})
    table.to_csv(tmp_path / "map.csv", index=False)
    table.to_csv(tmp_path / "map.tsv", index=False, sep="\t")
    toml = written(tmp_path, "\n".join(f'"{a}" = "{b}"' for a, b in LINES.items()), "map.toml")
    sources = [tmp_path / "map.csv", tmp_path / "map.tsv", toml, table, LINES]
    found = [read_class_map(source, CLASSES) for source in sources]
    assert all(item.targets == found[0].targets for item in found)
    assert found[0].targets["basal-cell"] == "BCC"
    assert [item.source for item in found] == ["map.csv", "map.tsv", "map.toml", "<DataFrame>", "<mapping>"]


def test_every_problem_of_a_map_in_one_message(tmp_path):
    text = "model,truth\nmole,NEV\nMole,MEL\nwart,\n,BCC\nspot,macule\ncommon,NEV\nCommon,nev\n"
    with pytest.raises(InputError) as caught:
        read_class_map(written(tmp_path, text), CLASSES)
    assert caught.value.problems == (
        "no class of the model in 'row 5'",
        "no class of the truth for 'wart'",
        "no class of the truth: 'macule'; classes: BCC, MEL, NEV",
        "several classes of the truth for 'mole'",
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("map.csv", "from,to\na,b\n", "two columns model and truth; found from, to"),
        ("map.csv", "model,truth,note\na,BCC,x\n", "two columns model and truth; found model, truth, note"),
        ("map.csv", "model,truth\n", "the map is empty"),
        ("map.toml", "a = 'BCC", "not TOML"),
        ("map.toml", "[a]\nb = 'BCC'", 'not of the form "model class" = "truth class": \'a\''),
    ],
)
def test_malformed_maps(tmp_path, name, text, message):
    with pytest.raises(InputError) as caught:
        read_class_map(written(tmp_path, text, name), CLASSES)
    assert message in str(caught.value)
    with pytest.raises(UsageError, match="no such file"):
        read_class_map(tmp_path / f"absent-{name}", CLASSES)


def test_probabilities_of_one_class_are_added(truth):
    table = probabilities(
        ["a", 0.4, 0.1, 0.1, 0.3, 0.1], ["b", 0.3, 0.2, 0.2, 0.1, 0.2], ["c", 0.0, 0.0, 0.5, 0.25, 0.25]
    )
    read = read_predictions(table, truth, class_map=read_class_map(LINES, CLASSES))
    np.testing.assert_allclose(read.y_prob, [[0.4, 0.2, 0.4], [0.3, 0.4, 0.3], [0.0, 0.5, 0.5]], atol=1e-15)
    assert read.y_pred.tolist() == [0, 1, 1]
    assert read.interpreted == ("5 classes of the predictions mapped onto 3 by <mapping>.",)


def test_labels_are_renamed(truth):
    table = pd.DataFrame({"image_id": list("abc"), "pred": ["Basal-Cell", "blue", "MEL"]})
    read = read_predictions(table, truth, class_map=read_class_map(LINES, CLASSES))
    assert read.y_pred.tolist() == [0, 2, 1]
    assert read.y_prob is None
    assert read.interpreted == ("3 classes of the predictions mapped onto 3 by <mapping>.",)


def test_a_class_of_the_truth_that_the_model_lacks_gets_0_and_is_named(truth):
    table = pd.DataFrame({"image_id": list("abc"), "prob_mole": 0.75, "prob_melanoma": 0.25})
    read = read_predictions(table, truth, class_map=read_class_map({"mole": "NEV", "melanoma": "MEL"}, CLASSES))
    assert read.y_prob.tolist() == [[0, 0.25, 0.75]] * 3
    assert read.interpreted[1] == "No class of the predictions stands for BCC: probability 0."


def test_all_unmapped_classes_are_named_beside_other_problems(truth, tmp_path):
    names = [f"k{i}" for i in range(9)]
    table = pd.DataFrame(
        {"image_id": ["a", "b", "b"], "prob_melanoma": [2, 0.5, 0.5], **{f"prob_{n}": 0 for n in names}}
    )
    mapping = read_class_map(written(tmp_path, "model,truth\nmelanoma,MEL\n"), CLASSES)
    with pytest.raises(InputError) as caught:
        read_predictions(table, truth, class_map=mapping)
    text = str(caught.value)
    for part in [*names, "1 repeated image_id: 'b'", "1 missing image_id: 'c'", "outside of 0 to 1", "in map.csv"]:
        assert part in text
    labels = pd.DataFrame({"image_id": list("abc"), "pred": ["k1", "k2", "melanoma"]})
    with pytest.raises(InputError, match="unknown class: 'k1', 'k2'") as caught:
        read_predictions(labels, truth, class_map=mapping)
    assert "add one for the rest" in caught.value.remedy


def test_the_same_class_twice_is_refused_also_with_a_map(truth):
    table = probabilities(["a", 1, 0, 0, 0, 0], ["b", 1, 0, 0, 0, 0], ["c", 1, 0, 0, 0, 0])
    mapping = read_class_map(LINES, CLASSES)
    with pytest.raises(InputError, match="'prob_blue' and 'prob_Blue' are the same class"):
        read_predictions(table.assign(prob_Blue=0.0), truth, class_map=mapping)


@settings(max_examples=40)
@given(st.permutations(CLASSES), st.integers(0, 2**32 - 1))
def test_a_map_that_renames_gives_what_renamed_columns_give(order, seed):
    frame = pd.DataFrame({"image_id": ["a", "b", "c"], "label": list(CLASSES)})
    truth = make_truth(frame, classes=CLASSES)
    prob = np.random.default_rng(seed).dirichlet(np.ones(3), size=3)
    mine = pd.DataFrame({"image_id": ["c", "a", "b"], **{f"prob_m{i}": prob[:, i] for i in range(3)}})
    mapping = read_class_map({f"m{i}": name for i, name in enumerate(order)}, CLASSES)
    renamed = mine.rename(columns={f"prob_m{i}": f"prob_{name}" for i, name in enumerate(order)})
    mapped = read_predictions(mine, truth, class_map=mapping)
    assert mapped.digest == read_predictions(renamed, truth).digest
