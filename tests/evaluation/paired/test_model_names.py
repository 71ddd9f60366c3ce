"""Names of models from a command line, and seeds of one model."""

from __future__ import annotations

import pytest

from dermbench.artifacts import RunRecord
from dermbench.errors import UsageError
from dermbench.evaluation.paired.candidates import candidates, check_baseline
from dermbench.model_names import name_files, stem_names


def run(folder, seed, *, lr=0.1):
    (folder / "predictions").mkdir(parents=True)
    record = RunRecord(
        status="finished",
        task="t",
        classes=("a", "b"),
        dataset_digest="d",
        config={"lr": lr, "seed": seed},
        seed=seed,
        device="cpu",
        precision="fp32",
        pretrained="none",
        selection="last",
    )
    record.write(folder / "run.json")
    path = folder / "predictions" / "test.csv"
    path.write_text("image_id,pred\n")
    return str(path)


def test_stems_tell_files_apart(tmp_path):
    assert stem_names([tmp_path / "a.csv", tmp_path / "b.csv"]) == ["a", "b"]
    assert stem_names([tmp_path / one / "test.parquet" for one in ("x", "y")]) == ["x/test", "y/test"]
    with pytest.raises(UsageError, match="differ only in their suffix"):
        stem_names([tmp_path / "a.csv", tmp_path / "a.parquet"])


def test_names_are_taken_from_the_command_line_in_its_order(tmp_path):
    found = name_files(["b=x.csv", "a.csv", "c@1=y.csv"])
    assert list(found) == ["b", "a", "c@1"]
    assert str(found["b"]) == "x.csv"


def test_a_file_with_an_equals_sign_is_a_file(tmp_path):
    path = tmp_path / "lr=0.1.csv"
    path.write_text("")
    assert list(name_files([str(path), "b.csv"])) == ["lr=0.1", "b"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.csv", "a.csv"], "given twice"),
        (["x=a.csv", "y=a.csv"], "given twice"),
        (["x=a.csv", "x=b.csv"], "two models have the name 'x'"),
        (["x=a.csv", "x.csv"], "two models have the name 'x'"),
        (["=a.csv", "b.csv"], "write NAME=PATH"),
        (["x=", "b.csv"], "write NAME=PATH"),
    ],
)
def test_names_that_are_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        name_files(arguments)


def test_runs_that_differ_in_the_seed_alone_are_one_model(tmp_path):
    files = [run(tmp_path / f"b0-seed{seed}", seed) for seed in (1, 2)] + [run(tmp_path / "other", 1, lr=0.2)]
    assert list(name_files(files)) == ["b0@1", "b0@2", "other/predictions/test"]
    assert list(name_files([f"x={files[0]}", files[1]])) == ["x", "test"]


def test_a_broken_run_record_is_no_seed(tmp_path):
    files = [run(tmp_path / name, seed) for name, seed in (("a", 1), ("b", 2))]
    (tmp_path / "a" / "run.json").write_text("{")
    assert list(name_files(files)) == ["a/predictions/test", "b/predictions/test"]


def test_seeds_are_grouped_and_the_baseline_is_found(models):
    predictions, truth = models(30, gains=(0, 0, 1))
    named = dict(zip(("x@1", "x@2", "y"), predictions.values(), strict=True))
    found = candidates(named, truth)
    assert [(c.name, c.seeds) for c in found] == [("x", ("1", "2")), ("y", ("y",))]
    assert check_baseline(found, None) == "x"
    assert check_baseline(found, "y") == "y"
    with pytest.raises(UsageError, match="none of the models"):
        check_baseline(found, "x@1")
    with pytest.raises(UsageError, match="all files are seeds of one candidate"):
        check_baseline(found[:1], None)


def test_a_name_alone_and_with_seeds_is_refused(models):
    predictions, truth = models(30)
    for names in (("x", "x@1"), ("x@1", "x")):
        with pytest.raises(UsageError, match="on its own and as x@seed"):
            candidates(dict(zip(names, predictions.values(), strict=True)), truth)


def test_an_address_is_a_name(models):
    predictions, truth = models(30)
    names = ("someone@example.org", "model@v2")
    assert [c.name for c in candidates(dict(zip(names, predictions.values(), strict=True)), truth)] == list(names)
