from importlib.metadata import EntryPoint

import pytest

from dermbench import registry as module
from dermbench.errors import RegistryError
from dermbench.registry import Registry


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(module, "entry_points", lambda group: [])
    made: Registry[object] = Registry("metric", "dermbench.metrics")
    made.add("accuracy", 1)
    return made


def test_decorator_returns_what_it_registers(registry):
    @registry.register("other")
    def other():
        return 3

    assert other() == 3
    assert registry.get("other") is other
    assert registry.names() == ["accuracy", "other"]
    assert "other" in registry
    assert len(registry) == 2


def test_a_taken_name_raises(registry):
    with pytest.raises(RegistryError, match="'accuracy' is registered twice"):
        registry.add("accuracy", 2)


def test_a_miss_suggests_the_nearest_name(registry):
    with pytest.raises(RegistryError, match="did you mean 'accuracy'"):
        registry.get("acuracy")
    with pytest.raises(RegistryError, match="known: accuracy"):
        registry.get("zzz")


def test_entry_points_are_found(monkeypatch):
    point = EntryPoint("ordered", "collections:OrderedDict", "dermbench.metrics")
    monkeypatch.setattr(module, "entry_points", lambda group: [point])
    made: Registry[object] = Registry("metric", "dermbench.metrics")
    assert made.get("ordered") is __import__("collections").OrderedDict


def test_a_plugin_that_fails_to_import_raises_every_time(monkeypatch):
    point = EntryPoint("broken", "no_such_module_of_ours:thing", "dermbench.metrics")
    monkeypatch.setattr(module, "entry_points", lambda group: [point])
    made: Registry[object] = Registry("metric", "dermbench.metrics")
    for _ in range(2):
        with pytest.raises(RegistryError, match=r"'broken' \(no_such_module_of_ours:thing\) failed to import"):
            made.names()


def test_an_entry_point_cannot_take_a_builtin_name(monkeypatch):
    point = EntryPoint("accuracy", "collections:OrderedDict", "dermbench.metrics")
    monkeypatch.setattr(module, "entry_points", lambda group: [point])
    made: Registry[object] = Registry("metric", "dermbench.metrics")
    made.add("accuracy", 1)
    with pytest.raises(RegistryError, match="registered twice"):
        made.get("accuracy")
