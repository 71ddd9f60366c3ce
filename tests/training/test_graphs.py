"""Graphs of a network's passes: the gradients are those of the network, and what cannot be recorded still trains.

There is no GPU here: what is recorded is played by a stand-in that computes when it is told to.
"""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from dermbench.training.config.device import Runtime
from dermbench.training.speed.graphs import SHAPES, Graphed, Recorded

CPU = Runtime(torch.device("cpu"))


class StandIn(Graphed):
    """Records as a GPU does, by closures over fixed tensors."""

    def _record(self, images):
        self.records = getattr(self, "records", 0) + 1
        kept = images.clone()
        logits = self._pass(kept).detach().clone()
        gradient, gradients = torch.zeros_like(logits), tuple(torch.zeros_like(p) for p in self.learning)

        def forward():
            logits.copy_(self._pass(kept).detach())

        def backward():
            statistics = copy.deepcopy(self.module.state_dict())
            with torch.enable_grad():
                made = self._gradients(self._pass(kept), gradient)
            self.module.load_state_dict(statistics)  # the pass above is the stand-in's, not the step's
            for held, found in zip(gradients, made, strict=True):
                held.copy_(found)

        graphs = (SimpleNamespace(replay=call) for call in (forward, backward))
        return Recorded(*graphs, kept, logits, gradient, gradients)


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch):
    for name in ("get_rng_state", "set_rng_state", "synchronize"):
        monkeypatch.setattr(torch.cuda, name, lambda *args: None)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))


def learn(module, forward, sizes):
    """Take steps and return the losses."""
    optimizer, losses = torch.optim.SGD(module.parameters(), lr=0.1), []
    for number, size in enumerate(sizes):
        torch.manual_seed(number)
        images = torch.randn(size, 3, 8, 8)
        optimizer.zero_grad(set_to_none=True)
        loss = forward(images).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def test_steps_by_graphs_are_the_steps_of_the_network():
    module = network()
    module(torch.randn(2, 3, 8, 8))  # gives the lazy layer its size
    other = copy.deepcopy(module)
    graphed = StandIn(module, CPU, pytest.fail)
    sizes = (4, 5, 4, 5, 4)
    assert learn(module, graphed, sizes) == learn(other, other, sizes)
    assert graphed.records == 2  # one a shape
    for one, two in zip(module.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(one, two)  # the recording left no trace in the statistics either


def test_only_so_many_shapes_are_recorded():
    module = network()
    module(torch.randn(2, 3, 8, 8))
    graphed = StandIn(module, CPU, pytest.fail)
    losses = learn(module, graphed, range(2, SHAPES + 5))
    assert graphed.records == SHAPES
    assert len(losses) == SHAPES + 3


def test_what_cannot_be_recorded_is_said_once_and_computed_without():
    class Refuses(StandIn):
        def _record(self, images):
            super()._record(images)
            raise RuntimeError("operation not permitted when stream is capturing\nmore")

    module = network()
    module(torch.randn(2, 3, 8, 8))
    other, said = copy.deepcopy(module), []
    graphed = Refuses(module, CPU, said.append)
    assert learn(module, graphed, (4, 4, 5)) == learn(other, other, (4, 4, 5))
    assert said == ["not recorded as CUDA graphs: operation not permitted when stream is capturing"]
    assert graphed.records == 1


def test_memory_that_runs_out_is_not_a_network_that_cannot_be_recorded():
    class Full(StandIn):
        def _record(self, images):
            raise torch.OutOfMemoryError("CUDA out of memory")

    module = network()
    module(torch.randn(2, 3, 8, 8))
    with pytest.raises(torch.OutOfMemoryError):
        Full(module, CPU, pytest.fail)(torch.randn(2, 3, 8, 8))
