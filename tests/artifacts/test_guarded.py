"""Hostile and damaged JSON and TOML: one message each, naming the file."""

from __future__ import annotations

import os
import time

import pytest
from pydantic import BaseModel

from dermbench.artifacts import guarded
from dermbench.artifacts.guarded import parse_json, parse_toml, read_bytes, read_json, read_toml
from dermbench.artifacts.records import MAX_PROBLEMS, read_model, validated
from dermbench.artifacts.tensor_header import read_metadata, read_tensor_header
from dermbench.errors import InputError, UsageError

BOTH = [
    ("[" * 3000, "a = " + "[" * 3000, "more than 64 levels deep"),
    ("[" * 900 + "]" * 900, "a = " + "[" * 90 + "]" * 90, "more than 64 levels deep"),
    ('{"a":' * 70 + "1" + "}" * 70, "a = " + "{a=" * 70 + "1" + "}" * 70, "more than 64 levels deep"),
    ("9" * 5000, "a = " + "9" * 5000, "a number has too many digits"),
    ("[18446744073709551616]", "a = 18446744073709551616", "larger than 64 bits"),
    ("[NaN]", "a = nan", "NaN or infinity"),
    ("1e999", "a = -inf", "NaN or infinity"),
    ('{"a": 1, "a": 2}', "a = 1\na = 2", "repeated key 'a'|Cannot overwrite a value"),
    ('["\\u0000"]', 'a = "\\u0000"', "the character NUL"),
    ('{"\\u0000": 1}', '"\\u0000" = 1', "the character NUL"),
    ('["\\ud800"]', 'a = "\\ud800"', "half a character|not a Unicode scalar"),
    ("{", "a = ", "not (JSON|TOML)"),
    (b"\xff\xfe{\x00}\x00", b"\xff\xfea\x00", "UTF-16; save the file as UTF-8"),
    (b'["\xe9"]', b'a = "\xe9"', "is not UTF-8"),
    (b"", b"\x00", "not (JSON|TOML)"),
]


@pytest.mark.parametrize(("as_json", "as_toml", "message"), BOTH, ids=[str(i) for i in range(len(BOTH))])
def test_what_no_record_can_hold_is_one_message(as_json, as_toml, message):
    for parse, text in ((parse_json, as_json), (parse_toml, as_toml)):
        with pytest.raises(InputError, match=message) as caught:
            parse("the file", text)
        assert str(caught.value).startswith("the file: 1 problem\n")
        assert len(str(caught.value)) < 600


def test_a_byte_order_mark_is_no_fault(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf[1, 2.5, null, true]")
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfa = 1")
    assert read_json(tmp_path / "a.json") == [1, 2.5, None, True]
    assert read_toml(tmp_path / "a.toml") == {"a": 1}
    assert parse_json("x", "[NaN]", nan=True) != [None]


@pytest.mark.parametrize(
    "text", ["a" + ".a" * 100_000 + " = 1", "[" + "'a'. " * 100_000 + "a]", 'x = 1\n"a" .' * 99_999]
)
def test_a_key_of_many_tables_takes_no_time(text):
    started = time.perf_counter()
    with pytest.raises(InputError):
        parse_toml("x", text)
    assert time.perf_counter() - started < 2


def test_only_plain_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "real").write_text("{}")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (tmp_path / "pipe", "/dev/zero", tmp_path):
        for read in (read_json, read_toml, read_tensor_header):
            with pytest.raises(UsageError, match="is not a plain file"):
                read(path)
    for path, message in (("none", "no such file"), ("loop", "cannot be read"), ("a\0b", "cannot be read")):
        with pytest.raises(UsageError, match=message):
            read_json(tmp_path / path)
    assert read_json(tmp_path / "link") == {}
    with pytest.raises(UsageError, match="is a link"):
        read_json(tmp_path / "link", follow=False)


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    with (tmp_path / "sparse").open("wb") as stream:
        stream.truncate(1 << 40)
    for read in (read_json, read_toml):
        with pytest.raises(InputError, match="is larger than the"):
            read(tmp_path / "sparse")
    (tmp_path / "a").write_bytes(b"12345")
    assert read_bytes(tmp_path / "a", limit=5) == b"12345"
    with pytest.raises(InputError, match="is larger"):
        read_bytes(tmp_path / "a", limit=4)
    assert guarded.TOML_BYTES <= guarded.JSON_BYTES


class Two(BaseModel, extra="forbid"):
    a: int
    b: str


def test_all_problems_of_a_record_are_one_message(tmp_path):
    (tmp_path / "two.toml").write_text('a = "x"\nc = 1')
    with pytest.raises(InputError) as caught:
        read_model(tmp_path / "two.toml", Two)
    assert len(caught.value.problems) == 3
    with pytest.raises(InputError) as caught:
        validated("x", Two, {str(i): i for i in range(5000)})
    assert len(caught.value.problems) == MAX_PROBLEMS + 1
    assert caught.value.problems[-1] == "and 4,902 more"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cut off"),
        (b"\xff" * 8, "cut off"),
        ((2).to_bytes(8, "little") + b"[]", "not a JSON object"),
        ((9).to_bytes(8, "little") + b'{"a": NaN', "not JSON"),
        ((20 << 20).to_bytes(8, "little") + b" " * (21 << 20), "larger than 16 MB"),
    ],
)
def test_damaged_tensor_headers(tmp_path, data, message):
    (tmp_path / "x.safetensors").write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_tensor_header(tmp_path / "x.safetensors")


def test_metadata_of_another_form_is_none_or_refused(tmp_path):
    for text, found in (("{}", None), ('{"__metadata__": {"k": "v"}}', "v"), ('{"__metadata__": null}', None)):
        data = text.encode()
        (tmp_path / "x").write_bytes(len(data).to_bytes(8, "little") + data)
        assert read_metadata(tmp_path / "x", "k") == found
    data = b'{"__metadata__": {"k": [1]}}'
    (tmp_path / "x").write_bytes(len(data).to_bytes(8, "little") + data)
    with pytest.raises(InputError, match="is not text"):
        read_metadata(tmp_path / "x", "k")
