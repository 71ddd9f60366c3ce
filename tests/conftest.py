"""Fixtures that every room uses."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def pad_subset() -> Path:
    """Folder with real PAD-UFES-20 photographs, where they are at hand."""
    base = Path(os.environ.get("DERMBENCH_TEST_DATA", ROOT.parent / "shared" / "data"))
    folder = base / "pad-ufes-20-subset"
    if not (folder / "metadata.csv").is_file():
        pytest.skip(f"no real images: {folder} does not exist (set DERMBENCH_TEST_DATA to where they are)")
    return folder


@pytest.fixture(scope="session")
def project_root() -> Path:
    """Folder that holds pyproject.toml."""
    return ROOT
