"""The predictions of an entry are stored in one form, whatever they were read from, and verified in that form."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dermbench.errors import InputError
from dermbench.leaderboard import add
from dermbench.leaderboard.stored import read_stored


@pytest.fixture
def stored(board):
    return board / "entries/middle/predictions.parquet"


def test_add_stores_predictions_in_the_exact_form(empty, predictions, truth, tmp_path):
    add(empty, predictions[0], name="One", truth=truth)
    table = pd.read_csv(predictions[0], dtype={"image_id": str}).sample(frac=1, random_state=1)
    table[table.columns[[2, 0, 3, 1]]].to_parquet(tmp_path / "other.parquet")
    add(empty, tmp_path / "other.parquet", name="Two")
    one, two = (empty / f"entries/{name}/predictions.parquet" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    read_stored(one, truth)


OTHER = {
    "order of rows": lambda t: t[::-1],
    "order of columns": lambda t: t[[t.columns[0], *t.columns[:0:-1]]],
    "header": lambda t: t.rename(columns={"image_id": "image"}),
    "class": lambda t: t.rename(columns={"prob_wheal": "prob_Wheal"}),
    "single precision": lambda t: t.astype({"prob_wheal": np.float32}),
    "text": lambda t: t.astype({"prob_wheal": str}),
    "percent": lambda t: t.assign(**{name: t[name] * 100 for name in t.columns[1:]}),
    "sum": lambda t: t.assign(prob_wheal=t["prob_wheal"] + 1e-9),
    "more": lambda t: t.assign(pred="wheal"),
    "suffix": lambda t: t.assign(image_id=t["image_id"] + ".jpg"),
}


@pytest.mark.parametrize("change", OTHER)
def test_verify_refuses_any_other_form_of_predictions(stored, truth, change):
    read_stored(stored, truth)
    OTHER[change](pd.read_parquet(stored)).to_parquet(stored)
    with pytest.raises(InputError, match=r"predictions\.parquet"):
        read_stored(stored, truth)
