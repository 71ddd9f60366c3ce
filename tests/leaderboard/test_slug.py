from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermbench.leaderboard.slug import slugify


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("EfficientNet-B4 (380 px)", "efficientnet-b4-380-px"),
        ("../../etc/passwd", "etc-passwd"),
        ("..", None),
        ("/", None),
        ("C:\\Windows", "c-windows"),
        ("Modèle naïf", "modele-naif"),
        ("皮膚科", None),
        ("🩺", None),
        ("CON", "entry-con"),
        ("a" * 10_000, "a" * 60),
        ("-x-", "x"),
    ],
)
def test_known_names(name, slug):
    found = slugify(name)
    assert found == slug if slug else re.fullmatch(r"entry-[0-9a-f]{10}", found)


def test_names_without_ascii_stay_apart():
    assert slugify("皮膚") != slugify("皮膚科")


@given(st.text(max_size=200))
def test_never_a_path(name):
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,65}[a-z0-9])?", slugify(name))
