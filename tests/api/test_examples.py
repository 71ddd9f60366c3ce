"""The example of every public name runs and prints what it says."""

from __future__ import annotations

import doctest
import importlib.util
from functools import cache

import pytest

import dermbench
from dermbench.api import planning

NETWORKS = ("train", "Run", "predict", "embed", "explain")
"""Names whose examples need torch, in the order in which they build on each other."""
DATASETS = ("prepare", "check", "load_dataset", "Dataset")
"""Names whose examples build on a prepared dataset, in the order of their steps."""

PLAN_ONCE = cache(planning.plan_study)  # two examples plan the same study, which takes seconds


def run(name):
    """Run the examples in the docstring of a public name, which must have some."""
    found = getattr(dermbench, name)
    tests = doctest.DocTestFinder(recurse=False).find(found, name, globs={})
    flags = doctest.NORMALIZE_WHITESPACE | doctest.REPORT_NDIFF
    runner = doctest.DocTestRunner(optionflags=flags)
    for test in tests:
        runner.run(test)
    assert runner.tries > 1, f"{name} has no example"
    assert runner.failures == 0


@pytest.mark.parametrize("name", sorted({*dermbench.__all__} - {*NETWORKS, *DATASETS, "__version__"}))
def test_the_example_of(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(planning, "plan_study", PLAN_ONCE)
    run(name)


def test_the_examples_of_datasets_build_on_each_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in DATASETS:
        run(name)


@pytest.mark.train
def test_the_examples_of_networks_build_on_each_other(tmp_path, monkeypatch):
    pytest.importorskip("timm")
    monkeypatch.chdir(tmp_path)
    for name in ("prepare", *NETWORKS):
        if name != "explain" or importlib.util.find_spec("pytorch_grad_cam") is not None:
            run(name)
