"""Where limits, defaults and lists in messages begin and end."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts import make_truth, read_predictions
from dermbench.artifacts.column_types import SHOWN, reading_sentences
from dermbench.artifacts.columns import _differs
from dermbench.artifacts.guarded import parse_json, read_json, read_toml
from dermbench.artifacts.label_column import folded_labels
from dermbench.artifacts.one_hot import read_one_hot
from dermbench.artifacts.scales import read_scales
from dermbench.artifacts.tables import read_table
from dermbench.errors import InputError, UsageError
from dermbench.leaderboard.check_entry import MAX_UNLISTED, _unlisted, file_owners


def test_large_logits_do_not_overflow():
    truth = make_truth(pd.DataFrame({"image_id": ["1", "2"], "label": ["a", "b"]}))
    table = pd.DataFrame({"image_id": ["1", "2"], "prob_a": [1000.0, -1000.0], "prob_b": [999.0, 1000.0]})
    made = read_predictions(table, truth, logits=True)
    assert made.y_prob == pytest.approx(np.array([[np.e / (1 + np.e), 1 / (1 + np.e)], [0, 1]]))


@pytest.mark.parametrize("number", [2**64 - 1, -(2**63)])
def test_integers_of_64_bits_are_read(number):
    assert parse_json("x", json.dumps({"n": number})) == {"n": number}
    with pytest.raises(InputError, match="larger than 64 bits"):
        parse_json("x", json.dumps({"n": number + np.sign(number).item()}))


def test_files_are_read_through_links_and_without_nan_unless_asked(tmp_path):
    (tmp_path / "a.json").write_text('{"a": 1}')
    (tmp_path / "a.toml").write_text("a = 1")
    for name in ("a.json", "a.toml"):
        (tmp_path / f"to-{name}").symlink_to(name)
    assert read_json(tmp_path / "to-a.json") == read_toml(tmp_path / "to-a.toml") == {"a": 1}
    (tmp_path / "nan.json").write_text('{"a": NaN}')
    with pytest.raises(InputError, match="NaN or infinity"):
        read_json(tmp_path / "nan.json")
    assert np.isnan(read_json(tmp_path / "nan.json", nan=True)["a"])
    for name, follow in (("to-a.json", read_json), ("to-a.toml", read_toml)):
        with pytest.raises(UsageError):
            follow(tmp_path / name, follow=False)


@pytest.mark.parametrize(("n", "end"), [(3, "'C' is 'c')"), (4, "'C' is 'c' and 1 more)")])
def test_three_spellings_are_shown(n, end):
    found = pd.Series(["A", "B", "C", "D"][:n])
    assert folded_labels(found, found.str.lower())[0].endswith(f"{end}.")


@pytest.mark.parametrize(("n", "last"), [(20, "column 'c19' holds binary"), (21, "1 more such columns")])
def test_twenty_columns_of_a_strange_type_are_named(tmp_path, n, last):
    pd.DataFrame({f"c{k}": [b"x"] for k in range(n)}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError) as caught:
        read_table(tmp_path / "t.parquet")
    assert caught.value.problems[-1] == last
    assert len(caught.value.problems) == n


@pytest.mark.parametrize(("n", "lines"), [(5, "2, 3, 4, 5, 6"), (6, "2, 3, 4, 5, 6 …")])
def test_five_lines_without_one_label_are_named(n, lines):
    table = pd.DataFrame({"image_id": map(str, range(8)), "a": [1] * 8, "b": [1] * n + [0] * (8 - n)})
    with pytest.raises(InputError, match="exactly one 1 per row") as caught:
        read_one_hot(table, "image_id", (), source="t")
    assert caught.value.problems[0].endswith(f"{n} rows do not have it: {lines}")


def test_the_most_frequent_spellings_are_shown_and_the_rest_counted():
    for n, more in ((SHOWN, ""), (SHOWN + 1, " and 1 more")):
        text = [f"odd {k}" for k in range(n)]
        table = pd.DataFrame({"fst": pd.array([None] * n, dtype="Int64"), "fst_text": text})
        (said,) = reading_sentences(table)
        assert f"'odd {SHOWN - 1}' 1{more})" in said


@pytest.mark.parametrize(
    "given",
    [
        {"ordered": ["age"], "bins": ["age=40,60"]},
        {"bins": ["age=40,60", "age=50"]},
        {"bins": ["age=60,40"]},
        {"bins": ["age=40,40"]},
        {"bins": {"age": []}},
    ],
)
def test_bands_that_contradict_themselves_are_refused(given):
    with pytest.raises(UsageError, match="--bins age: give increasing lower ends"):
        read_scales(**given)
    assert read_scales(ordered=["age"], bins=["size=1"]).columns == ("age", "size")


def test_a_table_of_one_blank_row_has_no_row(tmp_path):
    (tmp_path / "t.csv").write_text("image_id,label\n , \n")
    assert read_table(tmp_path / "t.csv").frame.empty
    (tmp_path / "t.csv").write_text("image_id,label\na,b\n , \n")
    assert len(read_table(tmp_path / "t.csv").frame) == 1


def test_owners_of_files_are_known_beside_a_broken_entry(tmp_path):
    for name, text in (("a", "not toml ="), ("b", None)):
        (tmp_path / name).mkdir()
        good = (
            'schema = "dermbench.entry/1"\nname = "B"\ntruth_digest = "sha256:0"\n[hashes]\n"x.csv" = "sha256:1"\n'
        )
        (tmp_path / name / "entry.toml").write_text(good if text is None else text)
    assert file_owners([tmp_path / "a", tmp_path / "b"]) == {"sha256:1": "b/x.csv"}


def test_unlisted_files_are_named_and_the_rest_counted():
    names = {f"{k:04}" for k in range(MAX_UNLISTED + 2)}
    found = _unlisted("entries/a", names)
    assert len(found) == MAX_UNLISTED + 1
    assert found[""] == "entries/a: 2 more files are not listed in entry.toml"
    assert "" not in _unlisted("entries/a", set(sorted(names)[:MAX_UNLISTED]))


def test_columns_of_bands_differ_where_their_bands_do():
    table = pd.DataFrame({"fst": ["I-II", "III-IV"], "same": ["1-2", "III/IV"], "other": ["V-VI", "III-IV"]})
    assert not _differs(table, "fst", "fst", "same")
    assert _differs(table, "fst", "fst", "other")
