"""Sections of other packages, as a user installs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd

PACKAGE = Path(__file__).parents[1] / "plugins" / "dermbench_demo_metric"


def test_an_installed_section_stands_at_its_place_in_every_format(install, tmp_path):
    truth = pd.DataFrame({"image_id": [f"i{k}" for k in range(8)], "label": list("aaaabbbb")})
    truth.to_csv(tmp_path / "truth.csv", index=False)
    truth.rename(columns={"label": "pred"}).to_csv(tmp_path / "model.csv", index=False)
    verb = [sys.executable, "-m", "dermbench", "eval", tmp_path / "model.csv", "--truth", tmp_path / "truth.csv"]
    done = subprocess.run(
        [*verb, "--resamples", "99", "--full", "--out", tmp_path / "out"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(install(PACKAGE))},
    )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "| 2 | .50 |" in text
    assert text.index("## Metrics") < text.index("## Chance level") < text.index("## Per class")
    assert "Chance level" in done.stdout
    assert "Chance level" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
