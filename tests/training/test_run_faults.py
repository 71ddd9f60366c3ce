"""Training and predicting on a disk that fails, or by a process that is killed, wherever they write."""

import shutil
from contextlib import suppress
from functools import partial

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts import RunRecord, read_dataset
from dermbench.artifacts.outputs import LOCK
from dermbench.errors import DermbenchError
from dermbench.training import predict, train
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
        assert set(leftovers(out / "run")) <= {LOCK}, about  # a finished run is not locked again


def test_a_failed_probe_on_embeddings_starts_anew(shared_dataset, tmp_path):
    ids = shared_dataset.manifest["image_id"]
    values = np.random.default_rng(0).normal(size=(len(ids), 4))
    pd.DataFrame(values, columns=list("abcd")).assign(image_id=ids).to_csv(tmp_path / "e.csv", index=False)

    def action(out):
        train(
            shared_dataset,
            out,
            preset="embeddings",
            overrides=[f'model="embeddings:{tmp_path}/e.csv"'],
            quiet=True,
        )

    base = tmp_path / "disk"
    n_points = count_points(base, partial(action, base / "0"))
    good = predict(base / "0", shared_dataset, split="test").digest
    for trial, (at, number) in enumerate(chosen(n_points, few=5), start=1):
        out = base / str(trial)
        with fault_at(base, at, number) as points, suppress(Killed, DermbenchError, OSError):
            action(out)
        about = f"{NAMES[number]} at point {at}: {points.failed}"
        assert points.may_leave or leftovers(out) == [], about
        if not (out / "run.json").exists():
            action(out)
        else:
            train(shared_dataset, out, resume=True, quiet=True)
        assert predict(out, shared_dataset, split="test").digest == good, about
        assert set(leftovers(out)) <= {LOCK}, about


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
