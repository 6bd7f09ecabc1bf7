"""What is recorded comes back: once, whole, without names."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgefair.errors import LedgerError, LedgerReadOnly
from edgefair.ledger import Ledger
from edgefair.ledger.schema import ADDED_TABLES, TABLES
from edgefair.records import (
    UNKNOWN,
    Attribute,
    Decision,
    FindingScore,
    Outcome,
    Prediction,
    Status,
    Subject,
    VerifiedBecause,
)

if TYPE_CHECKING:
    from tests.ledger.conftest import MakePrediction

reals = st.floats(-1e6, 1e6)
words = st.text(max_size=12)
names = st.text(min_size=1, max_size=12).filter(lambda name: "/" not in name and name != ".")
scores = st.builds(
    FindingScore,
    finding=words,
    logit=reals,
    probability=st.floats(0, 1),
    operating_point=words,
    threshold=st.floats(0, 1),
    decision=st.sampled_from(Decision),
    reason=words,
)
subjects = st.builds(
    Subject,
    patient_id=st.none() | words,
    sex=st.sampled_from(["F", "M", "O", UNKNOWN]),
    age_years=st.none() | st.floats(0, 120),
    attributes=st.lists(
        st.builds(Attribute, name=words, value=words),
        max_size=3,
        unique_by=lambda attribute: attribute.name,
    ).map(lambda attributes: tuple(sorted(attributes, key=lambda a: a.name))),
)
predictions = st.builds(
    Prediction,
    image=names.map(lambda name: f"/ward 3/{name}"),
    frame=st.integers(0, 2**31),
    scores=st.lists(scores, min_size=1, max_size=4, unique_by=lambda score: score.finding).map(
        tuple
    ),
    subject=subjects,
    model=words,
    bundle_digest=words,
    predicted_at=words,
)


@pytest.fixture(scope="module")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with Ledger.open(tmp_path_factory.mktemp("ledger") / "clinic.ledger", create=True) as opened:
        yield opened


numbers = count()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(made=predictions)
def test_a_prediction_comes_back_as_it_went_in(roomy: Ledger, made: Prediction) -> None:
    prediction = replace(made, digest=f"image {next(numbers)}")
    roomy.record([prediction])
    *_, kept = roomy.predictions()
    roomy.check()

    subject = replace(prediction.subject, patient_id=kept.subject.patient_id)
    name = prediction.image.removeprefix("/ward 3/")
    assert kept == replace(prediction, image=name, subject=subject)
    assert bool(kept.subject.patient_id) == bool((prediction.subject.patient_id or "").strip())


def test_the_same_prediction_is_kept_once(ledger: Ledger, make_prediction: MakePrediction) -> None:
    first = ledger.record(make_prediction(n) for n in range(5))
    again = ledger.record(make_prediction(n) for n in range(7))

    assert (first, again) == (5, 2)
    assert len(list(ledger.predictions())) == 7


def test_another_model_or_threshold_makes_another_prediction(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    new = [
        ledger.record([make_prediction(1)]),
        ledger.record([make_prediction(1, model="chest-xray 0.2.0")]),
        ledger.record([make_prediction(1, threshold=0.3)]),
    ]

    assert new == [1, 1, 1]


def test_refused_images_are_kept_with_their_reason_and_without_their_folder(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    refused = make_prediction(1, name="scan.png", status=Status.BLANK)
    new = [ledger.record([refused]), ledger.record([refused])]
    (kept,) = ledger.predictions()

    assert new == [1, 0]
    assert (kept.status, kept.message) == (Status.BLANK, "scan.png cannot be used.")


def test_files_that_could_not_be_read_at_all_are_told_apart_by_their_paths(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    lost = replace(make_prediction(1, status=Status.UNREADABLE), digest="")
    new = ledger.record([replace(lost, image="/a/x.dcm"), replace(lost, image="/b/x.dcm")])

    assert new == 2


def test_demographics_that_come_later_complete_the_subject(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    ledger.record([make_prediction(1, subject=Subject(sex="F"))])
    later = Subject(age_years=71.0, attributes=(Attribute(name="site", value="North"),))
    new = ledger.record([make_prediction(1, subject=later)])
    (kept,) = ledger.predictions()

    assert new == 0
    assert kept.subject == replace(later, sex="F")


def test_a_batch_with_one_impossible_prediction_leaves_nothing(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    good = make_prediction(1)
    impossible = replace(good.scores[0], probability=1.5)
    bad = [
        replace(make_prediction(2), scores=()),
        replace(make_prediction(3), scores=(impossible,)),
    ]
    for wrong in bad:
        with pytest.raises(ValueError, match=r"scores if|rules refuse"):
            ledger.record([good, wrong])

    assert list(ledger.predictions()) == []


@pytest.mark.parametrize("table", TABLES)
def test_no_row_can_be_changed_or_removed(
    table: str, path: Path, ledger: Ledger, make_prediction: MakePrediction
) -> None:
    ledger.record([make_prediction(2)])  # whose engine nobody noted
    ledger.add_outcomes(
        [
            Outcome(
                case="2.png",
                finding="pneumonia",
                outcome=True,
                verified_by="AB",
                verified_because=VerifiedBecause.ROUTINE,
                date="2026-03-02",
            )
        ],
        today=date(2026, 3, 3),
    )
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        if table in [one for added in ADDED_TABLES.values() for one in added]:
            columns = len(other.execute(f"PRAGMA table_info({table})").fetchall())
            other.execute(f"INSERT INTO {table} VALUES (NULL{', 1' * (columns - 1)})")
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET checksum = 0"):
            with pytest.raises(sqlite3.IntegrityError, match="append only"):
                other.execute(statement)


def test_no_patient_id_and_no_folder_is_in_the_files_bytes(
    path: Path, ledger: Ledger, make_prediction: MakePrediction
) -> None:
    ledger.record(make_prediction(n) for n in range(20))
    written = b"".join(file.read_bytes() for file in path.parent.iterdir())

    assert path.with_name(path.name + "-wal").stat().st_size > 0
    assert b"7.png" in written
    assert b"P-00" not in written
    assert b"ward 3" not in written


def test_images_of_one_patient_share_a_pseudonym_that_another_site_cannot_make(
    tmp_path: Path, make_prediction: MakePrediction
) -> None:
    same = Subject(patient_id="P-7")
    pseudonyms = []
    for site in ("north.ledger", "south.ledger"):
        with Ledger.open(tmp_path / site, create=True) as ledger:
            ledger.record(make_prediction(n, subject=same) for n in (1, 2))
            pseudonyms.append({p.subject.patient_id for p in ledger.predictions()})

    assert [len(of_site) for of_site in pseudonyms] == [1, 1]
    assert pseudonyms[0].isdisjoint(pseudonyms[1])


def test_a_prediction_is_found_again_under_its_case_code(
    ledger: Ledger, make_prediction: MakePrediction
) -> None:
    ledger.record([make_prediction(1)])
    codes = {case.code for case in ledger.cases()}

    assert codes == {ledger.case_code(make_prediction(1))}
    assert ledger.case_code(make_prediction(2)) == ""


def test_a_missing_ledger_is_begun_only_when_asked(path: Path) -> None:
    with pytest.raises(LedgerError, match="There is no ledger") as caught:
        Ledger.open(path)

    assert "begins one" in caught.value.hint
    assert not any(path.parent.iterdir())


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(LedgerReadOnly, match="cannot be written"):
        Ledger.open(tmp_path / "nowhere" / "clinic.ledger", create=True)
