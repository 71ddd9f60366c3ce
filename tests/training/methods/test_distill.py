"""Distillation: whose word counts how much, and which teachers are refused."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch

from dermbench.errors import InputError, UsageError
from dermbench.training import InterruptedRunError, predict, train
from dermbench.training.config.train_config import TrainConfig
from dermbench.training.methods import TrainingSplit, make_method
from dermbench.training.run import loop

CLASSES = ("a", "b", "c")
IDS = ("z", "m", "k")  # not in order
PROB = {"k": (0.6, 0.3, 0.1), "m": (0.2, 0.2, 0.6), "z": (0.0, 0.5, 0.5), "other": (1.0, 0.0, 0.0)}


def write(path, prob=PROB, **columns):
    table = pd.DataFrame(
        {"image_id": list(prob), **{f"prob_{c}": [p[k] for p in prob.values()] for k, c in enumerate(CLASSES)}}
    )
    table.assign(**columns).to_csv(path, index=False)
    return path


def make(path, method="distill", config=None, **options):
    given = {} if path is None else {"distill_teacher": str(path)}
    chosen = TrainConfig(
        model="test_efficientnet",
        method=method,
        class_weights="none",
        method_options=given | options,
        **(config or {}),
    )
    zeros = np.zeros(3, dtype=np.int64)
    ids = np.array(IDS, dtype=object)
    split = TrainingSplit(np.array([0, 1, 2]), zeros, ("I",), np.arange(3), 3, ids, CLASSES)
    return make_method(chosen, split, torch.device("cpu"))


@pytest.mark.parametrize(
    ("weight", "expected"), [(0.0, (1, 0, 0)), (0.5, (0.5, 0.25, 0.25)), (1.0, (0, 0.5, 0.5))]
)
def test_targets_are_labels_and_teacher_in_their_shares(tmp_path, weight, expected):
    method = make(write(tmp_path / "p.csv"), distill_weight=weight)
    targets = method.targets(np.array([0]))
    torch.testing.assert_close(targets.soft[0], torch.tensor(expected, dtype=torch.float32))
    assert targets.labels.tolist() == [0]


def test_images_find_their_own_row_and_classes_their_own_column(tmp_path):
    table = pd.read_csv(write(tmp_path / "p.csv"))
    table[["prob_c", "image_id", "prob_a", "prob_b"]].to_csv(tmp_path / "turned.csv", index=False)
    taught = make(tmp_path / "turned.csv", distill_weight=1.0).targets(np.array([2, 0, 1])).soft
    torch.testing.assert_close(taught, torch.tensor([PROB["k"], PROB["z"], PROB["m"]]))


def test_a_temperature_flattens_the_teacher(tmp_path):
    method = make(write(tmp_path / "p.csv"), distill_weight=1.0, distill_temperature=2.0)
    root = np.sqrt(PROB["k"])
    torch.testing.assert_close(
        method.targets(np.array([2])).soft[0], torch.tensor(root / root.sum(), dtype=torch.float32)
    )


def test_the_optimum_is_the_teacher(tmp_path):
    """Of images that say nothing a student learns the mean of its targets."""
    method = make(write(tmp_path / "p.csv"), distill_weight=1.0)
    logits = torch.zeros(3, requires_grad=True)
    optimizer = torch.optim.SGD([logits], lr=2.0)
    targets = method.targets(np.arange(3))
    for _ in range(500):
        optimizer.zero_grad()
        method.objective(method.numerators(logits.expand(3, 3), targets), method.denominators(targets)).backward()
        optimizer.step()
    mean = np.mean([PROB[name] for name in IDS], axis=0)
    np.testing.assert_allclose(logits.detach().softmax(0).numpy(), mean, atol=1e-3)


def test_it_can_be_combined(tmp_path):
    method = make(write(tmp_path / "p.csv"), method="mixup+distill", distill_weight=1.0)
    images = torch.zeros(2, 3, 8, 8)
    _, mixed = method.batch(images, method.targets(np.array([0, 1])), torch.Generator().manual_seed(0))
    torch.testing.assert_close(mixed.soft.sum(dim=1), torch.ones(2))
    assert not torch.equal(mixed.soft, method.targets(np.array([0, 1])).soft)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (lambda path: None, UsageError, "needs method_options.distill_teacher"),
        (lambda path: path.with_name("absent.csv"), UsageError, "no such file"),
        (
            lambda path: write(path, {k: v for k, v in PROB.items() if k != "m"}),
            InputError,
            "(?s)1 missing image_id: .m..*Make one with: .* --split trained ",
        ),
        (lambda path: write(path, PROB | {"m": (0.5, float("nan"), 0.5)}), InputError, "NaN"),
        (lambda path: write(path, PROB | {"m": (0.5, 0.5, 0.5)}), InputError, "do not sum to 1"),
    ],
)
def test_a_teacher_who_cannot_teach_is_refused(tmp_path, change, error, text):
    path = write(tmp_path / "p.csv")
    with pytest.raises(error, match=text):
        make(change(path))


def test_a_teacher_without_probabilities_is_refused(tmp_path):
    pd.DataFrame({"image_id": IDS, "pred": CLASSES}).to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(InputError, match="only predicted classes"):
        make(tmp_path / "p.csv")


def test_a_control_has_no_teacher(tmp_path):
    with pytest.raises(UsageError, match="learnt the true labels"):
        make(write(tmp_path / "p.csv"), config={"labels": "shuffled"})


def test_a_run_names_its_teacher_and_goes_on_with_no_other(
    shared_dataset, finished_run, tmp_path, run, monkeypatch
):
    teacher = tmp_path / "train.parquet"
    predictions = predict(finished_run, shared_dataset, split="train", out=teacher)
    words = ("method=distill", f'method_options.distill_teacher="{teacher}"')
    run(shared_dataset, tmp_path / "whole", *words)
    assert (
        "distilled from train.parquet (sha256:"
        in json.loads((tmp_path / "whole" / "run.json").read_text())["selection"]
    )
    step = loop.Trainer._step

    def stopping(self, state, *rest):
        if state.step == 4:
            raise KeyboardInterrupt
        return step(self, state, *rest)

    monkeypatch.setattr(loop.Trainer, "_step", stopping)
    with pytest.raises(InterruptedRunError):
        run(shared_dataset, tmp_path / "parts", *words)
    monkeypatch.setattr(loop.Trainer, "_step", step)
    table = predictions.table()
    table.iloc[:, 1:] = 1 / 3
    table.to_parquet(teacher)
    with pytest.raises(UsageError, match="not the teacher that this run began with"):
        train(shared_dataset, tmp_path / "parts", resume=True, quiet=True)
