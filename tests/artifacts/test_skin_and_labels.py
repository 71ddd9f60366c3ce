import pandas as pd
import pytest

from dermbench.artifacts.labels import match_labels
from dermbench.artifacts.skin import band_name, fst_name, parse_fst
from dermbench.errors import UsageError


def test_skin_types_as_releases_write_them():
    spellings = ["3", "3.0", 3, 3.0, "FST3", "iii fair skin, blue eyes", "III", " Type III"]
    assert parse_fst(spellings).tolist() == [3] * len(spellings)


def test_what_is_no_skin_type_is_missing():
    unknown = [
        "",
        "-1",
        -1,
        "0",
        "7",
        "None of the above",
        None,
        float("nan"),
        pd.NA,
        "NONE_IDENTIFIED",
        "12",
        "34",
    ]
    assert parse_fst(unknown).isna().all()


def test_names_and_bands():
    fst = pd.Series([1, 2, 3, 4, 5, 6, None], dtype="Int64")
    assert fst_name(fst).tolist() == ["I", "II", "III", "IV", "V", "VI", "unknown"]
    assert band_name(fst).tolist() == ["I-II", "I-II", "III-IV", "III-IV", "V-VI", "V-VI", "unknown"]


def test_labels_match_whatever_their_separators():
    found = match_labels(["prurigo nodularis", "Prurigo_Nodularis", "other", "AK"], ["prurigo-nodularis", "ak"])
    assert found.tolist()[:2] == ["prurigo-nodularis"] * 2
    assert pd.isna(found[2])
    assert found[3] == "ak"


def test_classes_that_differ_only_in_spelling_are_refused():
    with pytest.raises(UsageError, match="differ only in spelling"):
        match_labels(["a"], ["a b", "a-b"])
