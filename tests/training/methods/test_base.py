"""The seam: names, options, and sums that add up over the parts of a batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from dermbench.errors import InputError, RegistryError, UsageError
from dermbench.training.config.seeding import torch_generator
from dermbench.training.methods import METHODS, method_class
from dermbench.training.run.configure import validate

BASE = {"model": "test_efficientnet"}


@pytest.fixture
def logits():
    return torch.randn(100, 3, generator=torch.Generator().manual_seed(0))


def value(method, logits, index):
    targets = method.targets(index)
    return method.objective(method.numerators(logits, targets), method.denominators(targets))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_plain_training_minimises_the_weighted_cross_entropy_of_torch(make, logits, smoothing, weights):
    method = make(label_smoothing=smoothing, class_weights=weights)
    expected = F.cross_entropy(
        logits, torch.from_numpy(method.split.labels), weight=method.class_weights, label_smoothing=smoothing
    )
    torch.testing.assert_close(value(method, logits, np.arange(100)), expected)


@pytest.mark.parametrize("name", METHODS.names())
@pytest.mark.parametrize("cuts", [(50,), (20, 60, 64)])
def test_parts_of_a_batch_give_loss_and_gradient_of_the_whole(make, name, cuts):
    """However a batch is shared out over processes or micro-batches, as long as the parts are even."""
    method = make(name, class_weights="balanced", label_smoothing=0.1)
    index = np.random.default_rng(1).permutation(100)
    images = torch.rand(100, 3, 8, 8)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 64, 3))

    def share(part):
        generator = torch_generator(0, "method", 0)
        return method.batch(images[part], method.targets(index[part]), generator)

    def gradient(parts):
        mixed = [share(part) for part in parts]
        whole = sum(method.denominators(targets) for _, targets in mixed)
        network.zero_grad()
        losses = [method.objective(method.numerators(network(x), targets), whole) for x, targets in mixed]
        for loss in losses:
            loss.backward()
        return sum(losses).detach(), network[1].weight.grad.clone()

    one = gradient([np.arange(100)])
    many = gradient(np.split(np.arange(100), cuts))
    torch.testing.assert_close(one[0], many[0])
    torch.testing.assert_close(one[1], many[1], atol=1e-6, rtol=1e-4)


def test_an_unknown_method_or_option_suggests_the_nearest():
    with pytest.raises(InputError, match="did you mean 'group_dro'"):
        validate("x", BASE | {"method": "groupdro"})
    with pytest.raises(InputError, match="no option 'dro_stp'; did you mean 'dro_step'"):
        validate("x", BASE | {"method": "group_dro", "method_options": {"dro_stp": 1}})
    with pytest.raises(InputError, match="no option 'alpha'; it has none"):
        validate("x", BASE | {"method": "erm", "method_options": {"alpha": 1}})
    with pytest.raises(InputError, match="dro_step = -1"):
        validate("x", BASE | {"method": "group_dro", "method_options": {"dro_step": -1}})


def test_the_configuration_holds_every_option():
    config = validate("x", BASE | {"method": "group_dro"})
    assert config.method_options == {"dro_groups": "group", "dro_step": 0.01}


def test_combinations_that_make_no_sense_are_refused():
    with pytest.raises(UsageError, match="twice"):
        method_class("group_dro+group_dro")
    with pytest.raises(RegistryError, match="unknown method 'x'"):
        method_class("erm+x")
    with pytest.raises(UsageError, match="cannot be combined: both set batch"):
        method_class("mixup+cutmix")
    assert issubclass(method_class("erm+group_dro"), METHODS.get("group_dro"))


def test_groups_are_needed_where_they_are_used(make):
    with pytest.raises(UsageError, match="needs groups"):
        make("group_dro", groups=np.zeros(100, dtype=int), names=("unknown",))


def test_every_method_names_its_publication_and_documents_itself():
    for name in METHODS:
        method = METHODS.get(name)
        assert method.reference, name
        assert len(method.__doc__) > 40, name
