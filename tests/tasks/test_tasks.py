import pytest

from dermbench.artifacts.labels import match_labels
from dermbench.artifacts.skin import FST_NAMES
from dermbench.data.sources import source_names
from dermbench.errors import RegistryError, UsageError
from dermbench.evaluation import METRICS
from dermbench.tasks import Task, load_task, parse_primary, task_names

PUBLISHED = ("ajl-21", "fitzpatrick17k-114", "fitzpatrick17k-3", "fitzpatrick17k-9", "pad-ufes-20")


@pytest.mark.parametrize("name", task_names())
def test_a_task_agrees_with_itself(name):
    task = load_task(name)
    assert task.source in source_names()
    assert not task.classes or len(task.classes) == task.n_classes
    assert len(set(task.classes)) == len(task.classes)
    assert set(task.malignancy) in ({*task.classes}, set())
    assert set(task.aliases.values()) <= set(task.classes)
    assert set(task.fst) <= {*FST_NAMES, "unknown"}
    assert not task.fst or sum(task.fst.values()) == sum(task.images.values())
    assert task.licence
    assert task.obtain
    if task.primary is not None:
        assert METRICS.get(task.primary[0]).tested
        assert task.primary[1] in task.sensitive


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_task_is_there_and_cited(name):
    task = load_task(name)
    assert task.citation
    assert task.homepage.startswith("https://")


def test_every_class_is_found_in_the_release_s_other_spelling():
    classes = load_task("ajl-21").classes
    spelt = [name.replace("-", " ") for name in classes]
    assert tuple(match_labels(spelt, classes)) == classes


def test_a_misspelt_task_gets_a_suggestion():
    with pytest.raises(RegistryError, match="did you mean 'ajl-21'"):
        load_task("ajl21")


def test_a_task_states_its_primary_question_and_margin():
    about = load_task("ajl-21").model_dump()
    task = Task.model_validate(about | {"primary": "macro_f1:fst,sex", "margin": 0.05})
    assert (task.primary, task.margin) == (("macro_f1", "fst,sex"), 0.05)
    for wrong in ({"margin": 0.05}, {"primary": "accuracy:fst", "margin": 0.0}):
        with pytest.raises(ValueError, match="margin"):
            Task.model_validate(about | {"primary": None} | wrong)


@pytest.mark.parametrize("text", ["", "accuracy", ":fst", "accuracy: "])
def test_a_primary_question_names_metric_and_feature(text):
    with pytest.raises(UsageError, match="write METRIC:FEATURE"):
        parse_primary(text)
    assert parse_primary(" accuracy : fst,sex") == ("accuracy", "fst,sex")
