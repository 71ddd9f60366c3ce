"""The GPU kernels give what PyTorch gives, run here by Triton's interpreter; so do the layers made of them.

Run by ``test_kernels.py`` in a process of its own: Triton looks when it is imported whether it interprets.
"""

from __future__ import annotations

import copy

import pytest
import timm
import torch
from timm.layers.norm_act import BatchNormAct2d
from timm.models._efficientnet_blocks import SqueezeExcite
from torch import nn

from dermbench.training.config.device import Runtime
from dermbench.training.speed import fused
from dermbench.training.speed.fused import FusedNormAct, FusedSqueezeExcite, fuse, fuse_layers, try_out

TOLERANCE = {torch.float32: 1e-6, torch.float16: 1e-3, torch.bfloat16: 1e-2}
SHAPES = {
    "one block": (3, 24, 5, 7),
    "several blocks of rows and channels": (2, 70, 9, 11),
    "a pixel": (9, 6, 1, 1),
    "eight rows side by side": (2, 24, 8, 6),
    "two rows side by side, several programs": (3, 40, 14, 15),
}


def images(shape, dtype=torch.float32):
    made = torch.randn(shape) * 2 + 5  # a mean far from zero
    return made.to(dtype).contiguous(memory_format=torch.channels_last).requires_grad_()


def error(one, two):
    one, two = one.detach().double(), two.detach().double()
    return float((one - two).norm() / two.norm().clamp(min=1e-12))


def both_ways(layer, shape, dtype=torch.float32):
    """Return pairs (fused, in double precision) of result, gradients and buffers of a training step."""
    reference = copy.deepcopy(layer).double()
    assert fuse_layers(layer) == 1
    x = images(shape, dtype)
    y, wanted = layer(x), x.detach().double().requires_grad_()
    expected = reference(wanted)
    gradient = torch.randn(shape).to(dtype)  # in the usual layout, so that it has to be brought into the other
    y.backward(gradient)
    expected.backward(gradient.double())
    parameters = [(p.grad, q.grad) for p, q in zip(layer.parameters(), reference.parameters(), strict=True)]
    return [
        (y, expected),
        (x.grad, wanted.grad),
        *parameters,
        *zip(layer.buffers(), reference.buffers(), strict=True),
    ]


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("activation", [nn.Identity, nn.SiLU, nn.ReLU, nn.ReLU6])
def test_normalisation_with_activation_is_that_of_pytorch(activation, dtype):
    torch.manual_seed(0)
    layer = BatchNormAct2d(24, act_layer=activation, inplace=False)
    nn.init.normal_(layer.weight, 1, 0.3)
    nn.init.normal_(layer.bias)
    for fused_one, double_one in both_ways(layer, SHAPES["one block"], dtype):
        assert error(fused_one, double_one) < TOLERANCE[dtype]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_normalisation_of_any_shape(shape):
    torch.manual_seed(1)
    for pair in both_ways(BatchNormAct2d(shape[1], act_layer=nn.SiLU), shape):
        assert error(*pair) < 1e-5


def test_sums_are_exact_far_from_zero():
    torch.manual_seed(2)
    layer = BatchNormAct2d(4, apply_act=False)
    reference = copy.deepcopy(layer).double()
    fuse_layers(layer)
    x = (torch.randn(8, 4, 33, 31) + 100).contiguous(memory_format=torch.channels_last)
    assert error(layer(x), reference(x.double())) < 1e-5
    assert error(layer.running_var, reference.running_var) < 1e-5


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_squeeze_and_excitation_is_that_of_timm(shape):
    torch.manual_seed(3)
    for pair in both_ways(SqueezeExcite(shape[1]), shape):
        assert error(*pair) < 1e-5


def test_frozen_weights_of_squeeze_and_excitation_get_no_gradient():
    layer = SqueezeExcite(8)
    layer.conv_reduce.weight.requires_grad_(requires_grad=False)
    fuse_layers(layer)
    layer(images((2, 8, 4, 4))).sum().backward()
    assert layer.conv_reduce.weight.grad is None
    assert layer.conv_expand.weight.grad is not None


def test_a_whole_network_learns_alike_and_keeps_its_names():
    torch.manual_seed(4)
    network = timm.create_model("test_efficientnet", num_classes=5).to(memory_format=torch.channels_last)
    other = copy.deepcopy(network)
    assert fuse_layers(network) > 0
    assert fuse_layers(network) == 0  # it is done
    assert network.state_dict().keys() == other.state_dict().keys()
    assert any(isinstance(layer, FusedSqueezeExcite) for layer in network.modules())
    x = images((6, 3, 64, 64)).detach()
    for module in (network, other):
        module(x).square().mean().backward()
    for one, two in zip(network.parameters(), other.parameters(), strict=True):
        assert float((one.grad - two.grad).norm()) < 1e-3 * float(two.grad.norm()) + 1e-6
    for one, two in zip(network.buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)
    copied = copy.deepcopy(network)  # as the moving average is made
    for module in (network, other, copied):
        module.eval()
    assert torch.equal(network(x), copied(x))
    torch.testing.assert_close(network(x), other(x), rtol=1e-3, atol=1e-5)


def test_outside_of_training_the_layers_are_those_of_timm(monkeypatch):
    monkeypatch.setattr(fused._NormAct, "apply", lambda *args: pytest.fail("computed by the kernels"))
    layer = BatchNormAct2d(8)
    fuse_layers(layer)
    layer.eval()
    layer(images((2, 8, 4, 4)))
    layer.train()
    layer(torch.zeros(2, 8, 4, 4))  # channels do not lie last


@pytest.mark.parametrize(
    "layer",
    [
        BatchNormAct2d(8, act_layer=nn.Tanh),
        BatchNormAct2d(8, momentum=None),
        BatchNormAct2d(8, affine=False),
        BatchNormAct2d(8, drop_layer=nn.Dropout),
        nn.BatchNorm2d(8),
    ],
    ids=["activation", "momentum", "affine", "dropout", "class"],
)
def test_layers_that_do_something_else_stay(layer):
    before = type(layer)
    assert fuse_layers(layer) == 0
    assert type(layer) is before


def test_only_a_gpu_is_changed(monkeypatch):
    cpu, gpu = (Runtime(torch.device(name)) for name in ("cpu", "cuda"))
    module = BatchNormAct2d(8)
    monkeypatch.setattr(fused, "try_out", lambda device: try_out(cpu.device))
    assert fuse(module, cpu, pytest.fail) == 0
    with monkeypatch.context() as patch:
        patch.setattr(fused.importlib.util, "find_spec", lambda name: None)
        assert fuse(module, gpu, pytest.fail) == 0
    assert fuse(module, gpu, pytest.fail) == 1
    assert isinstance(module, FusedNormAct)


def test_where_triton_makes_no_kernels_the_run_is_told_and_trains_without(monkeypatch):
    def fails(device):
        raise RuntimeError("Failed to find C compiler.\nPlease specify via CC")

    said = []
    monkeypatch.setattr(fused, "try_out", fails)
    module = BatchNormAct2d(8)
    assert fuse(module, Runtime(torch.device("cuda")), said.append) == 0
    assert type(module) is BatchNormAct2d
    assert said == ["layers are not fused: Triton cannot compile: Failed to find C compiler."]
