import pytest

from dermbench.data import check, prepare
from dermbench.errors import UsageError

from .conftest import draw, own_table


@pytest.fixture
def dataset(tmp_path, csv):
    return prepare("table", root=csv(own_table()), out=tmp_path / "out")


def test_a_fresh_dataset_is_as_it_says(dataset):
    result = check(dataset.root)
    assert result.ok
    assert result.images == 12


def test_every_problem_is_found_at_once(dataset, tmp_path):
    images = dataset.image_root / "img"
    (images / "000.jpg").unlink()
    draw(images / "001.jpg", 99)
    (images / "002.jpg").write_bytes(b"")
    (images / "003.jpg").unlink()
    (images / "003.jpg").symlink_to(draw(tmp_path / "outside.jpg", 3))
    problems = check(dataset).problems
    assert len(problems) == 4
    for name, word in (("000", "missing"), ("001", "changed"), ("002", "decoded"), ("003", "outside")):
        assert any(p.startswith(f"img/{name}.jpg") and word in p for p in problems), problems


def test_a_changed_manifest_is_a_finding(dataset):
    table = dataset.manifest.copy()
    table.loc[0, "label"] = "naevus"
    table.to_parquet(dataset.root / "manifest.parquet", index=False)
    result = check(dataset.root)
    assert not result.ok
    assert "content hash" in result.problems[0]


def test_a_folder_that_is_no_dataset_is_refused(tmp_path):
    with pytest.raises(UsageError, match="not a dataset folder"):
        check(tmp_path)
