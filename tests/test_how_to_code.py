"""Python and TOML on the how-to pages are files of packages, which other tests install and run."""

from __future__ import annotations

import re

import pytest

INSTALLED = {
    "dataset-source.md": "tests/data/test_source_plugins.py",
    "metric.md": "tests/evaluation/test_plugins.py",
    "predictor.md": "tests/training/test_plugins.py",
    "report-section.md": "tests/evaluation/test_plugins.py",
}
CODE = re.compile(r"^```(?:python|toml)\n", re.MULTILINE)


def test_every_piece_of_code_is_a_file_that_a_test_runs(project_root, write_page_files, tmp_path):
    for page in sorted((project_root / "docs" / "how-to").glob("*.md")):
        written = write_page_files(page.name, tmp_path / page.stem)
        assert len(written) == len(CODE.findall(page.read_text(encoding="utf-8"))), page.name
        assert bool(written) == (page.name in INSTALLED), page.name


@pytest.mark.parametrize(("page", "test"), sorted(INSTALLED.items()))
def test_the_test_that_runs_a_page_names_it(project_root, page, test):
    assert f'"{page}"' in (project_root / test).read_text(encoding="utf-8")
