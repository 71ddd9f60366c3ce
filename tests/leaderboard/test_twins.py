"""A board does not look for a dataset's file of duplicates."""

import pandas as pd
import pytest

from dermbench.artifacts import DatasetInfo, Report, write_dataset, write_duplicates
from dermbench.artifacts.duplicates import DUPLICATES, DuplicatesInfo
from dermbench.leaderboard import add, build, verify
from dermbench.leaderboard.truths import Sources


@pytest.fixture
def dataset(tmp_path, truth):
    test = truth.table.assign(path="a.png", split="test")
    train = test.assign(image_id="t" + test["image_id"], split="train", patient_id="t" + test["patient_id"])
    info = DatasetInfo(
        task="toy", source="table", classes=truth.classes, image_root=".", sensitive=("fst", "fst_band", "sex")
    )
    return write_dataset(tmp_path / "data", info, pd.concat([train, test]).drop(columns="fst_band"))


def with_groups(dataset, digest):
    table = pd.DataFrame({"image_id": ["000", "t000"], "group": "000", "kind": "exact"})
    write_duplicates(dataset.root, table, DuplicatesInfo(dataset_digest=digest, images=2))
    return dataset


def entry(folder):
    return {p.name: p.read_bytes() for p in (folder / "entries" / "good").iterdir() if p.name != "entry.toml"}


def test_entries_and_checks_are_the_same_with_and_without_duplicates(tmp_path, dataset, predictions):
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "board.toml").write_text(
        'schema = "dermbench.board/1"\ntask = "toy"\ntitle = "T"\nresamples = 99\nsensitive = ["fst"]\n'
    )
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "board.toml").write_text((tmp_path / "plain" / "board.toml").read_text())
    add(tmp_path / "plain", predictions[0], name="Good", truth=dataset)
    with_groups(dataset, dataset.info.digest)
    add(tmp_path / "other", predictions[0], name="Good", truth=dataset)
    assert entry(tmp_path / "plain") == entry(tmp_path / "other")
    assert Report.read(tmp_path / "other" / "entries" / "good" / "report.json").without_twins is None
    sources = Sources(datasets=(dataset.root,))
    build(tmp_path / "plain", sources=sources)
    for digest in (dataset.info.digest, "sha256:stale"):
        with_groups(dataset, digest)
        assert (dataset.root / DUPLICATES).exists()
        (checked,) = verify(tmp_path / "plain", sources=sources)
        assert not checked.problems
