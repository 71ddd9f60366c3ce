"""From columns to named groups."""
# ruff: noqa: RUF001 - names of intersections hold the multiplication sign

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts.truth import make_truth
from dermbench.errors import UsageError
from dermbench.evaluation.core.groups import default_features, further_annotators, group, group_all


def truth_with(**columns):
    n = len(next(iter(columns.values())))
    base = {"image_id": [f"i{k}" for k in range(n)], "label": ["a", "b"] * (n // 2) + ["a"] * (n % 2)}
    return make_truth(pd.DataFrame(base | columns))


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


@pytest.mark.parametrize("value", ["NA", "null", "None", "nan", "0"])
def test_text_that_other_tools_read_as_missing_is_a_value(value):
    assert named(truth_with(site=[value, "arm"]), "site") == [value, "arm"]


def test_age_bands():
    truth = truth_with(age=["0", "29.9", "30", "49", "50", "69", "70", "101", ""])
    expected = ["<30", "<30", "30-49", "30-49", "50-69", "50-69", "70+", "70+", "unknown"]
    assert named(truth, "age") == expected
    assert shown(truth, "age") == ("<30", "30-49", "50-69", "70+", "unknown")
    assert group(truth, "age").names == ("<30", "30-49", "50-69", "70+")
    assert group(truth, "age").ordered


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
        with pytest.raises(UsageError, match="101 different numbers"):
            group(truth_with(diameter=numbers), "diameter")


def test_all_unknown_and_one_group():
    assert shown(truth_with(fst=["", ""]), "fst") == ("unknown",)
    assert shown(truth_with(fst=["2", "2"]), "fst") == ("II",)


def test_default_and_repeated_features():
    truth = truth_with(fst=["1", "2"], sex=["f", "m"])
    assert [g.feature for g in group_all(truth, None)] == ["fst", "fst_band"]
    assert [g.feature for g in group_all(truth, ["sex", "sex"])] == ["sex"]
    assert group_all(truth_with(sex=["f", "m"]), None) == []
