"""What is kept of embeddings: with the scores or not at all, once, and of one projection."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edgefair.errors import LedgerDamaged
from edgefair.ledger import Ledger, SmallEmbedding
from edgefair.ledger.small_embeddings import MakeSmall
from edgefair.records import Prediction, Status

if TYPE_CHECKING:
    from tests.ledger.conftest import MakePrediction


def made_by(projection: str) -> MakeSmall:
    def make(prediction: Prediction) -> SmallEmbedding | None:
        if prediction.status is not Status.OK:
            return None
        return SmallEmbedding(projection=projection, vector=prediction.digest.encode()[-32:])

    return make


def test_an_image_is_kept_with_its_small_embedding(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    ledger.record([make_prediction(1), make_prediction(2)], make_small=made_by("a"))
    found = ledger.small_embeddings()

    codes = [ledger.case_code(make_prediction(number)) for number in (1, 2)]
    assert list(found.by_case) == codes
    assert found.of("a")[codes[1]] == make_prediction(2).digest.encode()[-32:]
    assert found.of("b") == {}


def test_read_again_it_is_kept_once_and_one_read_before_gets_its_own(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    ledger.record([make_prediction(1)])
    assert ledger.small_embeddings().by_case == {}
    for _ in range(2):
        assert ledger.record([make_prediction(1)], make_small=made_by("a")) == 0

    assert len(ledger.small_embeddings().by_case) == 1


def test_another_operating_point_adds_no_second_one(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    ledger.record([make_prediction(1)], make_small=made_by("a"))
    ledger.record([make_prediction(1, threshold=0.7)], make_small=made_by("a"))

    assert len(ledger.small_embeddings().by_case) == 1


def test_each_model_has_its_own(ledger: Ledger, make_prediction: MakePrediction) -> None:
    other = make_prediction(1, model="chest-xray 0.2.0")
    ledger.record([make_prediction(1)], make_small=made_by("a"))
    ledger.record([other], make_small=made_by("b"))

    assert len(ledger.small_embeddings(bundle_digest=other.bundle_digest).of("b")) == 1
    assert len(ledger.small_embeddings(bundle_digest="digest of chest-xray 0.1.0").of("a")) == 1


def test_a_refused_image_has_none(ledger: Ledger, make_prediction: MakePrediction) -> None:
    ledger.record([make_prediction(1, status=Status.BLANK)], make_small=made_by("a"))

    assert ledger.small_embeddings().by_case == {}


def test_a_changed_bit_in_one_is_found(path: Path, make_prediction: MakePrediction) -> None:
    with Ledger.open(path, create=True) as ledger:
        ledger.record([make_prediction(1)], make_small=made_by("a"))
    with closing(sqlite3.connect(path)) as connection:
        (trigger,) = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name = 'small_embedding_keeps_its_values'"
        ).fetchone()
        connection.execute("DROP TRIGGER small_embedding_keeps_its_values")
        connection.execute("UPDATE small_embedding SET vector = x'00'")
        connection.execute(trigger)
        connection.commit()
    with (
        Ledger.open(path, read_only=True) as ledger,
        pytest.raises(LedgerDamaged, match="small_embedding"),
    ):
        ledger.small_embeddings()
