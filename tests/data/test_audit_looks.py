"""Images that someone should look at, and labels that predictions dispute."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw, ImageFilter

from dermbench.artifacts.manifest import DatasetInfo, write_dataset
from dermbench.data.audit.ita import colours
from dermbench.data.audit.label_errors import find_suspects, label_errors
from dermbench.data.audit.looks import looks
from dermbench.data.fingerprints import as_records, take
from dermbench.errors import InputError


def skin(size=160, seed=0):
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 12, (size, size, 1)) + np.array([205.0, 160.0, 135.0])
    return Image.fromarray(noise.clip(0, 255).astype(np.uint8))


def page():
    image = Image.new("RGB", (300, 400), "white")
    draw = ImageDraw.Draw(image)
    for line in range(20):
        draw.text((20, 10 + 18 * line), "Nodular melanoma of the left forearm, 1998", fill="black")
    return image


def kind(image):
    records = as_records([take(image, image.size)])
    found = looks(["one"], records, colours(records["thumbnail"]))
    return found[0].kind if found else None


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (skin(), None),
        (skin(40), "tiny"),
        (Image.new("RGB", (200, 200), (200, 160, 130)), "blank"),
        (skin(400).filter(ImageFilter.GaussianBlur(8)).convert("RGB"), "blank"),
        (page(), "text"),
        (Image.fromarray(np.asarray(skin())[..., ::-1].copy()), "no_skin_colour"),
    ],
)
def test_each_rule_names_what_it_is_for(image, expected):
    assert kind(image) == expected


def test_a_blurred_photograph_is_named_and_the_sharp_one_not():
    image = skin(300)
    ImageDraw.Draw(image).ellipse((90, 90, 210, 200), fill=(140, 90, 75))
    assert kind(image) is None
    assert kind(image.filter(ImageFilter.GaussianBlur(12))) == "blurred"


def test_images_are_named_once_sorted_by_rule_and_id():
    images = [skin(), skin(30, 1), Image.new("RGB", (20, 20)), Image.new("RGB", (99, 99))]
    records = as_records([take(image, image.size) for image in images])
    found = looks(["d", "c", "b", "a"], records, colours(records["thumbnail"]))
    assert [(look.image, look.kind) for look in found] == [("b", "tiny"), ("c", "tiny"), ("a", "blank")]


def made(n=400, k=4, wrong=40, seed=0):
    """Return true and given labels, of which some are wrong, and probabilities of a model that mostly knows."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, k, n)
    logits = rng.normal(size=(n, k))
    logits[np.arange(n), true] += 3
    prob = np.exp(logits)
    given = true.copy()
    planted = rng.choice(n, wrong, replace=False)
    given[planted] = (given[planted] + 1) % k
    return given, prob / prob.sum(axis=1, keepdims=True), set(planted.tolist())


def test_planted_label_errors_are_found():
    pytest.importorskip("cleanlab")
    given, prob, planted = made()
    found = find_suspects(given, prob).tolist()
    assert len(planted & set(found)) >= 36
    assert len(set(found) - planted) <= 8
    assert set(found[:20]) <= planted


def test_a_class_without_labels_is_no_obstacle():
    pytest.importorskip("cleanlab")
    prob = np.eye(4)[[0] * 30 + [3] * 29 + [0]] * 0.9 + 0.025
    assert find_suspects(np.array([0] * 30 + [3] * 30), prob).tolist() == [59]


CLASSES = ("a", "b", "c", "d")


@pytest.fixture
def dataset(tmp_path):
    given, prob, _ = made()
    ids = [f"i{k:03}" for k in range(len(given))]
    table = pd.DataFrame(
        {"image_id": ids, "path": ids, "label": [CLASSES[g] for g in given], "split": ["train", "test"] * 200}
    )
    info = DatasetInfo(task="t", source="table", classes=CLASSES, image_root="images")
    scores = pd.DataFrame(prob, columns=[f"prob_{name}" for name in CLASSES]).assign(image_id=ids)
    return write_dataset(tmp_path, info, table), scores


def test_suspects_name_given_and_suggested_label(dataset):
    pytest.importorskip("cleanlab")
    data, scores = dataset
    found = label_errors(data, scores[scores.index % 2 == 1])
    assert found.n == 200
    first = found.suspects[0]
    assert first.split == "test"
    assert first.given == data.manifest.set_index("image_id")["label"][first.image]
    assert first.suggested != first.given
    assert [s.probability for s in found.suspects] == sorted(s.probability for s in found.suspects)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda s: s.assign(image_id="x"), "x"),
        (lambda s: s.drop(columns="prob_a"), "prob_a"),
        (lambda s: s[:10], "at least 20"),
        (lambda s: pd.DataFrame({"image_id": s["image_id"], "pred": "a"}), "predicted classes"),
    ],
)
def test_unfit_predictions_are_refused(dataset, change, problem):
    data, scores = dataset
    with pytest.raises(InputError, match=problem):
        label_errors(data, change(scores))
