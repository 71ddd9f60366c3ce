from __future__ import annotations

import numpy as np
import pytest
import torch

from dermbench.training.network.tensor_files import read_tensors


def test_q_moves_to_the_worst_group_by_hand(make):
    method = make("group_dro", method_options={"dro_step": 0.5})
    torch.testing.assert_close(method.q, torch.full((3,), 1 / 3))
    losses, n = torch.tensor([1.0, 4.0, 0.0]), torch.tensor([2.0, 2.0, 0.0])
    torch.testing.assert_close(method.objective(losses, n), torch.tensor((0.5 + 2.0) / 3))
    method.observe(losses, n)
    expected = np.exp([0.25, 1.0, 0.0])
    torch.testing.assert_close(method.q, torch.tensor(expected / expected.sum(), dtype=torch.float32))
    for _ in range(200):
        method.observe(losses, n)
    assert method.q[1] > 0.999


def test_a_group_without_a_training_image_never_has_weight(make):
    method = make("group_dro", groups=np.tile([0, 2], 50))
    method.observe(torch.tensor([1.0, 0.0, 1.0]), torch.tensor([1.0, 0.0, 1.0]))
    torch.testing.assert_close(method.q, torch.tensor([0.5, 0.0, 0.5]))


def test_groups_within_classes(make):
    method = make("group_dro", method_options={"dro_groups": "class_group"})
    assert method.n_strata == 9
    targets = method.targets(np.array([0, 63, 94]))  # class 0 type I, class 1 type V, class 2 unknown
    assert method.strata(targets).tolist() == [0, 4, 8]
    torch.testing.assert_close(method.denominators(targets), torch.eye(3).flatten())


@pytest.mark.parametrize("groups", ["group", "class_group"])
def test_a_run_moves_q_and_keeps_it_in_its_checkpoint(shared_dataset, tmp_path, run, groups):
    options = ("method=group_dro", "method_options.dro_step=1.0", f"method_options.dro_groups={groups}")
    run(shared_dataset, tmp_path / "run", *options, "epochs=2")
    tensors, _ = read_tensors(tmp_path / "run" / "checkpoint" / "last.safetensors")
    q = tensors["method/group_dro.q"]
    assert float(q.sum()) == pytest.approx(1)
    assert len(q) == (6 if groups == "group" else 18)
    assert q.max() > 1.2 * q[q > 0].min()
