"""Zero-shot models of open_clip: the real code with a tiny architecture and random weights."""

from __future__ import annotations

import json

import numpy as np
import pytest
import safetensors.torch
import torch
from torch.nn.functional import normalize

from dermbench.errors import InputError, MissingDependencyError, UsageError
from dermbench.training import embed, predict
from dermbench.training.data.pixels import load_samples
from dermbench.training.predicting.predictors import open_clip as module
from dermbench.training.predicting.predictors.open_clip import read_prompts

library = pytest.importorskip("open_clip", reason="zero-shot models need the [clip] extra")
NAME = "dermbench-test-ViT"
ARCHITECTURE = {
    "embed_dim": 8,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 16, "patch_size": 16, "head_width": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The model that the weights are of, and their file."""
    folder = tmp_path_factory.mktemp("clip")
    (folder / f"{NAME}.json").write_text(json.dumps(ARCHITECTURE))
    library.add_model_config(folder / f"{NAME}.json")
    torch.manual_seed(0)
    made = library.create_model(NAME, load_weights=False).eval()
    safetensors.torch.save_file(made.state_dict(), folder / "w.safetensors")
    return made, folder / "w.safetensors"


def test_probabilities_are_those_of_the_nearest_prompts(model, shared_dataset, tmp_path):
    made, weights = model
    prompts = {"macule": ["a flat spot", "a macule"], "nodule": "a lump", "plaque": ["a raised patch"]}
    lines = "\n".join(f"{name} = {json.dumps(texts)}" for name, texts in prompts.items())
    (tmp_path / "p.toml").write_text(f"[prompts]\n{lines}\n")
    found = predict(f"open_clip:{NAME}", shared_dataset, weights=weights, prompts=tmp_path / "p.toml")
    samples = load_samples(shared_dataset, "test", 32)
    pixels = samples.batch(np.arange(len(samples)), torch.device("cpu"))
    mean, std = (torch.tensor(part).view(1, 3, 1, 1) for part in (made.visual.image_mean, made.visual.image_std))
    with torch.inference_mode():
        images = made.encode_image((pixels - mean) / std, normalize=True)
        tokenizer = library.get_tokenizer(NAME)
        texts = [[prompts[c]] if isinstance(prompts[c], str) else prompts[c] for c in shared_dataset.classes]
        centres = [made.encode_text(tokenizer(t), normalize=True).mean(dim=0) for t in texts]
        logits = made.logit_scale.exp() * images @ normalize(torch.stack(centres), dim=1).T
    order = np.argsort(samples.image_id.astype(str))
    np.testing.assert_allclose(found.y_prob, logits.double().softmax(dim=1).numpy()[order], atol=1e-5)
    plain = predict(f"open_clip:{NAME}", shared_dataset, weights=weights)  # other prompts, other probabilities
    assert np.abs(plain.y_prob - found.y_prob).max() > 1e-4
    table = embed(f"open_clip:{NAME}", shared_dataset, weights=weights).set_index("image_id")
    unit = normalize(torch.tensor(table.loc[list(samples.image_id)].to_numpy()), dim=1)
    torch.testing.assert_close(unit, images, atol=1e-5, rtol=1e-4)


def test_the_library_does_not_warn_of_weights_it_was_not_to_load(model, shared_dataset, caplog):
    predict(f"open_clip:{NAME}", shared_dataset, weights=model[1])
    assert not caplog.records


def test_without_weights_the_message_says_where_they_are(shared_dataset):
    with pytest.raises(UsageError, match="--weights FILE") as caught:
        predict("open_clip:ViT-B-32", shared_dataset)
    assert "hf download" in caught.value.remedy
    with pytest.raises(UsageError, match="did you mean 'ViT-B-32'"):
        predict("open_clip:ViT-B-322", shared_dataset)


def test_weights_of_another_architecture_are_refused(model, shared_dataset, tmp_path):
    tensors = safetensors.torch.load_file(model[1])
    tensors["visual.proj"] = tensors["visual.proj"][:, :4].contiguous()
    safetensors.torch.save_file(tensors, tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=r"another shape or kind of numbers: 'visual\.proj'"):
        predict(f"open_clip:{NAME}", shared_dataset, weights=tmp_path / "w.safetensors")


def test_without_the_package_the_message_names_the_extra(shared_dataset, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(module, "import_module", missing)
    with pytest.raises(MissingDependencyError, match="needs open_clip") as caught:
        predict("open_clip:ViT-B-32", shared_dataset)
    assert "dermbench[clip]" in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = 1", r"no table \[prompts\]"),
        ("[prompts]\nmacule = 'x'", "no prompt for 'nodule'"),
        ("[prompts]\nmacule = 'x'\nnodule = []\nwheal = 'y'", "'wheal', which the dataset does not have"),
        ("[prompts]\nmacule = 'x'\nnodule = []", "neither a text nor a list of texts: 'nodule'"),
        ("[prompts]\nmacule = 'x'\nnodule = [1]", "neither a text nor a list of texts: 'nodule'"),
    ],
)
def test_prompts_that_cannot_be_used_are_named(tmp_path, text, message):
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_prompts(tmp_path / "p.toml", ("macule", "nodule"))
