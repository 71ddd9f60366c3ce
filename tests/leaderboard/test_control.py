from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from dermbench.artifacts import DatasetInfo, read_predictions, write_dataset, write_predictions
from dermbench.cli import app
from dermbench.errors import DermbenchError, UsageError
from dermbench.leaderboard import Lapse, control
from dermbench.leaderboard.control import KINDS

CLASSES = ("macule", "papule", "wheal")
SHARES = (0.2, 0.5, 0.3)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A thousand images to learn the shares on, and six hundred, all wheals, to predict."""
    root = tmp_path_factory.mktemp("data")
    train = np.repeat(CLASSES, np.multiply(SHARES, 1000).astype(int))
    labels = [*train, *(["wheal"] * 600)]
    table = pd.DataFrame(
        {
            "image_id": [f"{i:04d}" for i in range(len(labels))],
            "path": [f"{i:04d}.jpg" for i in range(len(labels))],
            "label": labels,
            "split": ["train"] * 1000 + ["test"] * 600,
            "fst": pd.array([1 + i % 6 for i in range(len(labels))], dtype="Int64"),
        }
    )
    info = DatasetInfo(schema="dermbench.dataset/1", task="toy", source="table", classes=CLASSES, image_root=".")
    return write_dataset(root, info, table)


@pytest.fixture(scope="module")
def make(dataset):
    """Give a function that makes a control of the dataset."""

    def made(kind, *, split="test", **how):
        return control(dataset.truth(split), kind, learnt_on=dataset.truth("train"), **how)

    return made


def test_constant_gives_the_shares_of_the_training_split(make):
    made = make("constant")
    assert np.allclose(made.y_prob, SHARES)
    assert set(made.y_pred) == {CLASSES.index("papule")}, "the labels of the split, all wheal, are not looked at"


def test_prior_draws_with_those_shares(make):
    made = make("prior")
    assert made.y_prob is None
    assert np.allclose(np.bincount(made.y_pred, minlength=3) / len(made), SHARES, atol=0.06)


def test_uniform_prefers_no_class(make):
    made = make("uniform")
    assert np.allclose(made.y_prob.sum(axis=1), 1)
    assert np.allclose(made.y_prob.mean(axis=0), 1 / 3, atol=0.04)
    assert np.allclose(np.var(made.y_prob), 1 / 18, atol=0.01), "variance of the flat Dirichlet law"


@pytest.mark.parametrize("labels_only", [False, True])
def test_biased_changes_only_the_named_groups(dataset, make, labels_only):
    model = make("prior" if labels_only else "constant", seed=7)
    made = make("biased", lapse=Lapse(model, groups=("V", "VI"), share=0.5))
    fst = dataset.part("test")["fst"].to_numpy()
    apart = made.y_pred != model.y_pred
    assert not apart[fst <= 4].any()
    assert 0.2 < apart[fst >= 5].mean() < 0.45, "half is replaced, a third of that by the same class"
    assert (made.y_prob is None) == labels_only


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {"constant", "biased"}])
def test_the_seed_decides_what_is_drawn(make, kind):
    one, again, other = (make(kind, seed=seed).digest for seed in (0, 0, 1))
    assert one == again != other


@pytest.mark.parametrize(
    ("kind", "how", "sentence"),
    [
        ("best", {}, "unknown control 'best'; there are constant, prior, uniform, biased"),
        ("biased", {}, "needs the predictions of a model"),
        ("constant", {"groups": ("V",)}, "and only this one, needs"),
        ("biased", {"groups": ("VII",)}, "fst has no group 'VII'; there are I, II, III, IV, V, VI"),
        ("biased", {"groups": ()}, "fst has no group named"),
        ("biased", {"feature": "sex"}, "no sensitive feature 'sex'"),
        ("biased", {"share": 1.5}, "above 0 and at most 1"),
        ("biased", {"split": "train"}, "other images than the truth"),
    ],
)
def test_controls_refuse_inputs_that_do_not_fit(make, kind, how, sentence):
    how, wanted = dict(how), bool(how)
    lapse = Lapse(make("constant", split=how.pop("split", "test")), **how) if wanted else None
    with pytest.raises(UsageError, match=sentence):
        make(kind, lapse=lapse)


def test_from_the_command_line(dataset, make, tmp_path):
    def run(kind, out, *options):
        arguments = ["leaderboard", "control", kind, "--data", str(dataset.root), "--out", str(out), *options]
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
        return read_predictions(out, dataset.truth("test"))

    model = run("uniform", tmp_path / "u.csv", "--seed", "3")
    assert np.array_equal(model.y_pred, make("uniform", seed=3).y_pred)
    write_predictions(tmp_path / "model.parquet", model)
    spoilt = run("biased", tmp_path / "b.parquet", "--of", str(tmp_path / "model.parquet"), "--group", "I")
    fst = dataset.part("test")["fst"].to_numpy()
    assert set(fst[spoilt.y_pred != model.y_pred]) == {1}


def from_table(kind, *options):
    return CliRunner().invoke(app, ["leaderboard", "control", kind, *map(str, options)])


def test_from_tables_alone(tmp_path):
    rows = [f"{i},{'ab'[i % 2]},{1 + i % 6},test" for i in range(60)]
    rows += [f"t{i},{'a' if i < 30 else 'b'},,train" for i in range(40)]
    table, out = tmp_path / "truth.csv", tmp_path / "out.csv"
    table.write_text("\n".join(["image_id,label,fst,split", *rows]) + "\n")
    done = from_table("constant", "--truth", table, "--train", table, "--out", out)
    assert done.exit_code == 0, done.output
    made = pd.read_csv(out)
    assert len(made) == 60
    assert np.allclose(made[["prob_a", "prob_b"]], [0.75, 0.25]), "the shares of train, of test half and half"
    assert from_table("uniform", "--truth", table, "--out", out).exit_code == 0, "needs no class shares"
    done = from_table("biased", "--truth", table, "--of", out, "--out", tmp_path / "b.csv")
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "either --data DATASET or --truth TABLE"),
        (("--data", "x", "--truth", "truth.csv"), "either --data DATASET or --truth TABLE"),
        (("--data", "x", "--train", "truth.csv"), "--train goes with --truth"),
        (("--truth", "truth.csv"), "give their labels with --train TABLE"),
        (("--truth", "truth.csv", "--train", "other.csv"), "labels outside of the class set"),
        (("--truth", "truth.csv", "--split", "val"), "no row has split 'val'"),
    ],
)
def test_tables_that_do_not_fit_are_refused(tmp_path, monkeypatch, options, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "truth.csv").write_text("image_id,label,split\n1,a,test\n2,b,test\n")
    (tmp_path / "other.csv").write_text("image_id,label\n1,a\n2,c\n")
    done = from_table("constant", "--out", "out.csv", *options)
    assert isinstance(done.exception, DermbenchError)
    assert sentence.lower() in str(done.exception).lower()
    assert not (tmp_path / "out.csv").exists()
