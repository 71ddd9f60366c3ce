import pandas as pd
import pytest

from dermbench.artifacts.labels import match_labels
from dermbench.artifacts.skin import BANDS, band_name, fst_name, read_monk, read_skin
from dermbench.errors import UsageError


def skin(*values):
    return read_skin(pd.Series(list(values), dtype=object))


def test_skin_types_as_releases_write_them():
    spellings = [
        "3",
        "3.0",
        3,
        3.0,
        "FST3",
        "iii",
        "III",
        "III.",
        " Type III",
        "Fitzpatrick type III",
        "fst-3",
        "\u2162",
    ]
    found = skin(*spellings)
    assert found.fst.tolist() == [3] * len(spellings)
    assert found.text.isna().all()
    assert set(found.band) == {"III-IV"}


@pytest.mark.parametrize(
    ("spelling", "band"),
    [
        ("I-II", "I-II"),
        ("1/2", "I-II"),
        ("2-1", "I-II"),
        ("12", "I-II"),
        ("Type I-II", "I-II"),
        ("FST1 to FST2", "I-II"),
        ("3, 4", "III-IV"),
        ("3,4", "III-IV"),
        (34, "III-IV"),
        (34.0, "III-IV"),
        ("iii and iv", "III-IV"),
        ("V\u2013VI", "V-VI"),
        ("V \u2014 VI", "V-VI"),
        ("2/3", None),
        ("II or III", None),
        ("23", None),
        ("11", None),
        ("I-III", None),
        ("3, 4, 5", None),
    ],
)
def test_a_range_is_never_a_type(spelling, band):
    found = skin(spelling, "3")
    assert pd.isna(found.fst[0])
    assert (None if pd.isna(found.band[0]) else found.band[0]) == band
    assert band is None or band in BANDS
    assert str(found.text[0]) in {str(spelling), "34"}


@pytest.mark.parametrize(
    "spelling", ["", "-1", -1, "\u22121", "0", "nan", "None", None, float("nan"), pd.NA, "NONE_IDENTIFIED", "N/A"]
)
def test_spellings_of_unknown_leave_nothing_behind(spelling):
    found = skin(spelling, "3")
    assert pd.isna(found.fst[0])
    assert pd.isna(found.text[0])


@pytest.mark.parametrize(
    "spelling", ["iii fair skin, blue eyes", "I don't know", "7", "3.5", "VII", "I am not sure", "1.2"]
)
def test_sentences_are_unknown_and_kept(spelling):
    found = skin(spelling)
    assert pd.isna(found.fst[0])
    assert pd.isna(found.band[0])
    assert found.text[0] == spelling


def test_monk_tones_are_whole_numbers_from_1_to_10():
    tone, kept = read_monk(pd.Series(["1", "10", "MST 4", 5.0, "3.5", "11", "-1", "", "dark"], dtype=object))
    assert tone.dropna().tolist() == [1, 10, 4, 5]
    assert kept.dropna().tolist() == ["3.5", "11", "dark"]


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


def test_labels_written_as_numbers_match():
    assert match_labels(["1.0", "0", "2.00"], ["0", "1", "2"]).tolist() == ["1", "0", "2"]
    assert match_labels(["1.5"], ["1", "15"]).isna().all()
