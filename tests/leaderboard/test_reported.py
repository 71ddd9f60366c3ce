from __future__ import annotations

from decimal import Decimal

import pytest

from dermbench.errors import InputError
from dermbench.leaderboard.consistency import chance_agreement, consistency
from dermbench.leaderboard.reported import Row, read_reported


def row(**scores):
    return Row(entry="x", source="y", scores={k: Decimal(v) for k, v in scores.items()})


def test_published_accuracy_and_kappa_that_do_not_fit():
    found = consistency(row(accuracy="0.619", cohen_kappa="0.61"), 21)
    need = "accuracy and κ need a chance agreement of at most .037"
    assert found == [f"does not fit: {need}, below 1/21 = .048, the least with equal margins"]


def test_numbers_stand_for_all_that_round_to_them():
    low, high = chance_agreement((0.6185, 0.6195), (0.605, 0.615))
    assert low == pytest.approx((0.6185 - 0.615) / 0.385)
    assert high == pytest.approx((0.6195 - 0.605) / 0.395)


def test_a_real_confusion_table_fits_itself():
    # 3 classes, accuracy .70, margins equal: p = .38, kappa = (.70 - .38) / .62
    (found,) = consistency(row(accuracy="0.700", cohen_kappa="0.516"), 3)
    assert found.startswith("κ fits accuracy: chance agreement within [.38, .38]")


def test_kappa_above_accuracy():
    (found,) = consistency(row(accuracy="0.50", cohen_kappa="0.60"), 3)
    assert found.startswith("does not fit: κ is above accuracy")


@pytest.mark.parametrize(
    ("micro", "sentence"),
    [("0.62", "micro-F1 is accuracy, as it must be"), ("0.63", "does not fit: with one class")],
)
def test_micro_f1_is_accuracy(micro, sentence):
    assert consistency(row(accuracy="0.619", micro_f1=micro), 21)[0].startswith(sentence)


def test_macro_f1_above_accuracy_is_remarked():
    assert "macro-F1 above accuracy" in consistency(row(accuracy="0.619", macro_f1="0.64"), 21)[0]
    assert consistency(row(accuracy="0.64", macro_f1="0.64"), 21) == ["nothing to check against each other"]


def test_digits_are_kept(tmp_path):
    (tmp_path / "reported.toml").write_text(
        'schema = "dermbench.reported/1"\n[[row]]\nentry = "a"\nsource = "b"\nscores = { accuracy = 0.60 }\n'
    )
    (only,) = read_reported(tmp_path)
    assert str(only.scores["accuracy"]) == "0.60"


def test_all_problems_at_once(tmp_path):
    (tmp_path / "reported.toml").write_text(
        'schema = "dermbench.reported/1"\n[[row]]\nentry = "a"\nrank = 1\n[[row]]\nentry = ""\nsource = "s"\n'
    )
    with pytest.raises(InputError) as caught:
        read_reported(tmp_path)
    assert len(caught.value.problems) == 3
