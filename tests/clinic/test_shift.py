"""Who is seen and what has shifted, on ledgers of a known stream."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import isnan
from pathlib import Path

import numpy as np
import pytest

from edgefair.bundle.archive import Bundle, read_bundle
from edgefair.bundle.shelf import find_bundle
from edgefair.cli.main import main
from edgefair.clinic.shift import Look, shift_of_ledger
from edgefair.errors import NotEnoughData
from edgefair.ledger import Ledger
from edgefair.records import Decision, FindingScore, Prediction, Subject
from edgefair.report.early_warning import (
    EarlyWarnings,
    early_warnings_to_json,
    render_early_warnings,
    tables_of,
)

MakeLedger = Callable[..., Path]

NOWHERE = Path("nowhere")
"""No model is installed there, and nobody trusted."""


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return read_bundle(find_bundle("phantom"))


@pytest.fixture
def make_ledger(tmp_path: Path, bundle: Bundle) -> MakeLedger:
    """Return what makes a ledger of patients scored as on the reference, with a prevalence."""

    def make(
        *, prevalence: float, women: float = 0.48, n: int = 600, images: int = 1, digest: str = ""
    ) -> Path:
        (histogram,) = bundle.manifest.reference.score_histograms
        rng = np.random.default_rng(0)
        bins = len(histogram.positives)
        of = [np.array(histogram.negatives, float), np.array(histogram.positives, float)]
        ill = rng.random(n) < prevalence
        predictions = []
        for number in range(n):
            shares = of[int(ill[number])]
            score = (rng.choice(bins, p=shares / shares.sum()) + rng.random()) / bins
            subject = Subject(
                patient_id=f"P{number}",
                sex="F" if rng.random() < women else "M",
                age_years=float(rng.integers(0, 95)),
            )
            predictions += [
                Prediction(
                    image=f"{number}-{image}.png",
                    digest=f"{number}-{image}",
                    scores=(
                        FindingScore(
                            finding="opacity",
                            logit=0.0,
                            probability=float(score),
                            operating_point="balanced",
                            threshold=0.5,
                            decision=Decision.POSITIVE if score >= 0.5 else Decision.NEGATIVE,
                            reason="probability against threshold",
                        ),
                    ),
                    subject=subject,
                    model=bundle.manifest.label,
                    bundle_digest=digest or bundle.digest,
                    predicted_at=f"2026-0{1 + number * 3 // n}-01T08:00:00+00:00",
                )
                for image in range(images)
            ]
        path = tmp_path / "clinic.ledger"
        with Ledger.open(path, create=True) as ledger:
            ledger.record(predictions)
        return path

    return make


def before(bundle: Bundle) -> float:
    (histogram,) = bundle.manifest.reference.score_histograms
    positives = sum(histogram.positives)
    return positives / (positives + sum(histogram.negatives))


def kinds(found: EarlyWarnings) -> set[str]:
    return {one.kind for one in found.tests if one.test in ("scores", "prevalence", "misfit")}


def test_a_stream_like_the_reference_shows_no_shift_of_scores(
    make_ledger: MakeLedger, bundle: Bundle
) -> None:
    found = shift_of_ledger(make_ledger(prevalence=before(bundle)), Look(home=NOWHERE))

    assert kinds(found) == {"none shown"}
    assert found.reference.startswith(bundle.manifest.label)
    assert any("the ledger keeps no embedding of them" in note for note in found.notes)


def test_more_patients_with_the_finding_are_a_prevalence_shift(
    make_ledger: MakeLedger, bundle: Bundle
) -> None:
    found = shift_of_ledger(make_ledger(prevalence=0.6), Look(home=NOWHERE))
    (one,) = (t for t in found.tests if t.test == "prevalence")

    assert kinds(found) == {"prevalence"}
    assert one.prevalence is not None
    assert one.prevalence.lower < 0.6 < one.prevalence.upper
    assert "more frequent" in render_early_warnings(found, width=80)


def test_who_does_not_come_is_named_against_the_catchment(
    make_ledger: MakeLedger, tmp_path: Path, bundle: Bundle
) -> None:
    census = tmp_path / "census.json"
    census.write_text('{"sex": {"F": 0.51, "M": 0.49}}')
    path = make_ledger(prevalence=before(bundle), women=0.3)
    found = shift_of_ledger(path, Look(home=NOWHERE, catchment=census))

    by_group = {one.group: one for one in found.seen}
    assert by_group["F"].residual < -5
    assert by_group["F"].is_shown
    assert found.distances[0][1] > 0.1
    text = render_early_warnings(found, width=80)
    assert "fewer are sex F than in the catchment" in text


def test_many_images_of_one_patient_are_looked_at_once(
    make_ledger: MakeLedger, bundle: Bundle
) -> None:
    found = shift_of_ledger(make_ledger(prevalence=0.3, n=100, images=4), Look(home=NOWHERE))

    assert (found.patients, found.images) == (100, 400)
    assert next(one.n for one in found.guesses if one.group == "everybody") == 100


def test_guesses_never_stand_without_their_caution(make_ledger: MakeLedger) -> None:
    found = shift_of_ledger(make_ledger(prevalence=0.3), Look(home=NOWHERE, by=("sex",)))
    text = " ".join(render_early_warnings(found, width=80).split())

    assert {one.group for one in found.guesses} == {"everybody", "sex F", "sex M"}
    assert "cannot see a group for which they are wrong" in text
    assert "EARLY WARNING, NO EVIDENCE" in text
    assert all("no evidence" in t.caption for t in tables_of(found) if "Guessed" in t.title)


def test_without_its_bundle_a_stream_is_held_against_nothing_and_that_is_said(
    make_ledger: MakeLedger,
) -> None:
    found = shift_of_ledger(make_ledger(prevalence=0.3, digest="another"), Look(home=NOWHERE))

    assert found.tests == ()
    assert found.guesses
    assert any("Name its bundle with -m" in note for note in found.notes)


def test_only_what_came_since_a_day_is_looked_at(make_ledger: MakeLedger) -> None:
    path = make_ledger(prevalence=0.3)

    assert shift_of_ledger(path, Look(home=NOWHERE, since="2026-02-01")).patients == 400
    with pytest.raises(NotEnoughData, match="no score since 2027-01-01"):
        shift_of_ledger(path, Look(home=NOWHERE, since="2027-01-01"))


def test_lines_keep_to_the_terminal_and_json_to_its_schema(
    make_ledger: MakeLedger, tmp_path: Path
) -> None:
    census = tmp_path / "census.json"
    census.write_text('{"sex": {"F": 0.51, "M": 0.49}, "age:0,60": {"0-59": 0.9, "60+": 0.1}}')
    found = shift_of_ledger(make_ledger(prevalence=0.6), Look(home=NOWHERE, catchment=census))
    document = json.loads(early_warnings_to_json(found))

    assert max(map(len, render_early_warnings(found, width=80).splitlines())) <= 80
    assert document["schema"] == "edgefair-shift/1"
    assert len(document["tests"]) == len(found.tests)
    assert any(isnan(one.stability_index) for one in found.tests)


def test_as_typed_it_speaks_text_and_json(
    make_ledger: MakeLedger, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make_ledger(prevalence=0.3)
    codes = []
    for arguments in (["--since", "2026-02-01"], ["--json"], ["-m", "phantom", "--by", "sex"]):
        with pytest.raises(SystemExit) as left:
            main(["shift", "--ledger", str(path), *arguments])
        codes.append(left.value.code)
    said = capsys.readouterr().out

    assert codes == [0, 0, 0]
    assert "since 2026-02-01" in said
    assert '"schema": "edgefair-shift/1"' in said
