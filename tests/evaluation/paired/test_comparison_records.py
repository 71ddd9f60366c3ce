"""The records of ``comparison.json``: written and read again, and refused where they contradict themselves."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from dermbench.artifacts.comparison import Comparison, Difference, GapChange, comparison_schema
from dermbench.artifacts.report import Contrast
from dermbench.errors import InputError
from dermbench.evaluation import compare


@pytest.fixture(scope="module")
def found(models):
    predictions, truth = models(120, gains=(0.0, 0.5, 1.0), fst=[1 + k % 3 for k in range(120)])
    return compare(predictions, truth, margin=0.1, n_resamples=99)


def test_a_comparison_is_read_as_it_was_written(found, tmp_path):
    found.write(tmp_path / "comparison.json")
    again = Comparison.read(tmp_path / "comparison.json")
    assert again == found
    assert again.text() == found.text()
    assert [model.model for model in again.ranks.models] == [model.model for model in found.ranks.models]


def test_unknown_keys_and_other_schemas_are_refused(found, tmp_path):
    for change in ({"more": 1}, {"schema": "dermbench.comparison/1"}):
        path = tmp_path / "comparison.json"
        path.write_text(json.dumps(found.document() | change))
        with pytest.raises(InputError):
            Comparison.read(path)


def test_the_schema_names_the_records():
    schema = comparison_schema()
    assert schema["properties"]["schema"]["const"] == "dermbench.comparison/2"
    assert {"Difference", "GapChange", "MarginAnswer", "RankedModel"} <= schema["$defs"].keys()


def change(**numbers):
    contrast = Contrast(first=("I",), second=("II",), kind="pair", value=0.2, low=0.1, high=0.3)
    kept = {"value": 0.2, "low": 0.1, "high": 0.3, "chance": 0.05, "p_value": 0.01, "p_holm": 0.02, "overlap": 0.9}
    return GapChange(**kept | {"contrast": contrast} | numbers)


def test_a_change_is_bounded_only_with_evidence():
    assert change().low == 0.1
    assert change(low=0.0, p_holm=0.2).low == 0
    for p in (0.06, None):
        with pytest.raises(ValidationError, match="at least"):
            change(p_holm=p)


def test_a_difference_without_a_value_needs_a_reason():
    with pytest.raises(ValidationError, match="reason"):
        Difference(value=None, p_value=0.5)
