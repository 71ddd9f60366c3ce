"""Exports read by the library of their format; needs mlcroissant: ``nox -s croissant``."""

import json
import subprocess
import sys

import pytest

from dermbench.data.export import export_dataset

from .test_export import HOSTILE, TITLE, make

VALIDATE = """
import json, sys
import mlcroissant
dataset = mlcroissant.Dataset(jsonld=sys.argv[1])
records = list(dataset.records("images"))
issues = dataset.metadata.ctx.issues
plain = lambda v: v.decode() if isinstance(v, bytes) else str(v)
print(json.dumps({
    "errors": sorted(issues.errors),
    "warnings": sorted(issues.warnings),
    "records": [{k: plain(v) for k, v in r.items() if k != "images/content"} for r in records],
    "pixels": [r["images/content"].size for r in records],
}))
"""


@pytest.mark.parametrize("kind", ["plain", "hostile"])
def test_mlcroissant_finds_no_error_and_loads_every_image(tmp_path, kind):
    pytest.importorskip("mlcroissant", reason="validating needs mlcroissant: nox -s croissant")
    given = {} if kind == "plain" else {"classes": HOSTILE, "title": TITLE, "my col/é": "x", "image_file": "z"}
    dataset = make(tmp_path / "data", **given)
    export_dataset(dataset, "croissant", tmp_path / "out")
    command = [sys.executable, "-c", VALIDATE, str(tmp_path / "out" / "croissant.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["errors"] == []
    assert all("is recommended" in text for text in found["warnings"])
    labels = dataset.manifest.set_index("image_id")["label"]
    assert {r["images/image_id"]: r["images/label"] for r in found["records"]} == labels.to_dict()
    assert found["pixels"] == [[24, 24]] * len(labels)
