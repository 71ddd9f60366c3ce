"""docs/reference/training-options.md against the code, the presets and the studies."""

from __future__ import annotations

import json
import re
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import pytest

from dermbench.training.config.train_config import Augment, TrainConfig
from dermbench.training.methods import BUILT_IN
from dermbench.training.run.configure import NAMES, PRESETS, load_config, preset_names

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "training-options.md"
SPECS = sorted((ROOT / "benchmarks" / "candidates").glob("*.toml"))
ROW = re.compile(r"^\| `([a-z_0-9.]+)` \| (.*) \|$", re.MULTILINE)
NOBODY = "–"  # noqa: RUF001 - as the page writes it


class Facts(NamedTuple):
    """What a row says of an option: cells that are computed."""

    default: str
    presets: str
    studies: str


def defaults():
    """Default of each option by its name; options of methods stand under their own."""
    found = {name: field for name, field in TrainConfig.model_fields.items() if name != "augment"}
    found |= {f"augment.{name}": field for name, field in Augment.model_fields.items()}
    for method in BUILT_IN.values():
        found |= method.Options.model_fields
    return {name: shown(field) for name, field in found.items()}


def shown(field):
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, tuple | dict):
        return str(value or "none")
    return f"`{json.dumps(value)}`" if isinstance(value, bool | str) else f"`{value:g}`"


def set_by_presets():
    found = defaultdict(list)
    for preset in preset_names():
        values = tomllib.loads((PRESETS / f"{preset}.toml").read_text(encoding="utf-8"))
        augment = values.pop("augment", {})
        for name in (*values, *(f"augment.{name}" for name in augment)):
            found[name].append(preset)
    return found


def runs_of(spec):
    return tomllib.loads(spec.read_text(encoding="utf-8"))["run"].items()


def set_by_studies():
    found = defaultdict(set)
    for spec in SPECS:
        for _, run in runs_of(spec):
            names = [text.partition("=")[0] for text in run["set"]]
            names += ["folds", "fold"] * ("folds" in run) + ["seed"] * ("seeds" in run)
            names += ["method_options.distill_teacher"] * ("teacher" in run)
            names += ["method_options"] * any(name.startswith("method_options.") for name in names)
            for name in names:
                found[name.removeprefix("method_options.")].add(spec.stem.removeprefix("ajl-21-"))
    boards = (ROOT / "docs" / "reference" / "leaderboards.md").read_text(encoding="utf-8")
    for name in re.findall(r"--set\s+([a-z_.]+)=", boards):
        found[name].add("boards")
    return found


def facts():
    presets, studies = set_by_presets(), set_by_studies()
    return {
        name: Facts(default, ", ".join(presets[name]) or NOBODY, ", ".join(sorted(studies[name])) or NOBODY)
        for name, default in defaults().items()
    }


def rows():
    return [(name, rest.split(" | ")) for name, rest in ROW.findall(PAGE.read_text(encoding="utf-8"))]


def test_every_option_has_one_row_and_every_row_an_option():
    assert sorted(name for name, _ in rows()) == sorted(defaults())


def test_rows_say_what_defaults_presets_and_studies_are():
    said = {name: Facts(cells[0], cells[2], cells[3]) for name, cells in rows()}
    wanted = facts()
    assert {name: cells for name, cells in said.items() if wanted[name] != cells} == {}


def test_each_row_names_a_test_module_that_has_the_option():
    for name, cells in rows():
        (module,) = (ROOT / "tests" / "training").rglob(f"{cells[4].strip('`')}.py")
        assert re.search(rf"\b{name.rpartition('.')[2]}\b", module.read_text(encoding="utf-8")), (name, module)


def test_what_no_preset_and_no_study_sets_has_a_reason():
    text = PAGE.read_text(encoding="utf-8").partition("## Set by no preset and no study")[2]
    unset = {name for name, found in facts().items() if found.presets == found.studies == NOBODY}
    lines = re.findall(r"^\* ([^:]+):", text, re.MULTILINE)
    named = [name for line in lines for name in re.findall(r"`(\w+)`", line)]
    assert sorted(named) == sorted(unset)


def test_every_choice_is_named():
    text = PAGE.read_text(encoding="utf-8")
    choices = [*BUILT_IN, *(name for table in NAMES.tables.values() for name in table)]
    assert [name for name in choices if f"`{name}`" not in text] == []


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
def test_the_studies_are_still_configurations(spec):
    """A study can be run again only while its options exist."""
    for name, run in runs_of(spec):
        assert load_config(preset=run["preset"], overrides=run["set"]).epochs >= 0, name
