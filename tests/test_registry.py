from importlib.metadata import EntryPoint

import pytest

from dermbench import registry as module
from dermbench.errors import RegistryError
from dermbench.registry import Registry, blame


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(module, "entry_points", lambda group: [])
    made: Registry[object] = Registry("metric", "dermbench.metrics", is_one=lambda _: True)
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
    made: Registry[object] = Registry("metric", "dermbench.metrics", is_one=lambda _: True)
    assert made.get("ordered") is __import__("collections").OrderedDict


def test_a_plugin_that_fails_to_import_raises_every_time(monkeypatch):
    point = EntryPoint("broken", "no_such_module_of_ours:thing", "dermbench.metrics")
    monkeypatch.setattr(module, "entry_points", lambda group: [point])
    made: Registry[object] = Registry("metric", "dermbench.metrics", is_one=lambda _: True)
    for _ in range(2):
        with pytest.raises(RegistryError, match=r"'broken' \(no_such_module_of_ours:thing\) failed to import"):
            made.names()


def plugins(monkeypatch, tmp_path, name, source, kind=int):
    """Return a registry of numbers with one entry point, ``thing`` of a module with that source."""
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    point = EntryPoint("evil", f"{name}:thing", "dermbench.metrics")
    monkeypatch.setattr(module, "entry_points", lambda group: [point])
    return Registry("metric", "dermbench.metrics", is_one=lambda item: isinstance(item, kind))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import sys; sys.exit(0)", r"failed to import: SystemExit\(0\)"),
        ("raise SystemExit('[/b]')", "failed to import: SystemExit"),
        ("raise GeneratorExit", "failed to import: GeneratorExit"),
        ("1 / 0", "failed to import: ZeroDivisionError"),
        ("thing = (", "failed to import: SyntaxError"),
        ("", "failed to import: AttributeError"),
        ("thing = 'five'", "is no metric: it is 'str'"),
        ("thing = int", "is no metric: it is 'type'"),
    ],
)
def test_a_plugin_that_is_none_is_named(monkeypatch, tmp_path, request, source, message):
    made = plugins(monkeypatch, tmp_path, f"evil{abs(hash(source))}", source)
    with pytest.raises(RegistryError, match=f"metric plug-in 'evil' .*{message}"):
        made.names()


def test_ctrl_c_while_a_plugin_is_imported_is_no_fault_of_it(monkeypatch, tmp_path):
    made = plugins(monkeypatch, tmp_path, "stopped", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        made.names()


def test_what_a_plugin_raises_later_is_its_own(monkeypatch, tmp_path):
    made = plugins(monkeypatch, tmp_path, "later", "import sys\ndef thing(): sys.exit(7)", kind=object)
    with pytest.raises(SystemExit) as caught:
        made.get("evil")()
    assert str(blame(caught.value)).startswith("metric plug-in 'evil' (later:thing) raised SystemExit(7) (line 2")
    with pytest.raises(ZeroDivisionError) as other:
        _ = 1 / 0
    assert blame(other.value) is None


def test_an_entry_point_cannot_take_a_builtin_name(monkeypatch):
    point = EntryPoint("accuracy", "collections:OrderedDict", "dermbench.metrics")
    monkeypatch.setattr(module, "entry_points", lambda group: [point])
    made: Registry[object] = Registry("metric", "dermbench.metrics", is_one=lambda _: True)
    made.add("accuracy", 1)
    with pytest.raises(RegistryError, match="registered twice"):
        made.get("accuracy")
