"""Kernels in C: layers compute as PyTorch's do, and what is without a compiler."""

from __future__ import annotations

import copy
import itertools
import os
import platform
import shutil
import stat

import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from timm.layers.norm_act import BatchNormAct2d
from timm.models._efficientnet_blocks import SqueezeExcite
from torch import nn

from dermbench.artifacts import read_predictions
from dermbench.training import native, predict
from dermbench.training.depthwise import quicken
from dermbench.training.device import Runtime
from dermbench.training.fused import NativeNormAct, NativeSqueezeExcite, fuse

CPU = torch.device("cpu")
BF16 = Runtime(CPU, "bf16", channels_last=True)
ACTS = {"Identity": nn.Identity, "SiLU": nn.SiLU, "ReLU": nn.ReLU, "ReLU6": nn.ReLU6}
COMPILER = next((path for name in native.COMPILERS if (path := shutil.which(name))), None)
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler: there are no kernels here")


def _layer(channels, act, *, seed=0):
    torch.manual_seed(seed)
    layer = BatchNormAct2d(channels, act_layer=ACTS[act], inplace=False)
    nn.init.uniform_(layer.weight, 0.5, 3)
    nn.init.normal_(layer.bias, 1)
    return layer.train()


def _native(layer):
    changed = nn.Sequential(copy.deepcopy(layer))
    assert fuse(changed, BF16, print) == 1
    assert type(changed[0]) is NativeNormAct
    return changed[0]


def _images(shape, *, centre=2.0):
    return (torch.randn(shape) + centre).bfloat16().contiguous(memory_format=torch.channels_last)


def _passes(layer, images, gradient):
    images = images.clone(memory_format=torch.preserve_format).requires_grad_()
    out = layer(images)
    out.backward(gradient.to(out.dtype))
    statistics = [layer.running_mean, layer.running_var, layer.num_batches_tracked]
    return [out.detach(), images.grad, layer.weight.grad, layer.bias.grad, *statistics]


def _assert_as_float32(layer, images):
    own = _native(layer)
    gradient = torch.randn(images.shape).bfloat16().contiguous(memory_format=torch.channels_last)
    before = nn.functional.batch_norm(
        images.float(),
        layer.running_mean.clone(),
        layer.running_var.clone(),
        layer.weight,
        layer.bias,
        training=layer.training,
    )
    gradient[(before.abs() < 1e-3) | ((before - 6).abs() < 1e-3)] = 0  # there rounding decides what is cut
    exact = _passes(layer, images.float(), gradient.float())
    found = _passes(own, images, gradient)
    assert found[0].is_contiguous(memory_format=torch.channels_last)
    names = ("output", "images", "weight", "bias", "mean", "variance", "batches")
    for name, a, b in zip(names, exact, found, strict=True):
        tolerance = 0.01 if name in names[:4] else 1e-4
        assert float((a.float() - b.float()).norm()) <= tolerance * float(a.float().norm()) + 2e-3, name


@needs_compiler
def test_they_are_here_where_a_compiler_is():
    assert not native.why_not()
    assert native.available()


@needs_compiler
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("channels", [1, 15, 16, 17, 48, 88])
def test_normalisation_is_that_of_float32(act, channels, kept):
    layer, images = _layer(channels, act), _images((5, channels, 9, 7))
    if kept:  # the statistics of before
        layer(images.float() * 1.5)
        layer.eval()
    _assert_as_float32(layer, images)


@needs_compiler
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_normalisation_whatever_the_shape(data):
    n, height, width = (data.draw(st.integers(1, limit)) for limit in (4, 40, 40))
    channels = data.draw(st.integers(1, 70))
    if n * height * width < 8:  # of a few values the variance is small beside what rounding adds
        n = 8
    layer = _layer(channels, data.draw(st.sampled_from(sorted(ACTS))), seed=data.draw(st.integers(0, 99)))
    _assert_as_float32(layer, _images((n, channels, height, width), centre=data.draw(st.floats(-20, 20))))


@needs_compiler
def test_the_number_of_threads_changes_no_bit():
    threads, found = torch.get_num_threads(), []
    layer, images = _layer(40, "ReLU6"), _images((6, 40, 33, 31))
    gradient, window = _images(images.shape), native.Window(5, 1, 2, 2, 33, 31)
    weight = torch.randn(40, 1, 5, 5)
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            convolved = [
                native.depthwise(images, weight, window),
                native.depthwise_images(gradient, weight, window, (33, 31)),
                native.depthwise_weight(images, gradient, window),
                native.image_sums(images, gradient),
                native.gated(images, native.image_sums(images)),
            ]
            found.append([*_passes(_native(layer), images, gradient), *convolved])
    finally:
        torch.set_num_threads(threads)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


@needs_compiler
@pytest.mark.parametrize("act", ACTS)
def test_what_is_not_a_number_stays_so(act):
    layer, images = _native(_layer(20, act)), _images((2, 20, 4, 4))
    images[0, 3, 1, 1] = float("nan")
    out = layer(images)
    assert bool(out[:, 3].isnan().all())
    assert not bool(out[:, [*range(3), *range(4, 20)]].isnan().any())


@needs_compiler
def test_other_layers_and_other_images_stay():
    others = nn.Sequential(
        BatchNormAct2d(8, act_layer=nn.GELU),
        BatchNormAct2d(8, act_layer=nn.ReLU, momentum=None),
        BatchNormAct2d(8, act_layer=nn.ReLU, drop_layer=nn.Dropout),
        nn.BatchNorm2d(8),
    )
    assert fuse(others, BF16, print) == 0
    layer = _layer(8, "ReLU")
    own = _native(layer)
    for images in (_images((2, 8, 4, 4)).float(), _images((2, 8, 4, 4)).contiguous()):
        assert torch.equal(own(images), layer(images))
    with pytest.raises(ValueError, match="more than 1 value"):
        own(_images((1, 8, 1, 1)))


@needs_compiler
def test_a_frozen_layer_and_a_prediction_compute_in_one_pass():
    layer = _layer(24, "ReLU6")
    layer(_images((4, 24, 6, 6)).float())
    layer.requires_grad_(False).eval()
    own, images = _native(layer), _images((3, 24, 6, 6))
    exact = layer(images.float())
    assert float((own(images).float() - exact).abs().max()) < 0.03  # half a step of bf16 at 6
    assert torch.equal(own.running_mean, layer.running_mean)
    before = own(images)
    for context in (torch.no_grad(), torch.inference_mode()):
        with context:
            assert torch.equal(own(images), before)


@needs_compiler
def test_predictions_of_a_run_in_bf16_are_those_it_was_validated_on(shared_dataset, tmp_path, run):
    run(shared_dataset, tmp_path / "run", "precision=bf16", "epochs=2", "model=tf_efficientnet_lite0")
    written = read_predictions(tmp_path / "run/predictions/val.parquet", shared_dataset.truth("val"))
    assert predict(tmp_path / "run", shared_dataset, split="val").digest == written.digest


@needs_compiler
@pytest.mark.parametrize(("side", "stride"), list(itertools.product((3, 5), (1, 2))))
def test_a_frozen_convolution_computes_as_one_that_learns(side, stride):
    torch.manual_seed(0)
    frozen = nn.Conv2d(24, 24, side, stride, side // 2, groups=24, bias=False).requires_grad_(False)
    frozen.to(memory_format=torch.channels_last)
    learns = copy.deepcopy(frozen).requires_grad_(True)
    quicken(nn.ModuleList([frozen, learns]), BF16)
    with torch.autocast("cpu", torch.bfloat16):
        found = [layer(_images((2, 24, 9, 9), centre=0.0) * 0 + 1) for layer in (frozen, learns)]
    assert torch.equal(found[0], found[1])
    assert not found[0].requires_grad


@needs_compiler
def test_silu_of_every_size_is_that_of_float64():
    """Digits of bf16 are right from the smallest to the largest; the slope is, too, and nothing overflows."""
    u = torch.cat([torch.linspace(-100, 100, 200001), torch.tensor([-3e38, -1e-30, 0.0, 1e-30, 3e38])])
    images = u.bfloat16().view(1, 1, -1, 1).contiguous(memory_format=torch.channels_last)
    one, zero = torch.ones(1), torch.zeros(1)
    found, kept = native.normalised_as(images, one, zero, (zero, one), 0.0, native.ACTIVATIONS["SiLU"])
    slope, _, _ = native.normalised_backward(
        images, torch.ones_like(images), kept, native.ACTIVATIONS["SiLU"], fixed=True
    )
    exact = images.double().requires_grad_()
    out = nn.functional.silu(exact)
    out.sum().backward()
    torch.testing.assert_close(found.double(), out.detach(), rtol=2**-8, atol=1e-35)
    torch.testing.assert_close(slope.double(), exact.grad, rtol=2**-8, atol=1e-6)


def _excited(layer, images, gradient):
    images = images.clone(memory_format=torch.preserve_format).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=images.dtype == torch.bfloat16):
        out = layer(images)
    out.backward(gradient.to(out.dtype))
    return [out.detach(), images.grad, *(p.grad for p in layer.parameters())]


@needs_compiler
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_squeeze_and_excitation_is_that_of_float32(data):
    shape = tuple(data.draw(st.integers(low, high)) for low, high in ((1, 4), (1, 70), (1, 20), (1, 20)))
    torch.manual_seed(data.draw(st.integers(0, 99)))
    layer = SqueezeExcite(shape[1], rd_channels=6, act_layer=nn.SiLU).train()
    images, gradient = _images(shape), _images(shape, centre=0.0)
    changed = nn.Sequential(copy.deepcopy(layer))
    assert fuse(changed, BF16, print) == 1
    own = changed[0]
    assert type(own) is NativeSqueezeExcite
    exact, eager = _excited(layer, images.float(), gradient), _excited(copy.deepcopy(layer), images, gradient)
    for number, (a, b, c) in enumerate(zip(exact, eager, _excited(own, images, gradient), strict=True)):
        worst = float((a - b.float()).norm())
        assert float((a - c.float()).norm()) <= 2 * worst + 0.02 * float(a.norm()) + 1e-4, number


@needs_compiler
def test_squeeze_and_excitation_by_hand():
    images = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[2.0, 2.0], [2.0, 2.0]]]).bfloat16()[None]
    images = images.contiguous(memory_format=torch.channels_last)
    other = torch.full_like(images, 0.5)
    assert native.image_sums(images).flatten().tolist() == [10, 8]
    assert native.image_sums(images, other).flatten().tolist() == [5, 4]
    gate, add = torch.tensor([2.0, -1.0]).view(1, 2, 1, 1), torch.tensor([0.5, 0.0]).view(1, 2, 1, 1)
    assert native.gated(images, gate).flatten(2).tolist() == [[[2, 4, 6, 8], [-2, -2, -2, -2]]]
    assert native.gated(images, gate.bfloat16(), add)[0, 0].flatten().tolist() == [2.5, 4.5, 6.5, 8.5]


@needs_compiler
def test_squeeze_and_excitation_elsewhere_stays():
    layer = SqueezeExcite(8)
    changed = nn.Sequential(copy.deepcopy(layer))
    fuse(changed, BF16, print)
    own, images = changed[0], _images((2, 8, 4, 4))
    for where in (images.float(), images.float().contiguous()):
        assert torch.equal(own(where), layer(where))
    own.eval(), layer.eval()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(own(images), layer(images))


@pytest.mark.compiles
@needs_compiler
@pytest.mark.parametrize("flag", ["-mno-avx512bf16", "-mno-avx512f", "-mno-avx"])
def test_kernels_for_other_processors(ask, flag):
    if platform.machine() not in {"x86_64", "AMD64"}:
        pytest.skip("the flags are those of x86 processors")
    assert not ask(f"{COMPILER} {flag}")
    for act in ACTS:
        _assert_as_float32(_layer(37, act), _images((3, 37, 9, 7)))
    test_silu_of_every_size_is_that_of_float64()
    test_what_is_not_a_number_stays_so("SiLU")
    test_squeeze_and_excitation_by_hand()


@needs_compiler
@pytest.mark.parametrize(("name", "layers"), [("tf_efficientnet_lite0", 49), ("efficientnet_b0", 65)])
def test_a_network_learns_as_without_them(name, layers):
    torch.manual_seed(0)
    network = timm.create_model(name, num_classes=3).to(memory_format=torch.channels_last).train()
    own = copy.deepcopy(network)
    assert fuse(own, BF16, print) == layers  # every normalisation, every squeeze
    assert list(own.state_dict()) == list(network.state_dict())
    images = torch.randn(8, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    found = []
    for module, there in ((copy.deepcopy(network), False), (network, True), (own, True)):
        torch.manual_seed(1)  # of dropout
        with torch.autocast("cpu", torch.bfloat16, enabled=there):
            loss = nn.functional.cross_entropy(module(images).float(), torch.arange(8) % 3)
        loss.backward()
        found.append({key: p.grad.flatten() for key, p in module.named_parameters()})
    exact, rounded, ours = found
    for key in ("classifier.weight", "blocks.6.0.bn2.weight", "blocks.6.0.conv_dw.weight", "blocks.3.0.bn3.bias"):
        before, now = (float(nn.functional.cosine_similarity(exact[key], g[key], dim=0)) for g in (rounded, ours))
        assert now > before - 0.05, key


@pytest.fixture
def ask(monkeypatch, tmp_path):
    """Answer anew why there are no kernels, with a cache folder of the test's own."""
    questions = (native.library, native.why_not, native.available)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)

    def answer(compiler=None):
        if compiler:
            monkeypatch.setenv("CC", str(compiler))
        for question in questions:
            question.cache_clear()
        return native.why_not()

    yield answer
    for question in questions:
        question.cache_clear()


@pytest.mark.compiles
@needs_compiler
def test_they_are_compiled_once_and_anew_when_damaged(ask, tmp_path, monkeypatch):
    assert not ask()
    (made,) = (tmp_path / "dermbench").glob("*.so")
    assert stat.S_IMODE(made.parent.stat().st_mode) == 0o700
    before = made.stat()
    assert not ask()
    assert (made.stat().st_ino, made.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))  # what is loaded already is not looked at again
    damaged = tmp_path / "other/dermbench" / made.name
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"damaged")
    assert not ask()
    assert damaged.stat().st_size == before.st_size
    assert {path.suffix for path in damaged.parent.iterdir()} == {".so", ".sha256"}
    assert not ask(f"{COMPILER} -O2")  # what the compiler is told is part of what they are made of
    assert len(list(damaged.parent.glob("*.so"))) == 2


@pytest.mark.compiles
@needs_compiler
def test_a_compiler_without_openmp_is_for_one_thread(ask, tmp_path):
    serial = tmp_path / "serial"
    serial.write_text(
        f'#!/bin/sh\ncase "$*" in *-fopenmp*) echo no such thing >&2; exit 1;; esac\nexec {COMPILER} "$@"\n'
    )
    serial.chmod(0o700)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        assert ask(serial) == (
            f"{serial} -fopenmp cannot compile native.c: no such thing (for one thread: OMP_NUM_THREADS=1)"
        )
        torch.set_num_threads(1)
        assert not ask(serial)
    finally:
        torch.set_num_threads(threads)
    assert [path.name.endswith("-serial.so") for path in (tmp_path / "dermbench").glob("*.so")] == [True]


@needs_compiler
def test_what_does_not_fit_is_refused_as_by_torch():
    wide = _images((2, 12, 4, 4))
    with pytest.raises(RuntimeError):
        _native(_layer(8, "ReLU"))(wide)
    assert _native(_layer(8, "ReLU"))(_images((0, 8, 4, 4))).shape == (0, 8, 4, 4)
    layer = _layer(8, "ReLU")
    for changed in (_native(layer).bfloat16(), _native(layer).double()):
        images = _images((4, 8, 4, 4))
        kind = next(changed.parameters()).dtype
        if kind == torch.bfloat16:
            exact = copy.deepcopy(layer)(images.float())
            found = changed(images).float()
            assert float((found - exact).detach().norm()) < 0.05 * float(exact.detach().norm())
        else:
            with pytest.raises(RuntimeError):
                changed(images)
    convolution = nn.Conv2d(8, 8, 3, 2, groups=8, bias=False).to(memory_format=torch.channels_last)
    quicken(nn.Sequential(convolution), BF16)
    with torch.autocast("cpu", torch.bfloat16):
        for images in (wide, _images((2, 8, 2, 2))):
            with pytest.raises(RuntimeError):
                convolution(images)
        assert convolution(_images((0, 8, 5, 5))).shape == (0, 8, 2, 2)
        assert convolution(_images((2, 8, 5, 5))[0]).shape == (8, 2, 2)


@needs_compiler
def test_a_second_derivative_is_refused_and_never_dropped():
    images, squeeze = _images((2, 8, 5, 5)).requires_grad_(), nn.Sequential(SqueezeExcite(8).bfloat16().train())
    assert fuse(squeeze, BF16, print) == 1
    for layer in (_native(_layer(8, "ReLU")), squeeze):
        (gradient,) = torch.autograd.grad(layer(images).float().square().sum(), images, create_graph=True)
        with pytest.raises(RuntimeError, match="once_differentiable"):
            gradient.float().square().sum().backward()


@pytest.mark.compiles
@needs_compiler
def test_the_default_type_of_numbers_does_not_matter(ask):
    torch.set_default_dtype(torch.float64)
    try:
        assert not ask()
        found = native.depthwise_weight(
            _images((2, 8, 5, 5)), _images((2, 8, 5, 5)), native.Window(3, 1, 1, 1, 5, 5)
        )
    finally:
        torch.set_default_dtype(torch.float32)
    assert found.dtype == torch.float32


@pytest.mark.compiles
@needs_compiler
def test_a_folder_that_others_write_to_is_not_trusted(ask, tmp_path):
    folder = tmp_path / "dermbench"
    folder.mkdir()
    folder.chmod(0o777)
    assert not ask()
    assert not list(folder.iterdir())


@pytest.mark.skipif(os.name != "posix", reason="a compiler that is a script")
def test_what_a_compiler_fails_at_is_said(ask, tmp_path):
    assert ask("no-such-compiler") == "no C compiler (looked for no-such-compiler)"
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho 'it does not' >&2\nexit 1\n")
    broken.chmod(0o700)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    assert ask(f"{broken} --option") == f"{broken} --option cannot compile native.c: it does not"
    torch.set_num_threads(threads)
    assert not list((tmp_path / "dermbench").iterdir())
    assert not native.available()


@needs_compiler
def test_kernels_that_compute_something_else_are_not_used(monkeypatch):
    monkeypatch.setattr(native, "depthwise", lambda images, weight, window: images)
    with pytest.raises(native.NativeError, match="something else"):
        native._try_out()


def test_a_run_without_them_says_so_and_is_no_other(shared_dataset, tmp_path, run, monkeypatch, capsys):
    options = ("precision=bf16", "epochs=2")
    first = run(shared_dataset, tmp_path / "first", *options, quiet=False)
    assert ("slower than it could be" in capsys.readouterr().err) is (COMPILER is None)
    monkeypatch.setattr(native, "available", lambda: False)
    monkeypatch.setattr(native, "why_not", lambda: "no C compiler")
    second = run(shared_dataset, tmp_path / "second", *options, quiet=False)
    assert "slower than it could be, since there are no kernels here: no C compiler" in capsys.readouterr().err
    assert second.scores["val_loss"] == pytest.approx(first.scores["val_loss"], abs=0.1)
