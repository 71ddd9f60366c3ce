"""Training and predicting on a disk that fails, or by a process that is killed, wherever they write."""

import shutil
from contextlib import suppress
from functools import partial

import pytest

from dermbench.artifacts import RunRecord, read_dataset
from dermbench.errors import DermbenchError
from dermbench.training import predict
from tests.faults import NAMES, Killed, chosen, content, count_points, fault_at, leftovers


@pytest.fixture
def small(make_dataset, tmp_path):
    return make_dataset(tmp_path / "small", per_class=(3, 2, 2))


def test_a_failed_training_goes_on_or_starts_anew(small, tmp_path, run):
    def action(out, **options):
        return run(read_dataset(out / "data"), out / "run", "epochs=1", **options)

    def fresh(out):
        shutil.copytree(small.root, out / "data")
        return partial(action, out)

    base = tmp_path / "disk"
    n_points = count_points(base, fresh(base / "0"))
    assert n_points > 20
    good = predict(base / "0" / "run", base / "0" / "data", split="test").digest
    for trial, (at, number) in enumerate(chosen(n_points, few=2), start=1):
        out = base / str(trial)
        begin = fresh(out)
        with fault_at(base, at, number) as points, suppress(Killed, DermbenchError, OSError):
            begin()
        about = f"{NAMES[number]} at point {at}: {points.failed}"
        if (out / "run" / "run.json").exists():
            record = action(out, preset=None, overrides=(), resume=True)
        else:
            record = begin()
        assert record.status == RunRecord.read(out / "run" / "run.json").status == "finished", about
        assert predict(out / "run", out / "data", split="test").digest == good, about
        assert leftovers(out / "run") == [], about


@pytest.mark.parametrize("older", [False, True], ids=["new file", "older file"])
def test_failed_predictions_are_the_older_ones_or_none(finished_run, shared_dataset, tmp_path, older):
    def action(out, **options):
        predict(finished_run, shared_dataset, out=out / "p.parquet", **options)

    base = tmp_path / "disk"
    n_points = count_points(base, partial(action, base / "0", split="test", tta="flips"))
    assert n_points > 10
    good = content(base / "0")
    for trial, (at, number) in enumerate(chosen(n_points, few=3, seed=older), start=1):
        out = base / str(trial)
        if older:
            action(out, split="val")
        before = content(out)
        with fault_at(base, at, number) as points, suppress(Killed, DermbenchError, OSError):
            action(out, split="test", tta="flips")
        about = f"{NAMES[number]} at point {at}: {points.failed}"
        found = content(out)
        assert found.get("p.parquet") in (good["p.parquet"], before.get("p.parquet")), about
        assert points.may_leave or leftovers(out) == [], about
        action(out, split="test", tta="flips")
        assert content(out) == good, about
        assert leftovers(out) == [], about
