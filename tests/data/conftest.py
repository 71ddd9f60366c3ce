"""Tiny releases in the layouts that people have on their disks."""

from __future__ import annotations

import hashlib
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

AJL_CLASSES = ("acne", "basal-cell-carcinoma", "superficial-spreading-melanoma-ssm")
PAD_CLASSES = ("ACK", "BCC", "MEL", "NEV", "SCC", "SEK")


def draw(path: Path, seed: int, *, size: int = 24) -> Path:
    """Write a small image that differs from that of every other seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _picture(seed, size).save(path)
    return path


def _picture(seed: int, size: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)


@cache
def jpeg(number: int) -> bytes:
    """Return the bytes that ``draw`` writes to a file called ``.jpg``."""
    stream = BytesIO()
    _picture(number, 24).save(stream, format="JPEG")
    return stream.getvalue()


def md5(number: int) -> str:
    """Return the md5 of an image: its name in Fitzpatrick17k."""
    return hashlib.md5(jpeg(number), usedforsecurity=False).hexdigest()


def ajl_tables(n_train: int = 30, n_test: int = 9) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return train.csv, test.csv and fitzpatrick17k.csv."""
    n = n_train + n_test
    labels = [AJL_CLASSES[i % 3] for i in range(n)]
    tones = [str(i % 7 or -1) for i in range(n)]
    table = pd.DataFrame(
        {
            "md5hash": [md5(i) for i in range(n)],
            "fitzpatrick_scale": tones,
            "fitzpatrick_centaur": tones[::-1],
            "label": labels,
            "nine_partition_label": "malignant-epidermal",
            "three_partition_label": "malignant",
            "qc": "",
            "ddi_scale": "34",
        }
    )
    full = table.drop(columns="ddi_scale").assign(
        label=[name.replace("-", " ") for name in labels],
        nine_partition_label="malignant epidermal",
        url="https://example.org/a.jpg",
        url_alphanum="a.jpg",
    )
    labelled = ["label", "nine_partition_label", "three_partition_label"]
    return table[:n_train], table[n_train:].drop(columns=labelled), full


AJL_LAYOUTS = {
    "nested": ("train/train/{label}/{id}.jpg", "test/test/{id}.jpg", "", ""),
    "per label": ("train/{label}/{id}.jpg", "test/{id}.jpg", "", ""),
    "flat": ("train/{id}.jpg", "test/{id}.jpg", "", ""),
    "one folder": ("images/{id}.jpg", "images/{id}.jpg", "", ""),
    "tables one level down": ("bttai/train/{label}/{id}.jpg", "bttai/test/{id}.jpg", "bttai/", "bttai/"),
    "labels beside the root": ("train/{id}.jpg", "test/{id}.jpg", "", "../"),
    "upper-case suffix": ("train/{id}.JPG", "test/{id}.PNG", "", ""),
}


def make_ajl(root: Path, layout: str = "nested") -> Path:
    """Write a release in one of AJL_LAYOUTS."""
    train, test, full = ajl_tables()
    for_train, for_test, tables, labels = AJL_LAYOUTS[layout]
    root.mkdir(parents=True, exist_ok=True)
    (root / tables).mkdir(exist_ok=True)
    train.to_csv(root / tables / "train.csv", index=False)
    test.to_csv(root / tables / "test.csv", index=False)
    full.to_csv(root / labels / "fitzpatrick17k.csv", index=False)
    places = [for_train.format(label=row.label, id=row.md5hash) for row in train.itertuples()]
    places += [for_test.format(id=row.md5hash) for row in test.itertuples()]
    for number, place in enumerate(places):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_bytes(jpeg(number))
    return root


@pytest.fixture(autouse=True)
def _miniatures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a miniature stand for the whole release; ``monkeypatch.undo()`` in a test takes this back."""
    monkeypatch.setattr("dermbench.data.sources.ajl_21.refuse_part", lambda *_: None)


@pytest.fixture
def ajl(tmp_path: Path) -> Path:
    return make_ajl(tmp_path / "raw")


def pad_metadata(n: int = 24) -> pd.DataFrame:
    """Two images a patient; every lesion id occurs with two patients."""
    patient = [i // 2 for i in range(n)]
    return pd.DataFrame(
        {
            "patient_id": [f"PAT_{p}" for p in patient],
            "lesion_id": [str(p % (n // 4)) for p in patient],
            "age": [str(30 + p) for p in patient],
            "gender": ["FEMALE" if p % 2 else "" for p in patient],
            "fitspatrick": [str(p % 4 or "") for p in patient],
            "region": "ARM",
            "diagnostic": [PAD_CLASSES[p % 6] for p in patient],
            "img_id": [f"PAT_{p}_{p % (n // 4)}_{i}.png" for i, p in enumerate(patient)],
            "biopsed": "TRUE",
        }
    )


@pytest.fixture
def pad(tmp_path: Path) -> Path:
    """PAD-UFES-20 in three parts, half of the images as JPEG."""
    root = tmp_path / "pad"
    table = pad_metadata()
    for number, name in enumerate(table["img_id"]):
        file = name if number % 2 else name.replace(".png", ".jpg")
        draw(root / f"imgs_part_{number % 3 + 1}" / file, number)
    table.to_csv(root / "metadata.csv", index=False)
    return root


@pytest.fixture
def csv(tmp_path: Path):
    """Write a table with images beside it: ``csv(rows, draw=...)``."""

    def write(table: pd.DataFrame, *, name: str = "my-clinic.csv", images: int | None = None) -> Path:
        folder = tmp_path / "own"
        folder.mkdir(exist_ok=True)
        for number, image in enumerate(table["image"][:images] if "image" in table else []):
            if ".." not in image and not image.startswith("/"):
                draw(folder / image, number)
        if name.endswith(".parquet"):
            table.to_parquet(folder / name, index=False)
        else:
            table.to_csv(folder / name, index=False, sep="\t" if name.endswith(".tsv") else ",")
        return folder / name

    return write


def own_table(n: int = 12) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image": [f"img/{i:03}.jpg" for i in range(n)],
            "label": ["naevus" if i % 2 else "melanoma" for i in range(n)],
            "fst": [str(i % 6 + 1) for i in range(n)],
            "patient": [f"p{i // 2}" for i in range(n)],
            "clinic": "north",
        }
    )
