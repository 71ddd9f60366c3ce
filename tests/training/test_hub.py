"""Networks named by the hub, with a hub that answers from here."""

from __future__ import annotations

import pytest
import timm
import torch

from dermbench.errors import InputError, MissingDependencyError, UsageError
from dermbench.training import embed, predict
from dermbench.training.network import weights

NAME = "hf-hub:somebody/tiny"


@pytest.fixture
def hub(monkeypatch):
    """A hub that knows one network: its description, and weights of its own."""
    cfg = dict(timm.create_model("test_efficientnet").pretrained_cfg)
    cfg |= {"hf_hub_id": "somebody/tiny", "source": "hf-hub", "mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6)}
    asked = []

    def describe(hub_id):
        asked.append(hub_id)
        if hub_id != "somebody/tiny":
            raise OSError("404")
        return dict(cfg), "test_efficientnet", {}

    def load(model, **rest):
        with torch.no_grad():
            model.conv_stem.weight.fill_(0.125)

    monkeypatch.setattr(weights, "_is_cached", lambda *names: True)
    monkeypatch.setattr(timm.models, "load_model_config_from_hf", describe)
    monkeypatch.setattr(timm.models, "load_pretrained", load)
    return asked


def test_a_run_of_the_hub_needs_the_hub_once(hub, shared_dataset, tmp_path, run, monkeypatch):
    options = (
        f"model={NAME}",
        "pretrained=true",
        "epochs=2",
        "learning_rate=1e-12",
        "freeze_norm=false",
    )
    record = run(shared_dataset, tmp_path / "run", *options)
    assert record.pretrained == "somebody/tiny, from timm's hub"
    assert hub == ["somebody/tiny"]
    monkeypatch.setattr(timm.models, "load_model_config_from_hf", None)
    predictions = predict(tmp_path / "run", shared_dataset, split="val")
    assert len(predictions) == 12
    from dermbench.training.predicting.run_loading import load_run

    network, *_ = load_run(tmp_path / "run", shared_dataset, device="cpu")
    assert network.mean == (0.1, 0.2, 0.3)
    torch.testing.assert_close(
        network.module.conv_stem.weight, torch.full_like(network.module.conv_stem.weight, 0.125)
    )


def describe_as(monkeypatch, **changes):
    cfg = dict(timm.create_model("test_efficientnet").pretrained_cfg) | {"hf_hub_id": "somebody/tiny"} | changes
    monkeypatch.setattr(timm.models, "load_model_config_from_hf", lambda _: (dict(cfg), "test_efficientnet", {}))


def test_a_network_of_the_hub_embeds_and_predicts_classes_that_it_names(hub, shared_dataset, monkeypatch):
    assert len(embed(NAME, shared_dataset)) == len(shared_dataset.manifest)
    with pytest.raises(UsageError, match="does not say which classes it predicts"):
        predict(NAME, shared_dataset)
    named = ["plaque", "macule", "nodule"]
    describe_as(monkeypatch, label_names=named, num_classes=3)
    assert set(predict(NAME, shared_dataset).classes) == set(named)
    describe_as(monkeypatch, label_names=named, num_classes=1000)
    with pytest.raises(InputError, match="1000 outputs for 3 label_names"):
        predict(NAME, shared_dataset)
    describe_as(monkeypatch, label_names=["plaque", "macule", "wheal"], num_classes=3)
    with pytest.raises(UsageError, match="predicts other classes"):
        predict(NAME, shared_dataset)


def test_what_the_hub_does_not_have_is_told(hub, shared_dataset, tmp_path, run):
    with pytest.raises(UsageError, match=r"the hub has no network of timm called hf-hub:nobody/none \(404\)"):
        run(shared_dataset, tmp_path / "run", "model=hf-hub:nobody/none")


def test_a_hub_that_cannot_be_reached_is_told(monkeypatch, shared_dataset, tmp_path, run):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(weights, "_is_cached", lambda *names: False)
    with pytest.raises(MissingDependencyError, match="HF_HUB_OFFLINE"):
        run(shared_dataset, tmp_path / "run", f"model={NAME}")
