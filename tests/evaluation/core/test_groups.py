"""From columns to named groups."""
# ruff: noqa: RUF001 - names of intersections hold the multiplication sign

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts.scales import read_scales
from dermbench.artifacts.truth import make_truth, read_truth
from dermbench.errors import UsageError
from dermbench.evaluation.core.groups import default_features, further_annotators, group, group_all


def truth_with(**columns):
    n = len(next(iter(columns.values())))
    base = {"image_id": [f"i{k}" for k in range(n)], "label": ["a", "b"] * (n // 2) + ["a"] * (n % 2)}
    return make_truth(pd.DataFrame(base | columns))


def scaled(truth, **options):
    return replace(truth, scales=read_scales(**options))


def named(truth, feature):
    grouping = group(truth, feature)
    return ["unknown" if code < 0 else grouping.names[code] for code in grouping.codes]


def shown(truth, feature):
    return group(truth, feature).with_unknown().names


def test_skin_types_in_order_with_unknown_last():
    truth = truth_with(fst=["6", "", "1", "3", "-1", "1"])
    grouping = group(truth, "fst")
    assert named(truth, "fst") == ["VI", "unknown", "I", "III", "unknown", "I"]
    assert grouping.names == ("I", "II", "III", "IV", "V", "VI")
    assert grouping.ordered
    assert grouping.known().names == ("I", "III", "VI")
    with_unknown = grouping.with_unknown()
    assert with_unknown.names == ("I", "III", "VI", "unknown")
    assert with_unknown.sizes.tolist() == [2, 1, 1, 2]
    assert with_unknown.rows(0).tolist() == [2, 5]


def test_bands():
    truth = truth_with(fst=["1", "2", "3", "4", "5", "6", ""])
    assert named(truth, "fst_band") == ["I-II", "I-II", "III-IV", "III-IV", "V-VI", "V-VI", "unknown"]


def test_bands_given_without_types():
    """DDI has bands only."""
    truth = truth_with(fst_band=["V-VI", "I-II", "", "III-IV"])
    assert named(truth, "fst_band") == ["V-VI", "I-II", "unknown", "III-IV"]
    assert default_features(truth) == ("fst_band",)


def test_further_annotators_are_a_band_of_the_skin_type():
    truth = truth_with(fst=["1", "2"], fst_centaur=["FST2", "iii"], fst_empty=["", ""], sex=["f", "m"])
    assert default_features(truth) == ("fst", "fst_band")
    assert named(truth, "fst_centaur") == ["II", "III"]
    assert [g.feature for g in further_annotators(truth, group_all(truth, None))] == ["fst_centaur"]
    chosen = group_all(truth, ["fst", "fst_centaur"])
    assert further_annotators(truth, chosen) == []
    assert further_annotators(truth, group_all(truth, ["sex"])) == []


def test_every_annotator_is_a_feature_where_no_skin_type_is_merged():
    truth = truth_with(fst_centaur=["FST2", "iii"], fst_dermatologist=["1", "2"], sex=["f", "m"])
    assert default_features(truth) == ("fst_centaur", "fst_dermatologist")
    assert further_annotators(truth, group_all(truth, None)) == []


def test_text_columns_keep_their_values():
    truth = truth_with(sex=["male", "female", "", " female ", "Unknown"])
    assert named(truth, "sex") == ["male", "female", "unknown", "female", "unknown"]
    assert shown(truth, "sex") == ("female", "male", "unknown")
    assert group(truth, "sex").names == ("female", "male")
    assert not group(truth, "sex").ordered


@pytest.mark.parametrize(
    "spelling", ["NA", "null", "None", "nan", "NaN", "N/A", " n/a ", "Not available", "UNKNOWN", "", None]
)
def test_spellings_of_unknown_are_unknown_in_any_sensitive_column(spelling):
    assert named(truth_with(site=[spelling, "arm"]), "site") == ["unknown", "arm"]
    assert named(truth_with(clinic=[spelling, "2", "10"]), "clinic") == ["unknown", "2", "10"]


def test_minus_one_is_unknown_among_positive_codes_only():
    assert named(truth_with(code=[-1, 0, 3]), "code") == ["unknown", "0", "3"]
    assert named(truth_with(code=["-1", "2.5", "N/A"]), "code") == ["unknown", "2.5", "unknown"]
    assert named(truth_with(code=["-1", "-2", "3"]), "code") == ["-1", "-2", "3"]
    assert named(truth_with(code=["-1", "arm"]), "code") == ["-1", "arm"]


def test_none_and_0_are_values_where_they_are_codes():
    assert named(truth_with(code=["0", "1"]), "code") == ["0", "1"]


def test_age_bands():
    truth = truth_with(age=["0", "39.9", "40", "59", "60", "101", "", "-1"])
    assert named(truth, "age") == ["<40", "<40", "40-59", "40-59", "60+", "60+", "unknown", "unknown"]
    assert shown(truth, "age") == ("<40", "40-59", "60+", "unknown")
    assert group(truth, "age").ordered


def test_age_in_words_is_a_category():
    truth = truth_with(age=["AGE_30_TO_39", "AGE_18_TO_29", "unknown"])
    assert named(truth, "age") == ["AGE_30_TO_39", "AGE_18_TO_29", "unknown"]
    assert not group(truth, "age").ordered


@pytest.mark.parametrize(
    ("values", "ends", "names"),
    [
        ([1, 4, 9, None], "4,8", ("<4", "4-7", "8+")),
        (["1.5", "4", "NaN", "9"], "4,8", ("<4", "4 to <8", "8+")),
        ([0, 1, 2], "1,2", ("<1", "1", "2+")),
        ([-5, 0.25, 3], "-2.5,0.5", ("<-2.5", "-2.5 to <0.5", "0.5+")),
    ],
)
def test_bins_put_any_numbers_into_ordered_bands(values, ends, names):
    truth = scaled(truth_with(size=values), bins=[f"size={ends}"])
    grouping = group(truth, "size")
    assert grouping.names == names
    assert grouping.ordered
    assert (grouping.codes >= 0).sum() == 3


def test_bins_of_age_replace_the_default():
    truth = scaled(truth_with(age=["10", "20", "90"]), bins=["age=18"])
    assert named(truth, "age") == ["<18", "18+", "18+"]


def test_numbers_are_categories_unless_ordered():
    truth = truth_with(clinic=["10", "9", "2"])
    assert group(truth, "clinic").names == ("2", "9", "10")
    assert not group(truth, "clinic").ordered
    assert group(scaled(truth, ordered=["clinic"]), "clinic").ordered


def test_text_is_ordered_as_the_user_says():
    truth = truth_with(stage=["high", "low", "n/a"])
    grouping = group(scaled(truth, ordered=["stage=low,middle,high"]), "stage")
    assert (grouping.names, grouping.ordered, grouping.codes.tolist()) == (
        ("low", "middle", "high"),
        True,
        [2, 0, -1],
    )
    with pytest.raises(UsageError, match="order of its values is unknown: 'high', 'low'"):
        group(scaled(truth, ordered=["stage"]), "stage")
    with pytest.raises(UsageError, match="the list lacks the values 'high'"):
        group(scaled(truth, ordered=["stage=low,middle"]), "stage")


@pytest.mark.parametrize(
    ("ordered", "bins"),
    [
        (["=a,b"], []),
        (["x=a"], []),
        (["x=a,a"], []),
        (["x", "x=a,b"], []),
        ([], ["x"]),
        ([], ["x="]),
        ([], ["x=3,2"]),
        ([], ["x=2,nan"]),
        ([], ["x=two"]),
        (["x"], ["x=1"]),
    ],
)
def test_malformed_scales_are_refused(ordered, bins):
    with pytest.raises(UsageError, match=r"--ordered|--bins"):
        read_scales(ordered, bins)


def test_csv_parquet_and_a_frame_give_the_same_groups(tmp_path):
    columns = {
        "clinic": [10, 9, None, 2],
        "whole": [1.0, 2.0, 3.0, None],
        "big": [1234567.0, 1234568.0, None, 1234567.0],
        "biopsy": [True, False, True, True],
        "text": ["10", "9", "N/A", "2"],
        "sex": [0.0, 1.0, None, 1.0],
        "fst": [12.0, 34.0, 3.0, None],
    }
    frame = pd.DataFrame({"image_id": list("abcd"), "label": [0, 1, 0, 1], **columns})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "t.parquet")
    sources = (tmp_path / "t.csv", tmp_path / "t.tsv", tmp_path / "t.parquet", frame)
    truths = [read_truth(source) for source in sources]
    for feature in (*columns, "fst_band"):
        found = [group(truth, feature) for truth in truths]
        assert len({(g.names, g.ordered, tuple(g.codes)) for g in found}) == 1, feature
    assert group(truths[0], "clinic").names == ("2", "9", "10")
    assert group(truths[0], "big").names == ("1234567", "1234568")
    assert group(truths[0], "sex").names == ("0", "1")
    assert {truth.classes for truth in truths} == {("0", "1")}
    assert len({truth.digest for truth in truths}) == 1


def test_ita_bands():
    truth = truth_with(ita=["-31", "-30", "10", "28", "41", "55", "55.1", ""])
    assert named(truth, "ita") == [
        "dark",
        "dark",
        "brown",
        "tan",
        "intermediate",
        "light",
        "very light",
        "unknown",
    ]


def test_numbers_are_ordered_as_numbers():
    truth = truth_with(mst_us=["10", "2", "", "9"])
    assert shown(truth, "mst_us") == ("2", "9", "10", "unknown")


def test_intersection():
    truth = truth_with(fst=["5", "5", "1", "", "1"], sex=["female", "male", "male", "male", ""])
    grouping = group(truth, "fst,sex")
    assert grouping.feature == "fst,sex"
    assert grouping.names == ("I × male", "V × female", "V × male")
    assert named(truth, "fst,sex") == ["V × female", "V × male", "I × male", "unknown", "unknown"]
    assert not grouping.ordered
    assert grouping.intersection


def test_three_features_cross():
    truth = truth_with(fst=["5", "1"], sex=["f", "m"], site=["arm", "leg"])
    assert group(truth, "fst, sex ,site").names == ("I × m × leg", "V × f × arm")


def test_absent_column_names_those_that_are_there():
    truth = truth_with(fst=["1", "2"], sex=["f", "m"], patient_id=["p", "q"])
    with pytest.raises(
        UsageError, match=r"no sensitive feature 'gender'; columns of the truth: .*fst, sex, fst_band"
    ):
        group(truth, "gender")
    with pytest.raises(UsageError, match="'colour'"):
        group(truth, "fst,colour")
    with pytest.raises(UsageError, match="none besides ids and labels"):
        group(truth_with(lesion_id=["a", "b"]), "fst")


def test_a_column_of_measurements_is_refused():
    many = [str(k) for k in range(101)]
    with pytest.raises(UsageError, match="101 groups, at most 100"):
        group(truth_with(diameter=[f"{k} mm" for k in many]), "diameter")
    for numbers in (many, np.linspace(0, 1, 101)):
        with pytest.raises(UsageError, match=r"101 different numbers\n.*--bins diameter="):
            group(truth_with(diameter=numbers), "diameter")
    with pytest.raises(UsageError, match="21 different numbers"):
        group(truth_with(diameter=np.linspace(0, 1, 21)), "diameter")


def test_all_unknown_and_one_group():
    assert shown(truth_with(fst=["", ""]), "fst") == ("unknown",)
    assert shown(truth_with(fst=["2", "2"]), "fst") == ("II",)


def test_default_and_repeated_features():
    truth = truth_with(fst=["1", "2"], sex=["f", "m"])
    assert [g.feature for g in group_all(truth, None)] == ["fst", "fst_band"]
    assert [g.feature for g in group_all(truth, ["sex", "sex"])] == ["sex"]
    assert group_all(truth_with(sex=["f", "m"]), None) == []


@pytest.mark.parametrize(
    "values", [["m", "M", "f"], ["upper arm", "upper_arm", "leg"], ["Male", "male ", "female"]]
)
def test_groups_in_two_spellings_are_refused(values):
    with pytest.raises(UsageError, match=r"'site' has groups that differ only in spelling: .*\nSpell them alike"):
        group(truth_with(site=values), "site")
    assert group(truth_with(biopsy=["TRUE", "True", "false"]), "biopsy").names == ("False", "True")


def test_decimal_commas_are_numbers_in_files_that_have_them(tmp_path):
    (tmp_path / "t.csv").write_text(
        "image_id;label;fst;age;size\na;x;3;45,5;1,5\nb;y;3,4;61;10\nc;y;6,0;;9\n", encoding="utf-8"
    )
    truth = scaled(read_truth(tmp_path / "t.csv"), bins=["size=2"])
    assert named(truth, "age") == ["40-59", "60+", "unknown"]
    assert named(truth, "size") == ["<2", "2+", "2+"]
    assert named(truth, "fst") == ["III", "unknown", "VI"]
    assert named(truth, "fst_band") == ["III-IV", "III-IV", "V-VI"]
