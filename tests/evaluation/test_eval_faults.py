"""``eval`` writing to a disk that fails, or in a process that is killed, wherever they write."""

from contextlib import suppress
from functools import partial

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from dermbench.artifacts import Report
from dermbench.cli import app
from dermbench.errors import DermbenchError
from tests.faults import NAMES, Killed, chosen, content, count_points, fault_at, leftovers


@pytest.fixture
def evaluate(tmp_path):
    """Return a function that runs ``eval --out`` in this process, with a seed."""
    ids = [f"i{i}" for i in range(12)]
    pd.DataFrame({"image_id": ids, "label": ["a", "b"] * 6, "fst": ["1", "6"] * 6}).to_csv(
        tmp_path / "truth.csv", index=False
    )
    share = np.linspace(0.1, 0.9, 12)
    pd.DataFrame({"image_id": ids, "prob_a": share, "prob_b": 1 - share}).to_csv(tmp_path / "p.csv", index=False)

    def run(out, seed):
        given = [
            "eval",
            tmp_path / "p.csv",
            "--truth",
            tmp_path / "truth.csv",
            "--resamples",
            "99",
            "--seed",
            seed,
        ]
        result = CliRunner().invoke(app, [str(word) for word in (*given, "--out", out)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception

    return run


def test_a_failed_eval_leaves_the_older_report_or_none(tmp_path, evaluate):
    base = tmp_path / "disk"
    n_points = count_points(base, partial(evaluate, base / "0", 1))
    assert n_points > 15
    good = content(base / "0")
    assert set(good) == {"report.json", "report.md", "report.html"}
    evaluate(base / "older", 2)
    before = content(base / "older")
    for trial, (at, number) in enumerate(chosen(n_points, few=3), start=1):
        out = base / str(trial)
        for name, text in before.items() if trial % 2 else ():
            out.mkdir(exist_ok=True)
            (out / name).write_bytes(text)
        older = content(out)
        with fault_at(base, at, number) as points, suppress(Killed, DermbenchError, OSError):
            evaluate(out, 1)
        about = f"{NAMES[number]} at point {at}: {points.failed}"
        for name, text in content(out).items():
            assert text in (good[name], older.get(name)), f"{about}: {name} is torn"
        if (out / "report.json").exists():
            Report.read(out / "report.json")
        assert points.may_leave or leftovers(out) == [], about
        evaluate(out, 1)
        assert content(out) == good, about
        assert leftovers(out) == [], about
