"""Whether images look as before, on ledgers whose embeddings are known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefair.bundle.archive import Bundle, PartContent, read_bundle, write_bundle
from edgefair.bundle.embedding_reference import (
    PATH,
    ROLE,
    embedding_reference_to_json,
    projection_of,
)
from edgefair.cli.main import main
from edgefair.clinic.image_shift import FIRST
from edgefair.clinic.shift import Look, shift_of_ledger
from edgefair.compress.data.cases import Cases, Column
from edgefair.compress.evidence.embeddings import measure_embeddings
from edgefair.errors import ContractMismatch
from edgefair.ledger import Ledger, SmallEmbedding
from edgefair.records import Decision, FindingScore, Prediction, Subject
from edgefair.report.early_warning import EarlyWarnings, render_early_warnings
from edgefair.report.early_warning_html import render_early_warnings_html

NOWHERE = Path("nowhere")
DIMENSIONS = 96
SCALES = np.linspace(1.5, 0.1, DIMENSIONS)

Read = Callable[..., Path]


def drawn(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
    return (rng.normal(size=(count, DIMENSIONS)) * SCALES).astype(np.float32)


def subject(number: int) -> Subject:
    return Subject(
        patient_id=f"P{number}", sex="FM"[number % 2], age_years=float(10 + number * 7 % 80)
    )


@pytest.fixture(scope="module")
def older_path(bare_phantom: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("older") / "phantom-as-of-old.efb"
    write_bundle(path, bare_phantom.manifest, bare_phantom.parts)
    return path


@pytest.fixture(scope="module")
def older(older_path: Path) -> Bundle:
    return read_bundle(older_path)


@pytest.fixture(scope="module")
def bundle_path(older: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle that brings how 500 images looked, and nothing else to compare with."""
    count, rng = 500, np.random.default_rng(0)
    cases = Cases(
        images=(Path("none.png"),) * count,
        labels=np.zeros((count, 1), np.float32),
        splits=("test",) * count,
        patients=tuple(map(str, range(count))),
        columns=(
            Column(name="sex", values=tuple(subject(i).sex for i in range(count))),
            Column(name="age", values=tuple(f"{subject(i).age_years}" for i in range(count))),
        ),
    )
    reference = measure_embeddings(
        cases, drawn(rng, count), drawn(rng, 300), ("sex", "age:0,18,40,60,80")
    )
    assert reference is not None
    part = PartContent(path=PATH, role=ROLE, content=embedding_reference_to_json(reference))
    path = tmp_path_factory.mktemp("bundle") / "phantom-with-reference.efb"
    nothing = replace(older.manifest.reference, cells=(), score_histograms=())
    write_bundle(path, replace(older.manifest, reference=nothing), (*older.parts, part))
    return path


@pytest.fixture(scope="module")
def bundle(bundle_path: Path) -> Bundle:
    return read_bundle(bundle_path)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return what reads patients into a ledger; from the 300th on images may have moved."""

    def reading(
        bundle: Bundle,
        *,
        count: int = 500,
        moved: float = 0.0,
        sex: str = "FM",
        keeps_embeddings: bool = True,
    ) -> Path:
        rng = np.random.default_rng(3)
        embeddings = drawn(rng, count)
        for number in range(300, count):
            if subject(number).sex in sex:
                embeddings[number] += moved * SCALES * (np.arange(DIMENSIONS) < 10)
        projection = projection_of(bundle)
        predictions = [
            Prediction(
                image=f"{number}.png",
                digest=f"{number:032x}",
                scores=(
                    FindingScore(
                        finding="opacity",
                        logit=0.0,
                        probability=0.3,
                        operating_point="balanced",
                        threshold=0.5,
                        decision=Decision.NEGATIVE,
                        reason="probability against threshold",
                    ),
                ),
                subject=subject(number),
                model=bundle.manifest.label,
                bundle_digest=bundle.digest,
                predicted_at=f"2026-0{1 + number // 300}-01T08:00:00+00:00",
                embedding=embeddings[number],
            )
            for number in range(count)
        ]

        def small(one: Prediction) -> SmallEmbedding | None:
            if not keeps_embeddings:
                return None
            assert one.embedding is not None
            return SmallEmbedding(
                projection=projection.name, vector=projection.packed(one.embedding)
            )

        path = tmp_path / "clinic.ledger"
        with Ledger.open(path, create=True) as ledger:
            ledger.record(predictions, make_small=small)
        return path

    return reading


def shown(found: EarlyWarnings, test: str) -> set[str]:
    return {one.group for one in found.tests if one.is_shown and one.test == test}


def of_images(found: EarlyWarnings) -> int:
    return sum(one.test.startswith("images") for one in found.tests)


def test_images_as_before_are_not_said_to_have_shifted(
    read: Read, bundle: Bundle, bundle_path: Path
) -> None:
    found = shift_of_ledger(read(bundle), Look(home=NOWHERE, bundle=str(bundle_path)))

    assert shown(found, "images") == shown(found, "images since the first here") == set()
    groups = {one.group for one in found.tests if one.test == "images"}
    assert {"everybody", "sex F", "sex M", "age 40-59"} <= groups
    assert any("each of 500 patients" in note for note in found.notes)


def test_images_that_moved_in_women_are_told_in_women(
    read: Read, bundle: Bundle, bundle_path: Path
) -> None:
    path = read(bundle, moved=1.0, sex="F")
    found = shift_of_ledger(path, Look(home=NOWHERE, bundle=str(bundle_path), since="2026-02-01"))

    for test in ("images", "images since the first here"):
        assert "sex F" in shown(found, test)
        assert "sex M" not in shown(found, test)
        women = next(t for t in found.tests if (t.test, t.group) == (test, "sex F"))
        assert women.n == 100
        assert women.moved > 1
        assert 0.75 < women.told_apart <= 1
    text = " ".join(render_early_warnings(found, width=100).split())
    assert "EARLY WARNING, NO EVIDENCE" in text
    assert "By group, images look other than the first ones here in sex F (moved by" in text


def test_an_older_bundle_is_compared_by_its_mean_and_a_site_with_its_own_first_images(
    read: Read, older: Bundle, older_path: Path
) -> None:
    path = read(older, moved=1.5)
    found = shift_of_ledger(path, Look(home=NOWHERE, bundle=str(older_path)))

    assert any("brings no embedding reference" in note for note in found.notes)
    assert {one.group for one in found.tests if one.test == "images"} == {"everybody"}
    assert {"everybody", "sex F", "sex M"} <= shown(found, "images since the first here")


def test_without_its_bundle_later_images_are_still_held_against_the_first(
    read: Read, bundle: Bundle
) -> None:
    found = shift_of_ledger(read(bundle, moved=1.0), Look(home=NOWHERE))

    assert any("Name its bundle with -m" in note for note in found.notes)
    assert {one.test for one in found.tests} == {"images since the first here"}
    assert "everybody" in shown(found, "images since the first here")


def test_before_enough_have_come_only_release_is_held_against(
    read: Read, bundle: Bundle, bundle_path: Path
) -> None:
    path = read(bundle, count=FIRST)
    found = shift_of_ledger(path, Look(home=NOWHERE, bundle=str(bundle_path)))

    assert {t.test for t in found.tests if t.test.startswith("images")} == {"images"}
    assert any("told once 220 patients'" in note for note in found.notes)


def test_images_read_before_embeddings_were_kept_are_counted_and_said(
    read: Read, bundle: Bundle, bundle_path: Path
) -> None:
    look = Look(home=NOWHERE, bundle=str(bundle_path))
    found = shift_of_ledger(read(bundle, count=80, keeps_embeddings=False), look)
    assert of_images(found) == 0
    assert any("the ledger keeps no embedding of them" in note for note in found.notes)

    found = shift_of_ledger(read(bundle, count=50), look)
    assert any("Of 80 images 30 were read before" in note for note in found.notes)
    assert next(one.n for one in found.tests if one.test == "images") == 50


def test_a_bundle_with_a_bad_reference_is_refused(
    read: Read, bundle: Bundle, tmp_path: Path
) -> None:
    parts = [p for p in bundle.parts if p.role != ROLE]
    part = PartContent(path=PATH, role=ROLE, content=b"{}")
    bad = write_bundle(tmp_path / "bad.efb", bundle.manifest, (*parts, part))

    with pytest.raises(ContractMismatch, match="embeddings does not hold"):
        read(bad, count=30)
    path = read(bundle, count=30)
    with Ledger.open(path) as ledger:
        (one, *_) = ledger.predictions()
        ledger.record([replace(one, bundle_digest=bad.digest)])
    with pytest.raises(ContractMismatch, match="embeddings does not hold"):
        shift_of_ledger(path, Look(home=NOWHERE, bundle=str(tmp_path / "bad.efb")))


def test_no_embedding_leaves_the_ledger_with_what_is_read_from_it(
    read: Read, bundle: Bundle
) -> None:
    with Ledger.open(read(bundle, count=30), read_only=True) as ledger:
        assert all(one.embedding is None for one in ledger.predictions())
        columns = (*ledger.scored().__slots__, *ledger.labelled().__slots__)

    assert not [name for name in columns if "embedding" in name]


def test_the_page_says_what_the_text_says(read: Read, bundle: Bundle, bundle_path: Path) -> None:
    found = shift_of_ledger(read(bundle, moved=1.0), Look(home=NOWHERE, bundle=str(bundle_path)))
    page = render_early_warnings_html(found)

    assert "EARLY WARNING, NO EVIDENCE" in page
    assert "Images look other to the model than the first ones here" in page
    assert "How images look to the model" in page
    assert len(page) < 100_000
    assert "<script" not in page


def test_as_typed_it_writes_a_page_and_json(
    read: Read, bundle: Bundle, bundle_path: Path, tmp_path: Path
) -> None:
    path = read(bundle, moved=1.0)
    for name in ("shift.html", "shift.json"):
        arguments = ["shift", "--ledger", str(path), "-m", str(bundle_path)]
        with pytest.raises(SystemExit) as left:
            main([*arguments, "-o", str(tmp_path / name)])
        assert left.value.code == 0
    document = json.loads((tmp_path / "shift.json").read_text())
    tests = [one for one in document["tests"] if one["test"] == "images since the first here"]

    assert tests[0]["n"] == 300
    assert tests[0]["moved"] > 0
    assert (tmp_path / "shift.html").read_text().startswith("<!DOCTYPE html>")
