from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

pytest.importorskip("pytorch_grad_cam", reason="explain needs grad-cam")

from dermbench import explain
from dermbench.errors import UsageError
from dermbench.reporting.pages.contact_sheet import write_contact_sheet, write_page
from dermbench.training.data.augment import resize_batch
from dermbench.training.data.pixels import load_samples
from dermbench.training.explain import _file_name, _grad_cam, choose
from dermbench.training.network.scoring import Normaliser
from dermbench.training.predicting.run_loading import load_run


def test_pictures_are_stratified_and_listed(finished_run, shared_dataset, tmp_path):
    index = explain(finished_run, shared_dataset, tmp_path / "out", per_group=1)
    assert index.groupby(["fst", "right"]).size().max() == 1
    truth = shared_dataset.truth("test").table.set_index("image_id")["label"]
    assert (index["right"] == (index["pred"] == index["image_id"].map(truth).astype(object))).all()
    for file in index["file"]:
        with Image.open(tmp_path / "out" / file) as picture:
            assert picture.size == (64, 32)
    written = pd.read_csv(tmp_path / "out" / "index.csv")
    assert list(written["file"]) == list(index["file"])


def test_sheet_and_page_show_every_picture(finished_run, shared_dataset, tmp_path):
    out = tmp_path / "out"
    index = explain(finished_run, shared_dataset, out, per_group=2)
    page = (out / "index.html").read_text()
    for _, row in index.iterrows():
        assert f'src="{row["file"]}"' in page
        assert row["image_id"] in page
        assert f"said {row['pred']} ({row['prob']:.0%})" in page
    assert page.count("<figure class=wrong>") == (~index["right"]).sum()
    assert "<script" not in page
    strata = index.groupby(["fst", "right"]).size()
    with Image.open(out / "contact-sheet.png") as sheet:
        assert sheet.size == (110 + strata.max() * 332, 12 + len(strata) * 217)


def test_the_map_is_what_the_classifier_sees(finished_run, shared_dataset):
    """After global pooling one linear layer follows: Grad-CAM is then its weights times the last features."""
    network, config, _, runtime = load_run(finished_run, shared_dataset, device="cpu")
    samples = load_samples(shared_dataset, "test", config.cached_side)
    chosen = pd.DataFrame({"row": [0, 4], "pred_index": [1, 2]})
    heat = _grad_cam(network, samples, runtime, 64, chosen)
    images = resize_batch(samples.batch(chosen["row"].to_numpy(), runtime.device), 64)
    with torch.no_grad():
        features = network.module.forward_features(Normaliser(network, runtime)(images))
    for k, target in enumerate(chosen["pred_index"]):
        weight = network.head.weight[target].detach().view(-1, 1, 1)
        expected = torch.relu((weight * features[k]).sum(0)).numpy()
        coarse = np.asarray(Image.fromarray(heat[k]).resize(expected.shape, Image.Resampling.BOX))
        assert np.corrcoef(coarse.ravel(), expected.ravel())[0, 1] > 0.9


def test_a_network_without_a_map_is_refused(shared_dataset, tmp_path, run):
    run(shared_dataset, tmp_path / "run", "model=test_vit", "epochs=1", "max_steps=1")
    with pytest.raises(UsageError, match="no feature map"):
        explain(tmp_path / "run", shared_dataset, tmp_path / "out")


def test_names_are_harmless_on_the_page(tmp_path):
    (tmp_path / "fst-V-wrong").mkdir()
    Image.new("RGB", (64, 32)).save(tmp_path / "fst-V-wrong" / "a b.png")
    row = {"image_id": "<script>x</script>" * 9, "file": "fst-V-wrong/a b.png", "fst": "V", "label": "<b>"}
    index = pd.DataFrame([row | {"pred": "plaque", "prob": 0.5, "right": False}])
    page = write_page(tmp_path, index, {("V", False): 7}, "run & <x>").read_text()
    assert "<script" not in page
    assert "<b>" not in page.replace("<figcaption><b>", "")
    assert "a%20b.png" in page
    assert "wrong (1 of 7)" in page
    assert write_contact_sheet(tmp_path, index, {("V", False): 7}).is_file()


def test_the_draw_is_seeded_and_capped():
    table = pd.DataFrame({"fst": ["I"] * 30 + ["V"] * 2, "right": [True, False] * 16, "row": range(32)})
    first, second, other = (choose(table, 3, seed) for seed in (0, 0, 1))
    assert first.equals(second)
    assert not first.equals(other)
    assert first.groupby(["fst", "right"]).size().to_dict() == {
        ("I", False): 3, ("I", True): 3, ("V", False): 1, ("V", True): 1,
    }  # fmt: skip


def test_ids_that_differ_in_odd_characters_have_files_of_their_own():
    names = [_file_name(image) for image in ("a/b", "a b", "a_b", "../x", "a-b.1")]
    assert names[2:] != names[:3]
    assert len(set(names)) == 5
    assert (names[2], names[4]) == ("a_b", "a-b.1")
    assert not any(set(name) & set("/ ") for name in names)
