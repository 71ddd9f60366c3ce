"""``dermbench.evaluate`` and ``dermbench.compare``: paths, data frames and artifacts give the same report."""

import ast
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import dermbench
from dermbench.api import evaluation, planning
from dermbench.artifacts import DatasetInfo, make_predictions, make_truth, read_dataset, write_dataset
from dermbench.errors import InputError, UsageError
from dermbench.inputs import Reference
from dermbench.tasks import load_task

CLASSES = ("acne", "nevus", "melanoma")
N = 60
CHECKING = ("TYPE_CHECKING", "not TYPE_CHECKING")
SETTINGS = {"seed": 3, "n_resamples": 99}


@pytest.fixture(scope="module")
def labels():
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "image_id": [f"{k:03d}" for k in rng.permutation(N)],
            "label": [CLASSES[k] for k in rng.integers(0, 3, N)],
            "fst": rng.integers(1, 7, N),
            "sex": rng.choice(["f", "m"], N),
        }
    )


def scores(labels, seed):
    prob = np.random.default_rng(seed).dirichlet(np.ones(3), N)
    prob[np.arange(N), [CLASSES.index(name) for name in labels["label"]]] += 0.5
    prob /= prob.sum(axis=1, keepdims=True)
    columns = {f"prob_{name}": prob[:, k] for k, name in enumerate(CLASSES)}
    return pd.DataFrame({"image_id": labels["image_id"], **columns})


@pytest.fixture(scope="module")
def table(labels):
    return scores(labels, 1)


@pytest.fixture(scope="module")
def folder(labels, table, tmp_path_factory):
    path = tmp_path_factory.mktemp("api")
    labels.to_csv(path / "truth.csv", index=False)
    table.to_csv(path / "a.csv", index=False)
    scores(labels, 2).to_parquet(path / "b.parquet", index=False)
    return path


@pytest.fixture(scope="module")
def dataset(labels, tmp_path_factory):
    """Dataset folder whose first half is the val split."""
    split = np.where(np.arange(N) < N // 2, "val", "test")
    manifest = labels.assign(path=labels["image_id"] + ".jpg", split=split)
    info = DatasetInfo(task="mine", source="table", classes=CLASSES, image_root="images")
    path = tmp_path_factory.mktemp("dataset")
    write_dataset(path, info, manifest)
    return path


@pytest.fixture(scope="module")
def report(folder):
    return evaluate(
        folder / "a.csv", folder / "truth.csv", classes=CLASSES, sensitive=["sex"], name="m", **SETTINGS
    )


def evaluate(*given, **settings):
    return dermbench.evaluate(*given, **settings).report


def compare(*given, **settings):
    return dermbench.compare(*given, **settings).comparison


def artifact(table):
    return make_predictions(table["image_id"], table.iloc[:, 1:].to_numpy(), CLASSES)


@pytest.mark.parametrize("kind", ["text paths", "frames", "indexed frames", "artifact of predictions"])
def test_every_kind_of_input_gives_the_same_report(kind, folder, labels, table, report):
    given = {
        "text paths": (str(folder / "a.csv"), str(folder / "truth.csv")),
        "frames": (table, folder / "truth.csv"),
        "indexed frames": (table.set_index("image_id"), folder / "truth.csv"),
        "artifact of predictions": (artifact(table), folder / "truth.csv"),
    }[kind]
    again = evaluate(*given, classes=CLASSES, sensitive=["sex"], name="m", **SETTINGS)
    assert again.text() == report.text()


def test_a_frame_and_an_artifact_of_the_truth_give_the_same_report(labels, table):
    truth = make_truth(labels, classes=CLASSES)
    given = {"sensitive": ["sex"], **SETTINGS}
    from_frame = evaluate(table, labels, classes=CLASSES, **given)
    assert evaluate(artifact(table), truth, **given).text() == from_frame.text()


def test_the_command_line_gives_the_same_report(folder, report):
    command = (
        f"eval {folder / 'a.csv'} --truth {folder / 'truth.csv'} --classes {','.join(CLASSES)} --sensitive sex"
    )
    options = "--name m --seed 3 --resamples 99 --json"
    done = subprocess.run(
        [sys.executable, "-m", "dermbench", *command.split(), *options.split()], capture_output=True, check=True
    )
    assert done.stdout.decode() == report.text()


def test_the_order_of_rows_and_columns_of_a_frame_does_not_matter(folder, table, report):
    shuffled = table.sample(frac=1, random_state=0)[["prob_nevus", "image_id", "prob_melanoma", "prob_acne"]]
    again = evaluate(shuffled, folder / "truth.csv", classes=CLASSES, sensitive=["sex"], name="m", **SETTINGS)
    assert again.text() == report.text()


def test_a_dataset_with_validation_predictions(dataset, table):
    given = {"validation": table, "name": "m", **SETTINGS}
    from_folder = evaluate(table, data=dataset, **given)
    assert evaluate(table, data=read_dataset(dataset), **given).text() == from_folder.text()
    assert from_folder.n == N // 2
    with pytest.raises(UsageError, match="fitted on scored images"):
        dermbench.evaluate(table, dataset / "manifest.parquet", validation=table)


def test_an_artifact_in_classes_of_its_own_is_mapped(labels, table):
    prob = table.iloc[:, 1:].to_numpy()
    mine = make_predictions(table["image_id"], prob[:, ::-1], ("mel", "nev", "ac"))
    mapping = {"mel": "melanoma", "nev": "nevus", "ac": "acne"}
    mapped = evaluate(mine, labels, classes=CLASSES, map=mapping, **SETTINGS)
    plain = evaluate(table, labels, classes=CLASSES, **SETTINGS)
    assert mapped.document()["overall"] == plain.document()["overall"]
    assert mapped.document()["provenance"]["interpreted"] == [
        "3 classes of the predictions mapped onto 3 by <mapping>."
    ]


def test_messages_name_the_frame(labels, table):
    with pytest.raises(InputError, match=r"<DataFrame>: 2 problems") as caught:
        dermbench.evaluate(table.iloc[1:].assign(prob_acne=2.0), labels, classes=CLASSES)
    assert "1 missing image_id" in str(caught.value)
    with pytest.raises(UsageError, match="a Truth has its own"):
        dermbench.evaluate(table, make_truth(labels, classes=CLASSES), split="test")
    with pytest.raises(UsageError, match="either with --data DATASET or with --truth TABLE"):
        dermbench.evaluate(table)


def test_compare_takes_files_frames_and_artifacts(folder, labels, table):
    given = {"classes": CLASSES, "sensitive": ["sex"], "metrics": ["accuracy"], **SETTINGS}
    truth = folder / "truth.csv"
    files = compare([folder / "a.csv", f"b={folder / 'b.parquet'}"], truth, **given)
    named = compare({"a": table, "b": artifact(scores(labels, 2))}, truth, **given)
    assert named.text() == files.text()
    assert files.baseline == "a"
    other = compare([folder / "a.csv", folder / "b.parquet"], truth, baseline="b", **given)
    assert other.baseline == "b"
    by_file = compare([folder / "a.csv", folder / "b.parquet"], truth, baseline=str(folder / "b.parquet"), **given)
    assert by_file.text() == other.text()


def test_compare_treats_all_models_alike(labels, table):
    mine = table.rename(columns={"prob_acne": "prob_pimple"})
    lesions = labels.assign(lesion_id=labels["label"] + labels["sex"] + labels["fst"].astype(str))
    found = compare(
        {"a": mine.iloc[:-6], "b": scores(labels, 2)},
        lesions,
        classes=CLASSES,
        map={"pimple": "acne"},
        missing="wrong",
        aggregate="lesion_id",
        metrics=["accuracy"],
        **SETTINGS,
    )
    assert found.n == lesions["lesion_id"].nunique()
    said = found.document()["provenance"]["interpreted"]
    assert [text.split(" (")[0] for text in said["a"]] == [
        "3 classes of the predictions mapped onto 3 by <mapping>.",
        f"60 images scored as {found.n} cases by lesion_id",
        "6 of 60 answers have no prediction",
    ]
    assert len(said["b"]) == 2


def test_public_functions_are_listed_and_import_no_torch():
    code = (
        "import sys, dermbench; before = 'numpy' in sys.modules; names = dir(dermbench); f = dermbench.evaluate; "
        "print(before, 'torch' in sys.modules, f.__module__, {'evaluate', 'compare', 'train'} <= set(names))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "dermbench.api.evaluation", "True"]


@pytest.mark.parametrize(
    ("asked", "margin", "features", "expected"),
    [
        (None, None, ("fst", "sex"), (("macro_f1", "fst"), 0.05)),
        ("macro_f1:fst", None, ("fst",), (("macro_f1", "fst"), 0.05)),
        (("macro_f1", "fst"), 0.2, ("fst",), (("macro_f1", "fst"), 0.2)),
        ("accuracy:fst", None, ("fst",), (("accuracy", "fst"), None)),
        (None, None, ("sex",), (None, None)),
    ],
)
def test_the_margin_of_a_task_is_for_its_own_primary_question(asked, margin, features, expected, labels):
    task = load_task("ajl-21").model_copy(update={"primary": ("macro_f1", "fst"), "margin": 0.05})
    reference = Reference(make_truth(labels, classes=CLASSES), task=task, features=features)
    assert evaluation._primary(reference, asked, margin) == expected


def test_a_split_without_an_answer_is_no_error():
    """Preparing a dataset does not fail where its features cannot be compared."""
    fst = [1] * 5
    ids = [f"i{k}" for k in range(5)]
    truth = make_truth(pd.DataFrame({"image_id": ids, "label": list("xyxyx"), "fst": fst, "clinic": ids}))

    def dataset(truth, images):
        return SimpleNamespace(info=SimpleNamespace(images=images), truth=lambda split: {"test": truth}[split])

    assert planning.split_at_a_glance(dataset(truth, {"train": 5})) is None
    assert planning.split_at_a_glance(dataset(truth, {"test": 5})) is None  # one group
    many = pd.DataFrame({"image_id": range(200), "label": ["x", "y"] * 100, "clinic": range(200)}).astype(str)
    crowded = make_truth(many, sensitive=("clinic",))
    with pytest.raises(UsageError, match="has 200 different numbers"):
        planning.plan(truth=crowded)
    assert planning.split_at_a_glance(dataset(crowded, {"test": 200})) is None


def test_type_checkers_see_the_names_that_are_imported_on_first_use(project_root):
    """For them the module holds plain imports, and no function that answers for any name."""
    tree = ast.parse((project_root / "dermbench" / "__init__.py").read_text(encoding="utf-8"))
    tests = [node for node in tree.body if isinstance(node, ast.If)]
    seen, at_run_time = (next(node for node in tests if ast.unparse(node.test) == text) for text in CHECKING)
    imports = {name.name: node.module for node in seen.body for name in node.names}
    assert {name: getattr(dermbench, name).__module__ for name in imports} == imports | {
        "check": "dermbench.data.check",  # the function of its room
        "prepare": "dermbench.data.prepare",
    }
    assert {*imports, "__version__"} == set(dermbench.__all__)
    assert set(dermbench.__all__) <= set(dir(dermbench))
    assert "__getattr__" in {getattr(node, "name", "") for node in at_run_time.body}
    assert "__getattr__" not in {getattr(node, "name", "") for node in tree.body}
    assert (project_root / "dermbench" / "py.typed").is_file()
