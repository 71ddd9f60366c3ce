"""Embeddings of candidates, and the probe that is trained on them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import timm
import torch

from dermbench.errors import InputError, UsageError
from dermbench.training import embed, predict, train
from dermbench.training.data.pixels import load_samples
from dermbench.training.network.features import compute_features
from dermbench.training.predicting import network_predictor
from dermbench.training.predicting.run_loading import load_run


def test_a_run_embeds_every_image_as_its_probe_sees_it(finished_run, shared_dataset, tmp_path):
    out = tmp_path / "e.parquet"
    table = embed(finished_run, shared_dataset, out=out)
    pd.testing.assert_frame_equal(pd.read_parquet(out), table)
    assert list(table["image_id"]) == list(shared_dataset.manifest["image_id"])
    network, config, _, runtime = load_run(finished_run, shared_dataset)
    samples = load_samples(shared_dataset, "test", config.cached_side)
    expected = compute_features(network, samples, config, runtime)
    found = table.set_index("image_id").loc[list(samples.image_id)].to_numpy()
    np.testing.assert_array_equal(found, expected.astype(np.float32))


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_a_probe_reads_what_embed_writes(finished_run, shared_dataset, tmp_path, suffix):
    out = tmp_path / f"e.{suffix}"
    embed(finished_run, shared_dataset, out=out)
    model = f"model=embeddings:{out}"
    record = train(shared_dataset, tmp_path / "probe", preset="embeddings", overrides=[model], quiet=True)
    assert record.status == "finished"
    predictions = predict(tmp_path / "probe", shared_dataset)
    assert len(predictions) == 9
    again = embed(tmp_path / "probe", shared_dataset)  # a probe embeds by its table
    np.testing.assert_array_equal(again.iloc[:, 1:].to_numpy(), embed(finished_run, shared_dataset).iloc[:, 1:])


def test_a_run_embeds_images_of_other_classes(finished_run, make_dataset, tmp_path):
    other = make_dataset(tmp_path / "data", per_class=(2, 1, 1), classes=("macule", "wheal"))
    assert list(embed(finished_run, other)["image_id"]) == list(other.manifest["image_id"])


def test_a_run_that_has_learnt_images_of_val_does_not_embed_them(shared_dataset, make_dataset, run, tmp_path):
    run(shared_dataset, tmp_path / "run", "epochs=0", "probe_l2=0.1", "folds=2", "selection=last")
    with pytest.raises(UsageError, match="would be validated on images that the run was trained on"):
        embed(tmp_path / "run", shared_dataset)
    other = make_dataset(tmp_path / "data", per_class=(2, 1, 1))
    assert len(embed(tmp_path / "run", other)) == 12


def test_embeddings_that_are_no_numbers_are_refused(finished_run, shared_dataset, tmp_path, monkeypatch):
    collect = network_predictor.collect
    monkeypatch.setattr(network_predictor, "collect", lambda *given: collect(*given) * np.nan)
    with pytest.raises(InputError, match="NaN or infinity instead of embeddings for 45 images"):
        embed(finished_run, shared_dataset, out=tmp_path / "e.csv")
    assert not (tmp_path / "e.csv").exists()


def test_a_timm_network_embeds_with_local_weights(shared_dataset, tmp_path):
    torch.manual_seed(0)
    module = timm.create_model("test_efficientnet", num_classes=5)
    torch.save(module.state_dict(), tmp_path / "w.pth")
    table = embed("timm:test_efficientnet", shared_dataset, weights=tmp_path / "w.pth")
    assert table.shape == (len(shared_dataset.manifest), 1 + module.num_features)
    other = embed("timm:test_efficientnet", shared_dataset, weights=tmp_path / "w.pth", batch_size=5)
    np.testing.assert_allclose(table.iloc[:, 1:], other.iloc[:, 1:], atol=1e-5)


def test_what_has_no_features_says_so(shared_dataset, tmp_path):
    for candidate in ("model.onnx", "predictions.csv"):
        with pytest.raises(UsageError, match="no embeddings"):
            embed(candidate, shared_dataset)
