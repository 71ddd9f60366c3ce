"""The source and task of docs/how-to/dataset-source.md, installed as a user does."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pandas as pd

from dermbench.data import prepare


def test_the_page_s_source_is_prepared_with_its_task(tmp_path, install_page, write_page_files, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drawn = prepare("synthderm", out="release", options={"images": "300"})
    script = next(file for file in write_page_files("dataset-source.md", tmp_path) if file.parent == tmp_path)
    path = os.pathsep.join([str(install_page("dataset-source.md")), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "dermbench", "data", "prepare", "our-clinic", "--root", "release"]
    for words in ([sys.executable, script], [*command, "--out", "data", "--json"]):
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path}
        )
        assert done.returncode == 0, done.stderr
    info = json.loads(done.stdout)
    assert info["title"] == "Two kinds of lesion from a clinic that does not exist"
    both = drawn.manifest[drawn.manifest["label"].isin(["macule", "nodule"])]
    assert info["images"] == {"train": 43, "val": 10, "test": 10}
    assert info["fst"] == {str(k): n for k, n in both["fst"].value_counts().sort_index().items()}
    manifest = pd.read_parquet("data/manifest.parquet").set_index("image_id")
    pd.testing.assert_series_equal(
        manifest["label"].astype(str).sort_index(), both.set_index("image_id")["label"].astype(str).sort_index()
    )
    assert manifest.groupby("patient_id")["split"].nunique().max() == 1
