import json
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).parent))  # makes `answer_cases` importable
from answer_cases import AFTER, BEFORE, BINARY, CASES, SKIN, STATED

from dermbench.artifacts import make_truth, read_answers, read_class_map, read_predictions
from dermbench.artifacts.answer_names import answer_names
from dermbench.artifacts.answer_text import LONGEST, parse_answer
from dermbench.errors import InputError, UsageError

ROWS = [
    ("a", "Answer: melanoma"),
    ("b", "I cannot provide a diagnosis."),
    ("c", 'melanoma\nor a nevus, "maybe"'),
    ("007", "nevus"),
    ("e", ""),
]
READ = [("melanoma", None), (None, "refused"), (None, "unparsable"), ("nevus", None), (None, "unparsable")]


def outcome(text, classes, class_map=None):
    found = parse_answer(text, answer_names(classes, class_map))
    assert (found.label is None) != (found.no_answer is None)
    return found.label or found.no_answer


@pytest.mark.parametrize(("classes", "text", "expected"), CASES, ids=[repr(text)[:60] for _, text, _ in CASES])
def test_an_answer_is_read_refused_or_not_readable(classes, text, expected):
    assert outcome(text, classes) == expected


@given(
    st.sampled_from([text for classes, text, expected in CASES if classes is SKIN and expected in SKIN]), st.data()
)
@settings(max_examples=150)
def test_what_is_read_is_never_another_class_than_stated_when_words_are_left_out(text, data):
    expected = {outcome(text, SKIN)}
    words = text.split(" ")
    kept = [word for word in words if data.draw(st.booleans())]
    named = {name for name in SKIN if answer_names((name, "x")).mark(" ".join(kept).lower()).count("\ue000")}
    assert outcome(" ".join(kept), SKIN) in named | expected | {"refused", "unparsable"}


@pytest.mark.parametrize("stated", STATED)
def test_a_statement_in_doubt_denied_or_compared_is_not_read(stated):
    assert outcome(stated, SKIN) == "melanoma"
    assert [before for before in BEFORE if outcome(before + stated, SKIN) != "unparsable"] == []
    assert [after for after in AFTER if outcome(stated + after, SKIN) != "unparsable"] == []


@pytest.mark.parametrize("name", SKIN)
@pytest.mark.parametrize("form", ["{}", "Answer: {}", "This is {}.", "The most likely diagnosis is {}."])
def test_every_class_can_be_answered_in_its_own_spelling_and_in_capitals(name, form):
    assert outcome(form.format(name), SKIN) == name
    assert outcome(form.format(name.upper()), SKIN) == name


def test_names_of_a_class_map_are_read_and_nothing_else_is_a_synonym():
    classes = ("NEV", "MEL", "BCC")
    assert outcome("Melanoma in situ.", classes) == "unparsable"
    mapping = read_class_map(
        {"melanoma": "MEL", "melanoma in situ": "MEL", "nevus": "NEV", "mole": "NEV"}, classes
    )
    for text in ("Melanoma in situ.", "This is melanoma in-situ", "Answer: MELANOMA", "Answer: mel"):
        assert outcome(text, classes, mapping) == "MEL"
    assert outcome("This is a mole, that is, a nevus", classes, mapping) == "unparsable"
    assert outcome("A mole", classes, mapping) == "NEV"
    assert outcome("Melanoma or melanoma in situ", classes, mapping) == "unparsable"


def test_classes_that_cannot_be_told_apart_are_refused():
    with pytest.raises(UsageError, match="differ only in spelling"):
        answer_names(("basal cell", "Basal-Cell"))
    with pytest.raises(UsageError, match="no letter"):
        answer_names(("yes", "-"))


def test_long_and_hostile_answers_end_soon():
    names = answer_names([f"class number {i} of skin" for i in range(114)])
    for unit in (
        "<think>",
        "~~",
        "{",
        "the ",
        "most likely ",
        "\\boxed{",
        "class number ",
        ". ",
        "```",
        "answer: ",
    ):
        begun = time.process_time()
        assert parse_answer((unit * LONGEST)[:LONGEST], names).no_answer == "unparsable"
        assert time.process_time() - begun < 5
    assert outcome("Answer: benign" + " " * LONGEST, BINARY) == "unparsable"


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.parquet", "a.jsonl", "bom.csv", "semicolon.csv", "frame"])
def test_every_format_of_a_file_says_the_same(tmp_path, name):
    table = pd.DataFrame(ROWS, columns=["image_id", "answer"])
    source = tmp_path / name
    if name == "frame":
        source = table
    elif name.endswith(".parquet"):
        table.to_parquet(source)
    elif name.endswith(".jsonl"):
        source.write_text("\n".join(json.dumps(row) for row in table.to_dict("records")) + "\n\n")
    else:
        separator = {"a.tsv": "\t", "semicolon.csv": ";"}.get(name, ",")
        table.to_csv(source, index=False, sep=separator, encoding="utf-8-sig" if "bom" in name else "utf-8")
    made = read_answers(source, SKIN)
    assert made.image_id.tolist() == ["a", "b", "c", "007", "e"]
    assert list(zip(made.label, made.no_answer, strict=True)) == READ
    assert made.text[2] == ROWS[2][1]
    assert made.sentence() == "Of 5 answers 2 name a class, 1 are refusals and 2 could not be read."


def test_an_excel_file_and_another_name_of_the_column(tmp_path):
    pytest.importorskip("openpyxl")
    pd.DataFrame(ROWS, columns=["Image ID", "Response"]).assign(model="m").to_excel(
        tmp_path / "a.xlsx", index=False
    )
    made = read_answers(tmp_path / "a.xlsx", SKIN)
    assert list(zip(made.label, made.no_answer, strict=True)) == READ
    assert made.interpreted == ("The answers were read from the column 'Response'.",)


def test_objects_and_lists_in_lines(tmp_path):
    path = tmp_path / "a.jsonl"
    rows = [
        {"image_id": 7, "answer": {"diagnosis": "nevus"}, "logprobs": [1, 2]},
        {"image_id": 8, "answer": ["nevus"]},
        {"image_id": 9},
    ]
    path.write_text("\ufeff" + "\n".join(map(json.dumps, rows)), encoding="utf-8")
    made = read_answers(path, SKIN)
    assert made.image_id.tolist() == ["7", "8", "9"]
    assert made.label.tolist() == ["nevus", None, None]
    assert made.no_answer.tolist() == [None, "unparsable", "unparsable"]


@pytest.mark.parametrize(
    ("table", "problems"),
    [
        ({"image_id": ["a", "a", "b", "b"], "answer": ["nevus", "acne", "acne", "acne"]},
         ["2 repeated image_id: 'a', 'b'; with different answers: 'a'"]),
        ({"image_id": ["a", "a"], "answer": ["acne", "acne"]},
         ["1 repeated image_id: 'a'; with the same answer each"]),
        ({"image_id": ["a", None], "answer": ["acne", "acne"]}, ["empty image_id in 'row 3'"]),
        ({"image_id": ["a\x01"], "answer": ["acne"]}, ["1 image_id with control characters: 'a\\x01'"]),
        ({"image_id": ["a"], "text": ["acne"]}, ["no column answer; found image_id, text"]),
        ({"key": ["a"], "reply": ["acne"]}, ["no column image_id; found key, reply"]),
        ({"image_id": ["a"], "answer": ["acne"], "response": ["nevus"]},
         ["columns 'answer' and 'response' could be the answer; keep one of them"]),
        ({"image_id": [], "answer": []}, ["has no row"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file(table, problems):
    with pytest.raises(InputError) as caught:
        read_answers(pd.DataFrame(table, dtype=object), SKIN)
    assert list(caught.value.problems) == problems


def test_damaged_lines_are_named(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"image_id": "a", "answer": "acne"}\n{"image_id": \n[1]\n{"a": 1, "a": 2}\n')
    with pytest.raises(InputError) as caught:
        read_answers(path, SKIN)
    assert [problem[:7] for problem in caught.value.problems] == ["line 2:", "line 3:", "line 4:"]
    with pytest.raises(UsageError, match="no such file"):
        read_answers(tmp_path / "none.jsonl", SKIN)


def test_the_table_is_a_predictions_file(tmp_path):
    truth = make_truth(pd.DataFrame({"image_id": list("abc"), "label": ["nevus", "acne", "acne"]}), classes=SKIN)
    rows = {"image_id": list("cab"), "answer": ["Acne.", "I'm sorry, I can't assist with that.", "acne or eczema"]}
    made = read_predictions(read_answers(pd.DataFrame(rows), SKIN).table(), truth)
    assert made.no_answer.tolist() == ["refused", "unparsable", None]
    assert made.y_pred.tolist() == [-1, -1, 0]
