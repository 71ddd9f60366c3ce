"""Depthwise convolutions in bf16 on a CPU: the gradients of float32, layer by layer and in a network."""

from __future__ import annotations

import copy
import itertools
from unittest import mock

import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from timm.layers.conv2d_same import Conv2dSame
from torch import nn

from dermbench.training import native
from dermbench.training.depthwise import QuickConv2d, QuickConv2dSame, quicken
from dermbench.training.device import Runtime

CPU = torch.device("cpu")
KERNELS = (True, False) if native.available() else (False,)
"""Kernels in C, and what is done without them."""
BF16 = Runtime(CPU, "bf16", channels_last=True)
TOLERANCE = 0.02
"""Error relative to the norm: bf16 keeps 8 bits, and a sum of many rounded terms keeps about 7."""


def _layer(side, stride, padding, channels, *, bias=False, same=False):
    kind = Conv2dSame if same else nn.Conv2d
    layer = kind(channels, channels, side, stride, 0 if same else padding, groups=channels, bias=bias)
    with torch.no_grad():
        layer.weight.copy_(layer.weight.bfloat16())
    return layer.to(memory_format=torch.channels_last)


def _passes(layer, images, gradient, *, precise):
    images = images.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=not precise):
        out = layer(images)
    out.backward(gradient.to(out.dtype))
    of_bias = [] if layer.bias is None else [layer.bias.grad]
    return [out.detach().float(), images.grad, layer.weight.grad, *of_bias]


def _assert_same_gradients(layer, batch, height, width):
    for there in KERNELS:
        with mock.patch.object(native, "available", lambda there=there: there):
            _assert_same_gradients_with(layer, batch, height, width)


def _assert_same_gradients_with(layer, batch, height, width):
    layer, quick = copy.deepcopy(layer), copy.deepcopy(layer)
    assert quicken(nn.Sequential(quick), BF16) == 1
    images = torch.randn(batch, layer.in_channels, height, width).bfloat16().float()
    images = images.contiguous(memory_format=torch.channels_last)
    gradient = torch.randn_like(layer(images)).bfloat16().float()
    exact = _passes(layer, images, gradient, precise=True)
    found = _passes(quick, images, gradient, precise=False)
    for name, a, b in zip(("output", "images", "weight", "bias"), exact, found, strict=False):
        assert float((a - b).norm()) <= TOLERANCE * float(a.norm()) + 1e-5, name


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("side", "stride"), list(itertools.product((3, 5), (1, 2, 3))))
def test_gradients_are_those_of_float32(side, stride, bias, same):
    torch.manual_seed(0)
    layer = _layer(side, stride, side // 2, 24, bias=bias, same=same)
    _assert_same_gradients(layer, 3, 14, 11)


@settings(max_examples=75, deadline=None)
@given(data=st.data())
def test_gradients_whatever_the_shape(data):
    side, stride = data.draw(st.sampled_from((3, 5))), data.draw(st.integers(1, 4))
    padding, same = data.draw(st.integers(0, 3)), data.draw(st.booleans())
    smallest = 1 if same else max(1, side - 2 * padding)
    height, width = (data.draw(st.integers(smallest, 12)) for _ in range(2))
    torch.manual_seed(data.draw(st.integers(0, 99)))
    layer = _layer(side, stride, padding, data.draw(st.integers(2, 40)), same=same)
    _assert_same_gradients(layer, data.draw(st.integers(1, 3)), height, width)


def test_only_what_is_asked_for_is_computed():
    torch.manual_seed(0)
    layer = _layer(5, 2, 2, 8)
    quicken(nn.Sequential(layer), BF16)
    layer.weight.requires_grad_(False)
    images = torch.randn(2, 8, 9, 9, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        layer(images).sum().backward()
    assert layer.weight.grad is None
    assert images.grad is not None
    layer.weight.requires_grad_(True)
    with torch.autocast("cpu", torch.bfloat16):
        layer(images.detach()).sum().backward()
    assert layer.weight.grad is not None


@pytest.mark.parametrize(
    "runtime",
    [
        Runtime(CPU, "fp32", channels_last=True),
        Runtime(CPU, "bf16", channels_last=False),
        Runtime(torch.device("cuda"), "bf16", channels_last=True),
    ],
)
def test_nothing_changes_elsewhere(runtime):
    layer = _layer(3, 1, 1, 8)
    assert quicken(nn.Sequential(layer), runtime) == 0
    assert type(layer) is nn.Conv2d


def test_other_convolutions_stay():
    others = nn.Sequential(
        nn.Conv2d(8, 8, 3, padding=1),
        nn.Conv2d(8, 16, 3, padding=1, groups=8),
        nn.Conv2d(16, 16, 7, padding=3, groups=16),
        nn.Conv2d(16, 16, (3, 5), groups=16),
        nn.Conv2d(16, 16, 3, dilation=2, groups=16),
        nn.Conv2d(16, 16, 3, padding=1, groups=16, padding_mode="reflect"),
        nn.Conv2d(16, 16, 3, padding="same", groups=16),
    )
    types = [type(layer) for layer in others]
    assert quicken(others, BF16) == 0
    assert [type(layer) for layer in others] == types


def test_without_autocast_or_gradient_it_is_the_layer_it_was():
    torch.manual_seed(0)
    images = torch.randn(2, 8, 9, 9)
    for layer in (_layer(5, 2, 2, 8), _layer(5, 2, 0, 8, same=True)):
        quick = copy.deepcopy(layer)
        quicken(nn.Sequential(quick), BF16)
        assert torch.equal(quick(images), layer(images))
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            with mock.patch.object(native, "available", return_value=False):
                assert torch.equal(quick(images), layer(images))
            torch.testing.assert_close(quick(images), layer(images), atol=0.02, rtol=0.02)


@pytest.mark.parametrize(
    ("name", "kind"), [("tf_efficientnet_lite0", QuickConv2dSame), ("efficientnet_b0", QuickConv2d)]
)
def test_a_network_of_timm(name, kind):
    torch.manual_seed(0)
    network = timm.create_model(name, num_classes=3).to(memory_format=torch.channels_last).train()
    quick = copy.deepcopy(network)
    assert quicken(quick, BF16) == 16  # blocks of it, one depthwise convolution each
    assert any(isinstance(layer, kind) for layer in quick.modules())
    assert list(quick.state_dict()) == list(network.state_dict())
    images = torch.randn(8, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    found = []
    for module in (network, quick):
        torch.manual_seed(1)  # of dropout
        with torch.autocast("cpu", torch.bfloat16):
            loss = nn.functional.cross_entropy(module(images).float(), torch.arange(8) % 3)
        loss.backward()
        found.append({key: p.grad for key, p in module.named_parameters()})
    for key in ("classifier.weight", "blocks.6.0.conv_dw.weight"):
        cosine = nn.functional.cosine_similarity(found[0][key].flatten(), found[1][key].flatten(), dim=0)
        assert float(cosine) > 0.98, key


def test_a_run_in_bf16_computes_with_it(shared_dataset, tmp_path, run, monkeypatch):
    changed = []

    def noted(module, runtime):
        changed.append(quicken(module, runtime))
        return changed[-1]

    monkeypatch.setattr("dermbench.training.step.quicken", noted)
    run(shared_dataset, tmp_path / "bf16", "precision=bf16", "epochs=1")
    run(shared_dataset, tmp_path / "off", "precision=bf16", "epochs=1", "fused=false")
    run(shared_dataset, tmp_path / "fp32", "epochs=1")
    assert changed[0] > 0
    assert changed[1:] == [0]
