from __future__ import annotations

import json

import pytest

from dermbench.artifacts.hashing import text_digest
from dermbench.errors import InputError
from dermbench.leaderboard.index import START, append_entry, append_settings, read_index

A, B, T = (text_digest(letter) for letter in "abt")
SETTINGS = {"board.toml": {"task": "toy", "classes": ["a", "b"], "resamples": 99}, "reported.toml": {}}


@pytest.fixture
def ledger(tmp_path):
    """A chain of five lines about settings and two entries."""
    append_settings(tmp_path, SETTINGS)
    append_entry(tmp_path, "add", "one", entry=A, truth=T)
    append_entry(tmp_path, "add", "two", entry=A, truth=T)
    append_entry(tmp_path, "replace", "one", entry=B, truth=T)
    append_entry(tmp_path, "remove", "two", entry=A, truth=T)
    return tmp_path


def lines(folder):
    return (folder / "index.jsonl").read_text().splitlines()


def put(folder, texts):
    (folder / "index.jsonl").write_text("".join(f"{text}\n" for text in texts))


def test_each_line_carries_the_hash_of_the_line_before(ledger):
    documents = [json.loads(text) for text in lines(ledger)]
    assert [d["sequence"] for d in documents] == [1, 2, 3, 4, 5]
    assert documents[0]["previous"] == START
    for before, document in zip(lines(ledger), documents[1:], strict=False):
        assert document["previous"] == text_digest(before)


def test_current_lists_entries_that_were_not_removed(ledger):
    index = read_index(ledger)
    assert {slug: line.entry for slug, line in index.current.items()} == {"one": B}
    assert index.head == text_digest(lines(ledger)[-1])
    assert index.settings.settings == SETTINGS


def test_a_board_without_index_has_no_lines(tmp_path):
    assert read_index(tmp_path).lines == ()
    assert read_index(tmp_path).head == START


def test_an_appended_chain_contains_every_earlier_head(ledger):
    earlier = read_index(ledger).head
    append_entry(ledger, "add", "three", entry=A, truth=T)
    (added,) = read_index(ledger).since(earlier)
    assert added.slug == "three"
    assert len(read_index(ledger).since(START)) == 6
    put(ledger, [])
    append_settings(ledger, SETTINGS)
    assert read_index(ledger).since(earlier) is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda t: [t[1], t[0], *t[2:]], "line 1 has the sequence number 2: a line was removed or moved"),
        (lambda t: [t[0], *t[2:]], "line 2 has the sequence number 3: a line was removed or moved"),
        (lambda t: [t[0].replace("99", "98"), *t[1:]], "line 2 does not continue line 1: line 1 was edited"),
        (lambda t: [t[0], t[1].replace(A, B), *t[2:]], "line 3 does not continue line 2: line 2 was edited"),
        (lambda t: [*t[:3], t[3].replace('"one"', '"two"'), t[4]], "line 5 does not continue line 4"),
        (lambda t: [t[0], t[0], *t[1:]], "line 2 has the sequence number 1"),
        (lambda t: [t[0].replace(": ", ":"), *t[1:]], "line 1 was edited: it is not written as"),
        (lambda t: ["0  entries/one", *t], "line 1 is no line of an index"),
        (lambda t: [t[0], t[1].replace("add", "bless"), *t[2:]], "line 2 is no line of an index: action"),
        (lambda t: [t[0], t[1].replace('"one"', '"../one"'), *t[2:]], "line 2 is no line of an index: slug"),
        (lambda t: [t[0].replace("sha256:", "md5:"), *t[1:]], "line 1 is no line of an index: previous"),
    ],
)
def test_the_first_break_is_named(ledger, change, sentence):
    put(ledger, change(lines(ledger)))
    with pytest.raises(InputError) as caught:
        read_index(ledger)
    assert caught.value.problems[0].startswith(sentence)
    assert len(caught.value.problems) == 1


def test_a_torn_last_line(ledger):
    path = ledger / "index.jsonl"
    path.write_text(path.read_text()[:-20])
    with pytest.raises(InputError, match=r"line 5 is no line|no end"):
        read_index(ledger)


def test_impossible_events(tmp_path):
    append_settings(tmp_path, SETTINGS)
    append_entry(tmp_path, "remove", "never", entry=A, truth=T)
    with pytest.raises(InputError, match="line 2 says remove never, which contradicts the lines before"):
        read_index(tmp_path)


def test_an_index_begins_with_the_settings(tmp_path):
    append_entry(tmp_path, "add", "one", entry=A, truth=T)
    with pytest.raises(InputError, match="line 1 is about an entry; the first line of an index"):
        read_index(tmp_path)


def test_nothing_is_added_to_a_broken_chain(ledger):
    put(ledger, lines(ledger)[1:])
    with pytest.raises(InputError, match="only appended to it"):
        append_entry(ledger, "add", "three", entry=A, truth=T)
