from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermbench.artifacts import RunRecord, read_predictions
from dermbench.errors import InputError, ResumableError, UsageError
from dermbench.training import InterruptedRunError, train
from dermbench.training.network.tensor_files import read_tensors
from dermbench.training.run import loop


def digest(out, dataset):
    return read_predictions(out / "predictions" / "val.parquet", dataset.truth("val")).digest


def weights(out):
    return read_tensors(out / "model.safetensors")[0]


def same_weights(first, second):
    one, two = weights(first), weights(second)
    return one.keys() == two.keys() and all(bool((one[k] == two[k]).all()) for k in one)


FULL = ("ema_decay=0.9", "dropout=0.3", "drop_path=0.2", "patience=4", "epochs=4", "clip_norm=1.0")


def test_a_run_folder_is_complete(finished_run, shared_dataset):
    names = {p.name for p in finished_run.iterdir()}
    assert {"run.json", "config.toml", "model.safetensors", "history.csv", "predictions", "checkpoint"} <= names
    record = RunRecord.read(finished_run / "run.json")
    assert record.status == "finished"
    assert record.stopped == "all 3 epochs done"
    assert record.classes == shared_dataset.classes
    assert record.class_weights == dict.fromkeys(shared_dataset.classes, 1.0)
    assert record.pretrained == "none (random initialisation)"
    assert record.dataset_digest == shared_dataset.info.digest
    assert record.peak_memory_bytes > 1e6
    assert record.parameters > 9e4
    history = pd.read_csv(finished_run / "history.csv")
    assert list(history["epoch"]) == [1, 2, 3]
    assert list(history["step"]) == [3, 6, 9]
    best = history.loc[history["val_macro_f1"].idxmax()]
    assert record.best_epoch == best["epoch"]
    assert record.scores["val_macro_f1"] == pytest.approx(best["val_macro_f1"], abs=1e-6)


def test_a_colour_is_learnt_and_shuffled_labels_are_not(tmp_path, make_dataset, run):
    dataset = make_dataset(tmp_path / "data", per_class=(24, 16, 1))
    options = ("epochs=6", "learning_rate=3e-3", "freeze_norm=false", "augment.hue=0", "augment.saturation=0")
    learnt = run(dataset, tmp_path / "true", *options)
    control = run(dataset, tmp_path / "shuffled", *options, "labels=shuffled")
    assert learnt.scores["val_accuracy"] > 0.8
    assert control.scores["val_accuracy"] < 0.65
    assert control.config["labels"] == "shuffled"


def test_same_seed_same_bits_other_seed_other_bits(dataset, tmp_path, run):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run(dataset, tmp_path / name, *FULL, seed=seed)
    assert digest(tmp_path / "a", dataset) == digest(tmp_path / "b", dataset)
    assert same_weights(tmp_path / "a", tmp_path / "b")
    assert digest(tmp_path / "a", dataset) != digest(tmp_path / "c", dataset)


def test_a_run_stopped_within_a_step_and_resumed_equals_the_uninterrupted_one(dataset, tmp_path, monkeypatch, run):
    options = (*FULL, "probe_l2=0.1")
    run(dataset, tmp_path / "whole", *options)
    step = loop.Trainer._step

    def stop_at(number):
        def stopping(self, state, index):
            if state.step == number:
                raise KeyboardInterrupt
            return step(self, state, index)

        return stopping

    for number in (1, 5):
        monkeypatch.setattr(loop.Trainer, "_step", stop_at(number))
        with pytest.raises(InterruptedRunError, match="--resume") as caught:
            run(dataset, tmp_path / "parts", *options, resume=number > 1)
        assert caught.value.exit_code == 130
        assert RunRecord.read(tmp_path / "parts" / "run.json").status == "interrupted"
    monkeypatch.setattr(loop.Trainer, "_step", step)
    record = train(dataset, tmp_path / "parts", resume=True, quiet=True)
    assert record.status == "finished"
    assert digest(tmp_path / "parts", dataset) == digest(tmp_path / "whole", dataset)
    assert same_weights(tmp_path / "parts", tmp_path / "whole")
    columns = ["epoch", "step", "lr", "train_loss", "val_loss", "val_macro_f1"]
    first, second = (pd.read_csv(tmp_path / n / "history.csv")[columns] for n in ("parts", "whole"))
    pd.testing.assert_frame_equal(first, second)


@pytest.mark.parametrize("victim", ["save_state", "write_tensors", "write_history"])
def test_a_crash_between_the_writes_of_a_checkpoint_loses_nothing(dataset, tmp_path, monkeypatch, victim, run):
    run(dataset, tmp_path / "whole", *FULL)
    real, calls = getattr(loop, victim), []

    def crash(*args):
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("power cut")
        real(*args)

    monkeypatch.setattr(loop, victim, crash)
    with pytest.raises(RuntimeError, match="power cut"):
        run(dataset, tmp_path / "parts", *FULL, "selection=loss")
    monkeypatch.setattr(loop, victim, real)
    run(dataset, tmp_path / "parts", *FULL, "selection=loss", resume=True)
    run(dataset, tmp_path / "whole-loss", *FULL, "selection=loss")
    assert digest(tmp_path / "parts", dataset) == digest(tmp_path / "whole-loss", dataset)


def test_a_finished_run_is_refused_and_resuming_it_changes_nothing(dataset, tmp_path, run):
    run(dataset, tmp_path / "run", "epochs=1")
    before = (tmp_path / "run" / "run.json").read_text()
    with pytest.raises(UsageError, match="already holds a run"):
        run(dataset, tmp_path / "run", "epochs=1")
    assert train(dataset, tmp_path / "run", resume=True, quiet=True).status == "finished"
    assert (tmp_path / "run" / "run.json").read_text() == before
    with pytest.raises(UsageError, match="epochs: 1 -> 2"):
        run(dataset, tmp_path / "run", "epochs=2", resume=True)


def test_other_data_and_foreign_folders_are_refused(dataset, tmp_path, make_dataset, run):
    run(dataset, tmp_path / "run", "epochs=1")
    other = make_dataset(tmp_path / "other", per_class=(3, 3, 3))
    with pytest.raises(UsageError, match="other data"):
        train(other, tmp_path / "run", resume=True, quiet=True)
    with pytest.raises(UsageError, match="holds no run to resume"):
        train(dataset, tmp_path / "absent", resume=True, quiet=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.doc").write_text("precious")
    with pytest.raises(UsageError, match="not empty"):
        run(dataset, tmp_path / "full")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="a file"):
        run(dataset, tmp_path / "file")


def test_two_processes_do_not_share_a_run_folder(dataset, tmp_path, run):
    from dermbench.artifacts.files import locked

    with locked(tmp_path / "run" / ".dermbench.lock"), pytest.raises(UsageError, match="another process"):
        run(dataset, tmp_path / "run")


def test_a_class_without_training_images_is_named(tmp_path, make_dataset, run):
    dataset = make_dataset(tmp_path / "data", per_class=(3, 2, 2))
    from dermbench.artifacts import write_dataset

    table = dataset.manifest[(dataset.manifest["label"] != "nodule") | (dataset.manifest["split"] != "train")]
    dataset = write_dataset(dataset.root, dataset.info, table)
    with pytest.raises(UsageError, match="no training image of class 'nodule'"):
        run(dataset, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    record = run(dataset, tmp_path / "run", "allow_missing_classes=true", "epochs=1")
    assert record.class_weights["nodule"] == 0


def test_a_loss_that_is_not_finite_ends_the_run_with_a_remedy(dataset, tmp_path, run):
    with pytest.raises(ResumableError, match="not finite") as caught:
        run(dataset, tmp_path / "run", "learning_rate=100", "optimizer=sgd", "clip_norm=0", "epochs=30")
    assert "learning_rate" in caught.value.remedy
    assert RunRecord.read(tmp_path / "run" / "run.json").status == "interrupted"


def test_an_unreadable_image_is_named(dataset, tmp_path, run):
    dataset.paths(dataset.part("train"))[0].write_bytes(b"broken")
    with pytest.raises(InputError, match="train-macule-0"):
        run(dataset, tmp_path / "run")
    assert not (tmp_path / "run" / "run.json").exists()


def test_test_images_are_never_opened(dataset, tmp_path, run):
    for path in dataset.paths(dataset.part("test")):
        path.unlink()
    assert run(dataset, tmp_path / "run", "epochs=1").status == "finished"


def test_max_steps_ends_the_run_and_says_so(dataset, tmp_path, run):
    record = run(dataset, tmp_path / "run", "max_steps=4", "epochs=30")
    assert record.stopped == "max_steps: 4 optimisation steps taken"
    history = pd.read_csv(tmp_path / "run" / "history.csv")
    assert list(history["step"]) == [3, 4]


def test_early_stopping_counts_epochs_without_a_better_score(dataset, tmp_path, run):
    options = ("patience=2", "epochs=50", "learning_rate=1e-12", "augment.rotation=0", "freeze_norm=true")
    record = run(dataset, tmp_path / "run", *options)
    assert (record.best_epoch, record.epochs) == (1, 3)
    assert record.stopped == "early stopping: no new best macro-F1 on val in 2 epochs"


def test_a_probe_alone_trains_the_classifier_only(dataset, tmp_path, run):
    record = run(dataset, tmp_path / "run", "epochs=0", "probe_l2=0.1")
    assert (record.best_epoch, record.epochs, record.stopped) == (0, 0, "no epochs asked for")
    again = run(dataset, tmp_path / "again", "epochs=1", "probe_l2=0.1", "learning_rate=1e-12", "freeze_norm=true")
    assert again.scores["val_loss"] == pytest.approx(record.scores["val_loss"], abs=1e-4)


def test_frozen_stages_stay_as_they_were_and_the_others_train(dataset, tmp_path, run):
    options = ("freeze_norm=false", "learning_rate=1e-2", "frozen_stages=2")
    run(dataset, tmp_path / "before", "epochs=0", "probe_l2=0.1", *options)
    run(dataset, tmp_path / "after", "epochs=2", *options)
    before, after = weights(tmp_path / "before"), weights(tmp_path / "after")
    moved = {name for name in before if bool((before[name] != after[name]).any())}
    assert not {name for name in moved if name.startswith(("conv_stem", "bn1", "blocks.0."))}
    assert {"blocks.1.0.conv_exp.weight", "blocks.1.0.bn1.running_mean", "classifier.weight"} <= moved


def test_a_run_started_from_one_on_other_classes_leaves_its_classifier_out(make_dataset, tmp_path, run):
    first = make_dataset(tmp_path / "first")
    second = make_dataset(tmp_path / "second", classes=("macule", "nodule", "wheal"))
    run(first, tmp_path / "one", "epochs=1")
    record = run(second, tmp_path / "two", "epochs=1", f"weights={tmp_path / 'one' / 'model.safetensors'}")
    said = "all layers but the classifier, which is for other classes ('macule', 'nodule', 'plaque')"
    assert record.pretrained.startswith(said)
    again = run(first, tmp_path / "again", "epochs=1", f"weights={tmp_path / 'one' / 'model.safetensors'}")
    assert again.pretrained.startswith("all layers from model.safetensors")


def test_more_frozen_stages_than_there_are_are_refused(dataset, tmp_path, run):
    with pytest.raises(UsageError, match=r"frozen_stages=99: this network has \d stages before its classifier"):
        run(dataset, tmp_path / "run", "frozen_stages=99")


@pytest.mark.parametrize(
    "option",
    [
        "class_weights=sqrt_balanced",
        "sampler=class_balanced",
        "label_smoothing=0.2",
        "dropout=0.5",
        "ema_decay=0.5",
        "freeze_norm=true",
        "frozen_stages=2",
        "schedule=constant",
        "warmup_epochs=2",
        "head_rate=10",
        "weight_decay=0.5",
        "clip_norm=0.01",
        "optimizer=sgd",
        "precision=bf16",
        "augment.flip_vertical=false",
        "augment.rotation=5",
        "batch_size=5",
        "cache_size=40",
    ],
)
def test_every_option_changes_what_is_computed(tmp_path_factory, option, make_dataset, run):
    root = tmp_path_factory.getbasetemp()
    if not (root / "uneven").exists():
        dataset = make_dataset(root / "uneven", per_class=(8, 3, 1))
        from dermbench.artifacts import write_dataset

        keep = ~dataset.manifest["image_id"].isin([f"train-nodule-{i}" for i in range(2, 8)])
        write_dataset(dataset.root, dataset.info, dataset.manifest[keep])
        base = ("epochs=1", "freeze_norm=false", "label_smoothing=0", "dropout=0", "clip_norm=0", "weight_decay=0")
        run(root / "uneven", root / "plain", *base)
    out = tmp_path_factory.mktemp("option") / "run"
    base = ("epochs=1", "freeze_norm=false", "label_smoothing=0", "dropout=0", "clip_norm=0", "weight_decay=0")
    run(root / "uneven", out, *base, option)
    assert not same_weights(out, root / "plain")


def test_predictions_of_training_are_probabilities(finished_run, shared_dataset):
    predictions = read_predictions(finished_run / "predictions" / "val.parquet", shared_dataset.truth("val"))
    np.testing.assert_allclose(predictions.y_prob.sum(axis=1), 1, atol=1e-12)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(lambda: __import__("torch").OutOfMemoryError("CUDA out of memory"), id="gpu"),
        pytest.param(lambda: RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), id="cpu"),
    ],
)
def test_running_out_of_memory_suggests_a_batch_size(dataset, tmp_path, monkeypatch, error, run):
    def fail(*args):
        raise error()

    monkeypatch.setattr(loop.Trainer, "_step", fail)
    with pytest.raises(ResumableError, match="batch_size 8") as caught:
        run(dataset, tmp_path / "run")
    assert "batch_size=4" in caught.value.remedy
    assert RunRecord.read(tmp_path / "run" / "run.json").status == "interrupted"


def test_epochs_can_be_left_out_of_validation_where_no_rule_looks_at_them(shared_dataset, tmp_path, run):
    often = run(shared_dataset, tmp_path / "often", "selection=last", "epochs=5")
    seldom = run(shared_dataset, tmp_path / "seldom", "selection=last", "epochs=5", "validate_every=3")
    history = pd.read_csv(tmp_path / "seldom" / "history.csv")
    assert list(history["epoch"]) == [1, 2, 3, 4, 5]
    assert list(history["val_loss"].notna()) == [False, False, True, False, True]
    assert often.scores == seldom.scores
    assert seldom.best_epoch == 5
    assert same_weights(tmp_path / "often", tmp_path / "seldom")


@pytest.mark.parametrize("rule", ["selection=macro_f1", "patience=2"])
def test_a_rule_sees_every_epoch(rule, shared_dataset, tmp_path, run):
    with pytest.raises(InputError) as raised:
        run(shared_dataset, tmp_path / "run", "selection=last", rule, "validate_every=2")
    assert "need selection 'last' and patience 0" in "\n".join(raised.value.problems)
