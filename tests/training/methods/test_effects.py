"""What each method says it changes, it changes: values by hand, shares, shifts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dermbench.artifacts import RunRecord
from dermbench.training import train
from dermbench.training.config.seeding import torch_generator
from dermbench.training.data.balance import SAMPLERS
from dermbench.training.methods import METHODS, Targets, method_class
from dermbench.training.methods.mixing import neighbours
from dermbench.training.network.tensor_files import read_tensors


def part(n=4):
    """Images that hold their own number, and their targets: classes 0, 1, 2, 0, ..."""
    images = torch.arange(n, dtype=torch.float32).view(n, 1, 1, 1).expand(n, 3, 10, 10).clone()
    labels = torch.arange(n) % 3
    return images, Targets(torch.eye(3)[labels], labels, labels)


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
def test_focal_loss_by_hand(make, gamma):
    method = make("focal", method_options={"focal_gamma": gamma})
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1]]))
    _, targets = part(2)
    expected = [-((1 - p) ** gamma) * math.log(p) for p in (0.5, 0.8)]
    torch.testing.assert_close(method.losses(logits, targets), torch.tensor(expected))


def test_logit_adjustment_shifts_by_the_class_frequencies(make):
    method = make("logit_adjustment", method_options={"adjustment_tau": 2.0})
    torch.testing.assert_close(method.adjust(torch.zeros(1, 3))[0], 2 * torch.tensor([0.6, 0.3, 0.1]).log())
    absent = make("logit_adjustment", labels=np.repeat([0, 2], 50))
    assert torch.isfinite(absent.shift).all()


def test_adjusted_logits_of_a_network_without_features_are_even(make):
    """The optimum for images that say nothing: plain training learns the frequencies, this one nothing."""
    learnt = {}
    for name in ("erm", "logit_adjustment"):
        method = make(name)
        logits = torch.zeros(3, requires_grad=True)
        optimizer = torch.optim.SGD([logits], lr=2.0)
        targets = method.targets(np.arange(100))
        for _ in range(300):
            optimizer.zero_grad()
            part_ = method.numerators(logits.expand(100, 3), targets)
            method.objective(part_, method.denominators(targets)).backward()
            optimizer.step()
        learnt[name] = logits.detach().softmax(0)
    torch.testing.assert_close(learnt["erm"], torch.tensor([0.6, 0.3, 0.1]), atol=1e-3, rtol=0)
    torch.testing.assert_close(learnt["logit_adjustment"], torch.full((3,), 1 / 3), atol=1e-3, rtol=0)


def test_neighbours_are_pairs():
    assert neighbours(5, torch.device("cpu")).tolist() == [1, 0, 3, 2, 4]


def test_mixup_blends_images_and_labels_in_the_same_shares(make):
    method = make("mixup", method_options={"mixup_alpha": 1.0})
    images, targets = part()
    mixed, blended = method.batch(images, targets, torch_generator(0, "method", 1))
    share = float(blended.soft[0, 0])
    assert 0 < share < 1
    torch.testing.assert_close(mixed[:, 0, 0, 0], torch.tensor([1 - share, share, 3 - share, 2 + share]))
    torch.testing.assert_close(blended.soft[1], torch.tensor([1 - share, share, 0]))
    torch.testing.assert_close(blended.labels, targets.labels)


def test_cutmix_labels_follow_the_area(make):
    method = make("cutmix")
    for step in range(20):
        images, targets = part()
        mixed, blended = method.batch(images, targets, torch_generator(0, "method", step))
        kept = (mixed == images).float().mean(dim=(1, 2, 3))
        torch.testing.assert_close(blended.soft[[0, 1, 2], [0, 1, 2]], kept[:3])
        torch.testing.assert_close(
            kept + (mixed == images[[1, 0, 3, 2]]).float().mean(dim=(1, 2, 3)), torch.ones(4)
        )


def test_the_share_of_batches_that_are_mixed(make):
    method = make("cutmix", method_options={"cutmix_probability": 0.25, "cutmix_alpha": 50.0})
    mixed = 0
    for step in range(200):
        images, targets = part(2)
        result, _ = method.batch(images, targets, torch_generator(0, "method", step))
        mixed += not torch.equal(result, images)
    assert 30 <= mixed <= 70


def test_the_shape_of_the_shares(make):
    """Beta(alpha, alpha) is at the ends for a small alpha, near a half for a large one."""
    spread = {}
    for alpha in (0.1, 20.0):
        method = make("mixup", method_options={"mixup_alpha": alpha})
        shares = [
            float(method.batch(*part(2), torch_generator(0, "method", step))[1].soft[0, 0]) for step in range(200)
        ]
        spread[alpha] = np.std(shares)
    assert spread[0.1] == pytest.approx(math.sqrt(1 / (4 * 1.2)), abs=0.04)
    assert spread[20.0] == pytest.approx(math.sqrt(1 / (4 * 41)), abs=0.02)


@pytest.mark.parametrize(
    ("sampler", "cells"), [("class_balanced", 3), ("group_balanced", 3), ("class_group_balanced", 8)]
)
def test_shares_of_balanced_sampling(make, sampler, cells):
    method = make(sampler=sampler, groups=np.r_[np.tile([0, 0, 0, 1, 2], 18), np.zeros(5), np.ones(5)].astype(int))
    drawn = np.concatenate([method.order(np.random.default_rng(k)) for k in range(100)])
    by_name = {
        "class_balanced": method.split.labels,
        "group_balanced": method.split.groups,
        "class_group_balanced": 3 * method.split.labels + method.split.groups,
    }
    counts = np.bincount(by_name[sampler][drawn])
    shares = counts[counts > 0] / len(drawn)
    np.testing.assert_allclose(shares, 1 / cells, atol=0.02)
    assert set(SAMPLERS) == {"shuffle", *by_name}


def test_class_weights_by_the_effective_number_of_images(make):
    method = make(class_weights="effective_number")
    raw = 0.001 / (1 - 0.999 ** np.array([60.0, 30.0, 10.0]))
    np.testing.assert_allclose(method.class_weights, raw * 3 / raw.sum(), rtol=1e-6)


def test_dfr_holds_out_whole_units_of_every_class(make):
    method = make("dfr", method_options={"dfr_share": 0.3})
    held = method.held_out
    assert np.bincount(method.split.labels[held]).tolist() == [18, 9, 3]
    assert sorted([*method.members, *np.flatnonzero(held)]) == list(range(100))
    assert method.size == 70
    assert set(method.order(np.random.default_rng(0))) == set(method.members)
    method.split.units[:] = np.arange(100) // 5
    del method.held_out
    assert set(method.split.units[method.held_out]).isdisjoint(method.split.units[~method.held_out])


def test_dfr_gives_every_cell_the_same_total(make, monkeypatch):
    kept = {}
    monkeypatch.setattr("dermbench.training.methods.dfr.compute_features", lambda *_, index: index)
    monkeypatch.setattr(
        "dermbench.training.methods.dfr.fit_head",
        lambda network, rows, labels, weights, **rest: kept.update(rows=rows, weights=weights, **rest),
    )
    method = make("dfr", method_options={"dfr_share": 0.5, "dfr_l2": 0.3})
    done = method.finish(None, None, None)
    assert "held-out training images" in done[0]
    rows = kept["rows"]
    totals = np.zeros((3, 3))
    np.add.at(totals, (method.split.labels[rows], method.split.groups[rows]), kept["weights"])
    np.testing.assert_allclose(totals[totals > 0], len(rows) / np.count_nonzero(totals))
    assert np.count_nonzero(totals) > 3
    assert kept["l2"] == 0.3


def test_dfr_refits_the_last_layer_and_says_so(shared_dataset, tmp_path, run):
    record = run(shared_dataset, tmp_path / "dfr", "method=dfr", "method_options.dfr_share=0.4")
    assert "dfr: last layer refitted on 9 held-out training images, class_group balanced" in record.selection
    weights, _ = read_tensors(tmp_path / "dfr" / "model.safetensors")
    trained, _ = read_tensors(tmp_path / "dfr" / "checkpoint" / "last.safetensors")
    assert not torch.equal(weights["classifier.weight"], trained["model/classifier.weight"])


def test_a_combination_does_what_its_parts_do(shared_dataset, tmp_path, run):
    name = "mixup+group_dro+logit_adjustment+dfr"
    options = ("sampler=class_group_balanced", "label_smoothing=0.1", "epochs=2")
    record = run(shared_dataset, tmp_path / "run", f"method={name}", *options)
    assert {"mixup_alpha", "dro_step", "adjustment_tau", "dfr_l2"} <= record.config["method_options"].keys()
    assert "dfr: last layer" in record.selection
    state, _ = read_tensors(tmp_path / "run" / "checkpoint" / "last.safetensors")
    assert "method/group_dro.q" in state
    assert train(shared_dataset, tmp_path / "run", resume=True, quiet=True).status == "finished"


def test_all_built_in_methods_have_a_test_here_or_beside():
    tested = {"cutmix", "dfr", "distill", "erm", "focal", "group_dro", "logit_adjustment", "mixup"}
    assert set(METHODS) == tested
    assert RunRecord.model_fields["selection"]
    assert method_class("erm") is METHODS.get("erm")
