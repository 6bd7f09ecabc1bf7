"""The site's key and the codes that people type."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefair.errors import LedgerError
from edgefair.ledger import Ledger
from edgefair.ledger.keys import SiteKey, key_path, normal_case_code

if TYPE_CHECKING:
    from tests.ledger.conftest import MakePrediction

secrets = st.binary(min_size=32, max_size=32)


@given(secrets, st.binary(min_size=16, max_size=16))
def test_case_codes_survive_spreadsheets_and_handwriting(secret: bytes, identity: bytes) -> None:
    codes = list(islice(SiteKey(secret).case_codes(identity), 3))

    assert len(set(codes)) == 3
    for code in codes:
        assert len(code) == 8
        assert code[0].isalpha()  # 1234E567 would be a number to a spreadsheet
        assert set(code).isdisjoint("ILOU")
        assert normal_case_code(f" {code[:4].lower()}-{code[4:].lower()} ") == code


def test_a_case_code_that_is_taken_goes_to_nobody_else(
    ledger: Ledger, make_prediction: MakePrediction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        SiteKey, "case_codes", lambda *_: iter(["AAAAAAAA", "BBBBBBBB", "CCCCCCCC"])
    )
    ledger.record(make_prediction(n) for n in range(3))

    assert {case.code for case in ledger.cases()} == {"AAAAAAAA", "BBBBBBBB", "CCCCCCCC"}


def test_the_key_is_its_owners_alone_and_made_once(path: Path, ledger: Ledger) -> None:
    before = key_path(path).read_bytes()
    with Ledger.open(path, create=True):
        pass

    assert len(before) == 32
    assert key_path(path).stat().st_mode & 0o777 == 0o600
    assert key_path(path).read_bytes() == before


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        pytest.param(Path.unlink, "cannot be read", id="missing"),
        pytest.param(lambda key: key.write_bytes(os.urandom(32)), "is not the key", id="another"),
        pytest.param(lambda key: key.write_bytes(b"short"), "holds no key", id="cut short"),
    ],
)
def test_a_ledger_without_its_key_records_nothing_and_makes_no_other(
    path: Path,
    ledger: Ledger,
    make_prediction: MakePrediction,
    fault: Callable[[Path], object],
    said: str,
) -> None:
    ledger.record([make_prediction(1)])
    key = key_path(path)
    fault(key)
    left = key.read_bytes() if key.exists() else None
    with (
        Ledger.open(path, create=True) as opened,
        pytest.raises(LedgerError, match=said) as caught,
    ):
        opened.record([make_prediction(2)])

    assert "backup" in caught.value.hint or "right key" in caught.value.hint
    assert (key.read_bytes() if key.exists() else None) == left
    with Ledger.open(path) as opened:
        assert len(list(opened.predictions())) == 1  # what is there can still be read
