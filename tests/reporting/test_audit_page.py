"""The page of an audit: what it shows, and that nothing a stranger wrote does anything."""

import io
import re
import shutil
import subprocess

import pytest
from PIL import Image

from dermbench.artifacts.audit import (
    Agreement,
    AngleTable,
    Audit,
    EmptyCell,
    Finding,
    LabelErrors,
    Look,
    Pair,
    PairSearch,
    SkinAngle,
    Suspect,
    ToneTable,
)
from dermbench.artifacts.report import Undefined
from dermbench.reporting.pages import audit_page as module
from dermbench.reporting.pages.audit_page import audit_page, shown_images, shown_pairs

HOSTILE = '"><script>alert(1)</script><img src=http://example.org/x onerror=alert(1)>\u202egnp.exe'
SEARCH = PairSearch(verified=True, hash_bits=10, neighbours=10, inliers=12, embeddings=None, compared=9)


def pair(first, second, **changes):
    told = {
        "kind": "verified",
        "inliers": 40,
        "mirrored": False,
        "splits": ("train", "train"),
        "labels": ("a", "a"),
        "tones": ("I", "I"),
    }
    return Pair(first=first, second=second, **(told | changes))


def record(**changes):
    types = ("I", "II", "III", "IV", "V", "VI")
    told = {
        "task": "t",
        "dataset_digest": "sha256:0",
        "images": {"train": 5, "test": 3},
        "search": SEARCH,
        "pairs": (
            pair("p", "q"),
            pair("m", "n", splits=("train", "test"), mirrored=True),
            pair("c", "d", labels=("a", "b"), tones=("I", None)),
            pair("e", "f", kind="alike", inliers=None, mirrored=None, labels=("a", "b")),
            pair("g", "h", kind="exact", inliers=None, mirrored=None, tones=("I", "V")),
        ),
        "groups": 4,
        "images_in_groups": 8,
        "twins_of_training": {"test": 1},
        "leaks": (Finding(shares="duplicates", group="m", found=("test", "train"), images=("m", "n")),),
        "leaked_images": {"train": 1, "test": 1},
        "label_conflicts": (),
        "tone_conflicts": (),
        "tones": (
            ToneTable(
                feature="fst",
                groups=types,
                classes=("a", "b"),
                counts=((4, 0, 1, 1, 0, 0), (0, 2, 0, 0, 0, 0)),
                test=((1, 0, 0, 1, 0, 0), (0, 1, 0, 0, 0, 0)),
                empty=(EmptyCell(label="a", group="II"),),
                empty_in_test=(),
            ),
        ),
        "agreement": (Agreement(columns=("fst", "fst_two"), n=8, exact=0.5, within_one=0.75, kappa=0.4),),
        "looks": (Look(image="z", kind="blurred", value=2.5),),
        "skin_angle": SkinAngle(
            n=8,
            n_without=0,
            classes_six=("dark", "brown", "tan", "intermediate", "light", "very light"),
            classes_five=("brown", "tan", "intermediate", "light", "very light"),
            tables=(
                AngleTable(
                    feature="fst",
                    n=8,
                    spearman=-0.5,
                    groups=types,
                    median=(60.0, 45.0, None, None, None, None),
                    six=((0,) * 6,) * 6,
                    five=((0,) * 5,) * 6,
                ),
            ),
            known=None,
        ),
        "label_errors": LabelErrors(
            n=8,
            accuracy=0.75,
            suspects=(Suspect(image="s", split="test", given="a", suggested="b", probability=0.01),),
            method="m",
        ),
        "summary": ("8 images.",),
    }
    return Audit(**(told | changes))


def jpeg(colour="red", size=(220, 165)):
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "JPEG")
    return stream.getvalue()


def test_pairs_with_other_labels_come_first_and_unconfirmed_ones_last():
    assert [one.first for one in shown_pairs(record())] == ["c", "m", "g", "p", "e"]


def test_every_shown_picture_is_asked_for_once():
    assert shown_images(record()) == ["c", "d", "m", "n", "g", "h", "p", "q", "e", "f", "z", "s"]


def test_the_page_says_in_words_what_differs():
    page = audit_page(record(), {image: jpeg() for image in "cdmn"})
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert text.index("Do not publish it") < text.index("8 images.")
    for words in (
        "label differs",
        "in two splits",
        "skin type differs",
        "equal bytes",
        "confirmed, 40 points, mirrored",
    ):
        assert words in text
    assert "c train · a · type I" in text
    assert "d train · b · skin type unknown" in text
    assert "sharpness: 2.50" in text
    assert "given a suggested b probability of the given .01" in text
    assert page.count("data:image/jpeg;base64,") == 4
    assert page.count("not shown") == 8
    assert "none" in text


def test_the_page_asks_for_nothing_from_elsewhere():
    page = audit_page(record(), {"c": jpeg()})
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert not re.search(r"<(script|link|iframe|object|form)\b", page)
    assert all(source.startswith("data:image/jpeg;base64,") for source in re.findall(r'src="([^"]*)"', page))


def test_hostile_names_are_escaped():
    hostile = pair(HOSTILE, "b", labels=(HOSTILE, "a"), splits=("train", "test"))
    page = audit_page(record(task=HOSTILE, pairs=(hostile,), summary=(HOSTILE,)), {HOSTILE: jpeg()})
    assert "<script" not in page
    assert "onerror=alert" not in re.sub(r"&[^;]+;[^<]*", "", page)
    assert "\u202e" not in page
    assert page.count("<img") == 1


def test_the_page_shows_at_most_so_many_and_says_how_many_there_are(monkeypatch):
    monkeypatch.setattr(module, "MOST_PAIRS", 2)
    page = audit_page(record(), {})
    assert "2 of 5 pairs" in page


def test_without_findings_there_is_a_short_page():
    page = audit_page(
        record(pairs=(), looks=(), agreement=(), tones=(), label_errors=Undefined(reason="none given")), {}
    )
    assert "Pairs of images" not in page
    assert "dispute" not in page


CHROMIUM = next((path for name in ("chromium", "google-chrome") if (path := shutil.which(name))), None)


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine to render the page in")
@pytest.mark.parametrize("width", [1280, 500])
def test_nothing_is_wider_than_the_window(tmp_path, width):
    long = "x" * 300
    page = audit_page(record(pairs=(pair(long, "b", labels=(long, "a")),) * 3), {long: jpeg()})
    (tmp_path / "audit.html").write_text(page.replace("<body>", '<body id="b">'), encoding="utf-8")
    shot = tmp_path / "shot.png"
    quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars")
    subprocess.run(
        [
            CHROMIUM,
            *quiet,
            f"--window-size={width},900",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--screenshot={shot}",
            (tmp_path / "audit.html").as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    image = Image.open(shot).convert("L")
    assert image.size == (width, 900)
    margin = image.crop((width - 12, 0, width, 900))
    assert margin.getextrema() == (255, 255)
