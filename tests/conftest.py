"""Fixtures that every room uses."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # speed is shown by benchmarks, never by tests
settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parents[1]
SHOWN_FILE = re.compile(r"^`([\w./-]+)`:\n\n```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
PIP = "-m pip install --quiet --no-deps --no-build-isolation --no-index --disable-pip-version-check --target"


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


@pytest.fixture(scope="session")
def install(tmp_path_factory) -> Callable[[Path], Path]:
    """Give a function that installs a package, as a user does but without network, into a folder it returns."""
    try:  # their modules are not looked for: finding pip's changes what a later import of setuptools does
        version("hatchling"), version("pip")
    except PackageNotFoundError as absent:
        pytest.skip(f"pip and hatchling are needed to install a package without network: {absent}")

    def installed(package: Path) -> Path:
        source = shutil.copytree(package, tmp_path_factory.mktemp("source") / "package")
        target = tmp_path_factory.mktemp("site")
        command = [sys.executable, *PIP.split(), target, source]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return target

    return installed


@pytest.fixture(scope="session")
def write_page_files() -> Callable[[str, Path], list[Path]]:
    """Give a function that writes the files that a page of docs/how-to shows into a folder."""

    def write(page: str, folder: Path) -> list[Path]:
        text = (ROOT / "docs" / "how-to" / page).read_text(encoding="utf-8")
        written = []
        for name, content in SHOWN_FILE.findall(text):
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
            written.append(file)
        return written

    return write


@pytest.fixture(scope="session")
def install_page(install, write_page_files, tmp_path_factory) -> Callable[[str], Path]:
    """Give a function that installs the package that a page of docs/how-to shows, and returns its folder."""

    def installed(page: str) -> Path:
        files = write_page_files(page, tmp_path_factory.mktemp("page"))
        return install(next(file.parent for file in files if file.name == "pyproject.toml"))

    return installed
