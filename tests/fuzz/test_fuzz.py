"""A few seeded damages of every reader; ``nox -s fuzz`` tries many."""

from __future__ import annotations

import pytest

from tests.fuzz.readers import found_readers
from tests.fuzz.samples import samples
from tests.fuzz.trial import try_reader

FILES = 6


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    return samples(tmp_path_factory.mktemp("samples"))


def test_every_reader_has_valid_files_to_damage(known, tmp_path):
    assert found_readers() == set(known)
    for cases in known.values():
        for case in cases:
            case.lay_out(tmp_path)
            case.call(tmp_path)


def test_damaged_files_are_read_or_refused(known):
    failures = {
        name: outcome.failures
        for name, cases in known.items()
        if (outcome := try_reader(name, cases, range(FILES), seed=7)).failures
    }
    assert not failures
