from __future__ import annotations

import accelerate.tracking
import pandas as pd
import pytest

from dermbench.errors import InputError, MissingDependencyError
from dermbench.training.run import loggers
from dermbench.training.run.configure import validate


class Recorder:
    """Stands in for a tracker of accelerate."""

    made: list = []  # noqa: RUF012 - shared on purpose, emptied by the fixture

    def __init__(self, *names, **options):
        self.names, self.options, self.rows, self.state = names, options, [], "made"
        Recorder.made.append(self)

    def start(self):
        self.state = "started"

    def store_init_configuration(self, values):
        self.config = values

    def log(self, values, step):
        assert self.state == "started"
        self.rows.append((step, values))

    def finish(self):
        self.state = "finished"


@pytest.fixture
def recorded(monkeypatch):
    monkeypatch.setattr(Recorder, "made", [])
    monkeypatch.setattr(loggers, "find_spec", lambda name: name)
    for name in loggers.LOGGERS:
        monkeypatch.setitem(accelerate.tracking.LOGGER_TYPE_TO_CLASS, name, Recorder)
    return Recorder.made


def test_loggers_are_told_the_history(recorded, shared_dataset, tmp_path, run):
    run(shared_dataset, tmp_path / "run", "epochs=2", 'loggers=["tensorboard", "wandb", "mlflow"]')
    assert len(recorded) == 3
    history = pd.read_csv(tmp_path / "run" / "history.csv")
    for tracker in recorded:
        assert tracker.state == "finished"
        assert tracker.config["augment.rotation"] > 0
        assert tracker.config["model"] == "test_efficientnet"
        assert [step for step, _ in tracker.rows] == [1, 2]
        for (_, values), (_, row) in zip(tracker.rows, history.iterrows(), strict=True):
            assert values["val_macro_f1"] == pytest.approx(row["val_macro_f1"])
            assert values["train_loss"] == pytest.approx(row["train_loss"])


def test_loggers_finish_when_training_fails(recorded, shared_dataset, tmp_path, run):
    with pytest.raises(Exception, match="not finite"):
        run(
            shared_dataset,
            tmp_path / "run",
            'loggers=["wandb"]',
            "learning_rate=100",
            "optimizer=sgd",
            "epochs=30",
        )
    assert recorded[0].state == "finished"


def test_a_missing_package_is_told_before_anything_is_made(shared_dataset, tmp_path, monkeypatch, run):
    monkeypatch.setattr(loggers, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="not installed: wandb, mlflow") as caught:
        run(shared_dataset, tmp_path / "run", 'loggers=["wandb", "mlflow"]')
    assert "pip install wandb mlflow" in caught.value.remedy
    assert not (tmp_path / "run").exists()


def test_an_unknown_logger_suggests_the_nearest():
    with pytest.raises(InputError, match="did you mean 'tensorboard'"):
        validate("x", {"model": "test_efficientnet", "loggers": ["tensorbord"]})
