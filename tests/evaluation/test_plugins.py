"""Metrics, report sections and figures of the how-to pages, as a user installs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

EVALUATE = """
import json
import numpy as np, pandas as pd
from dermbench.artifacts import make_predictions, make_truth
from dermbench.evaluation import METRICS, evaluate
ids = [f"i{k}" for k in range(8)]
truth = make_truth(pd.DataFrame({"image_id": ids, "label": list("aaaabbbb")}))
predictions = make_predictions(ids, np.array([[.9, .1]] * 3 + [[.2, .8]] * 5), truth.classes)
print(json.dumps(evaluate(predictions, truth, n_resamples=99).overall["informedness"].document()))
"""


def run(code, *folders):
    path = os.pathsep.join(map(str, folders))
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )


@pytest.fixture(scope="module")
def installed(install_page):
    return install_page("metric.md")


@pytest.fixture(scope="module")
def with_section(install_page):
    return install_page("report-section.md")


def test_an_installed_metric_is_evaluated(installed):
    done = run(EVALUATE, installed)
    assert done.returncode == 0, done.stderr
    cell = json.loads(done.stdout)
    assert cell["value"] == pytest.approx(0.75)
    assert cell["n"] == 8


@pytest.mark.long
def test_an_installed_metric_has_the_properties_of_all(installed):
    """The property tests run over the registry, so a plug-in meets them where it is installed."""
    here = Path(__file__).parent
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "informedness"]
    done = subprocess.run(
        [*command, here / "test_metric_properties.py"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(installed)},
        cwd=here.parents[1],
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


def test_an_installed_section_and_figure_stand_at_their_places_in_every_format(with_section, tmp_path):
    truth = pd.DataFrame({"image_id": [f"i{k}" for k in range(8)], "label": list("aaaabbbb")})
    truth.to_csv(tmp_path / "truth.csv", index=False)
    truth.rename(columns={"label": "pred"}).to_csv(tmp_path / "model.csv", index=False)
    verb = [sys.executable, "-m", "dermbench", "eval", tmp_path / "model.csv", "--truth", tmp_path / "truth.csv"]
    done = subprocess.run(
        [*verb, "--resamples", "99", "--full", "--out", tmp_path / "out"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(with_section)},
    )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "| 2 | .50 |" in text
    assert text.index("## Metrics") < text.index("## Chance level") < text.index("## Per class")
    assert "Chance level" in done.stdout
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Chance level" in page
    assert page.index("<title>Confusion matrix") < page.index("<title>Accuracy of guessing</title>")
    assert ">guessing: .50</text>" in page


def fake(folder, entry):
    info = folder / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[dermbench.metrics]\n{entry}\n")
    return folder


def test_a_name_that_is_taken_is_refused(tmp_path):
    done = run(
        "from dermbench.evaluation import METRICS; METRICS.names()", fake(tmp_path, "accuracy = json:dumps")
    )
    assert "metric 'accuracy' of json:dumps is registered twice" in done.stderr


def test_a_plug_in_that_fails_to_import_is_no_warning(tmp_path):
    done = run(
        "from dermbench.evaluation import METRICS; METRICS.names()", fake(tmp_path, "odd = no_such_module:X")
    )
    assert done.returncode != 0
    assert "metric plug-in 'odd' (no_such_module:X, package broken 1.0) failed to import" in done.stderr


def test_a_miss_suggests_the_nearest_name():
    done = run("from dermbench.evaluation import METRICS; METRICS.get('acuracy')")
    assert "unknown metric 'acuracy'; did you mean 'accuracy'?" in done.stderr
