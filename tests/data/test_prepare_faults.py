"""Preparing on a disk that fails, and by a process that is killed, at every point where it writes."""

from contextlib import suppress
from functools import partial

import pytest

from dermbench.artifacts import read_dataset
from dermbench.data import check, prepare
from dermbench.errors import DermbenchError
from tests.faults import NAMES, Killed, chosen, content, count_points, fault_at, leftovers

from .conftest import own_table


def from_table(folder, csv, seed):
    return partial(prepare, "table", root=csv(own_table()), out=folder, seed=seed)


def synthetic(folder, _, seed):
    options = {"images": "4", "size": "32"}
    return partial(prepare, "synthderm", out=folder, seed=seed, workers=1, options=options)


@pytest.mark.parametrize("source", [from_table, synthetic])
@pytest.mark.parametrize("older", [False, True], ids=["new folder", "older dataset"])
def test_a_failed_prepare_leaves_a_whole_dataset_or_none(tmp_path, csv, source, older):
    good = content(source(tmp_path / "good", csv, 1)().root)
    base = tmp_path / "disk"
    base.mkdir()
    n_points = count_points(base, source(base / "0", csv, 1))
    assert n_points > 10
    assert leftovers(base) == []
    for trial, (at, number) in enumerate(chosen(n_points, few=4, seed=older), start=1):
        out = base / str(trial)
        before = content(source(out, csv, 2)().root) if older else {}
        action = source(out, csv, 1)
        with fault_at(base, at, number) as points, suppress(Killed, DermbenchError, OSError):
            action()
        about = f"{NAMES[number]} at point {at}: {points.failed}"
        assert points.may_leave or leftovers(base) == [], about
        if not (out / "dataset.toml").exists():
            assert not (older and content(out) == before), about
        elif content(out) in (good, before):
            assert check(out).ok, about
        else:  # the manifest is new and dataset.toml is not: nobody reads it by mistake
            with pytest.raises(DermbenchError, match="prepare the dataset again"):
                read_dataset(out)
        action()
        assert content(out) == good, about
        assert leftovers(base) == [], about


@pytest.mark.parametrize("source", [from_table, synthetic])
@pytest.mark.parametrize("limit", [50, 1500])
def test_a_file_that_grows_too_large_is_one_message(tmp_path, csv, source, limit):
    resource = pytest.importorskip("resource")
    action = source(tmp_path / "disk", csv, 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))  # reaches writers that are not in Python, too
    try:
        with pytest.raises(DermbenchError, match="cannot write"):
            action()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert leftovers(tmp_path / "disk") == []
    assert check(action()).ok
