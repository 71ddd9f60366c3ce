"""Sources of other packages, as a user installs them: a source and its task in one module."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from .conftest import draw

PACKAGE = Path(__file__).parents[1] / "plugins" / "dermbench_demo_source"


@pytest.fixture(scope="module")
def installed(install):
    return install(PACKAGE)


def test_an_installed_source_is_prepared_with_its_task(tmp_path, installed):
    table = pd.DataFrame(
        {
            "photo": [f"{k}" for k in range(12)],
            "finding": ["Mole", "wart"] * 6,
            "skin": ["II", "5"] * 6,
            "patient": [f"p{k // 2}" for k in range(12)],
        }
    )
    for k in range(12):
        draw(tmp_path / "home" / "raw" / "demo-clinic" / "photos" / f"{k}.jpg", k)
    table.to_csv(tmp_path / "home" / "raw" / "demo-clinic" / "clinic.csv", index=False)
    path = os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")])
    about = {**os.environ, "PYTHONPATH": path, "DERMBENCH_DATA": str(tmp_path / "home")}
    command = [sys.executable, "-m", "dermbench", "data", "prepare", "demo-clinic", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=about)
    assert done.returncode == 0, done.stderr
    info = json.loads(done.stdout)
    assert info["title"] == "Two kinds of lesion from a clinic that does not exist"
    assert info["fst"] == {"2": 6, "5": 6}
    assert sum(info["images"].values()) == 12
    manifest = pd.read_parquet(tmp_path / "home" / "prepared" / "demo-clinic" / "manifest.parquet")
    assert set(manifest["label"]) == {"mole", "wart"}
    assert manifest.groupby("patient_id")["split"].nunique().max() == 1
