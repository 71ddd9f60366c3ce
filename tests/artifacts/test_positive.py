"""Which classes count as positive."""

import pandas as pd
import pytest

from dermbench.artifacts.positive import chosen_classes, malignancy_by_class, positive_classes
from dermbench.errors import UsageError

THREE = ("bcc", "mel", "nevus")
KINDS = {"bcc": "malignant", "mel": "malignant", "nevus": "benign"}


@pytest.mark.parametrize(
    ("classes", "about", "expected"),
    [
        (THREE, {"malignancy": KINDS}, (("bcc", "mel"), "malignancy", False)),
        (THREE, {"malignancy": KINDS, "chosen": ["mel"]}, (("mel",), "--positive", True)),
        (THREE, {"malignancy": {"mel": "malignant"}}, None),
        (THREE, {"malignancy": dict.fromkeys(THREE, "malignant")}, None),
        (THREE, {}, None),
        (("mel", "nevus"), {"malignancy": KINDS}, (("mel",), "malignancy", True)),
        (("benign", "malignant"), {}, (("malignant",), "class name", True)),
        (("0", "1"), {}, (("1",), "class name", True)),
        (("No", "Yes"), {}, (("Yes",), "class name", True)),
        (("eczema", "psoriasis"), {}, None),
        (("cancer", "melanoma"), {}, None),
        (("acne", "malignant", "nevus"), {}, None),
        (
            ("benign", "malignant"),
            {"malignancy": dict.fromkeys(("benign", "malignant"), "x")},
            (("malignant",), "class name", True),
        ),
    ],
)
def test_the_user_comes_first_then_malignancy_then_a_telling_name(classes, about, expected):
    found = positive_classes(classes, **about)
    assert (None if found is None else (found.classes, found.source, found.leads)) == expected


def test_what_a_name_says_is_said_to_the_user():
    assert "The class malignant counts as positive" in positive_classes(("benign", "malignant")).sentence
    assert positive_classes(THREE, malignancy=KINDS).sentence is None


def test_classes_are_named_in_any_spelling_but_not_all_of_them():
    assert chosen_classes([" MEL ", "bcc"], THREE) == ("bcc", "mel")
    assert chosen_classes(["melanoma"], THREE, {"melanoma": "mel"}) == ("mel",)
    with pytest.raises(UsageError, match="no class 'wart'; there are bcc, mel, nevus"):
        chosen_classes(["mel", "wart"], THREE)
    with pytest.raises(UsageError, match="names every class"):
        chosen_classes(THREE, THREE)


@pytest.mark.parametrize(
    ("labels", "values", "kinds", "remark"),
    [
        ("mmnn", ["Malignant ", None, "benign", "benign"], {"m": "malignant", "n": "benign"}, None),
        ("mmnn", [1, 1, 0, 0], {"m": "malignant", "n": "benign"}, None),
        ("mmnn", ["malignant", "benign", "benign", "benign"], {}, "class m has several"),
        ("mmnn", ["malignant", "malignant", None, None], {}, "class n has none"),
        ("mmnn", ["maligne", "maligne", "benign", "benign"], {}, "of no class that it is malignant"),
    ],
)
def test_a_column_counts_where_it_is_constant_within_each_class(labels, values, kinds, remark):
    table = pd.DataFrame({"label": list(labels), "malignancy": values})
    found, said = malignancy_by_class(table, ("m", "n"))
    assert found == kinds
    assert (said is None) if remark is None else (remark in said)
    assert malignancy_by_class(table[["label"]], ("m", "n")) == ({}, None)


def test_a_column_that_contradicts_the_names_of_classes_is_refused():
    table = pd.DataFrame({"label": ["benign", "malignant"], "malignancy": ["malignant", "benign"]})
    with pytest.raises(UsageError, match="calls images of the class benign malignant"):
        malignancy_by_class(table, ("benign", "malignant"))
