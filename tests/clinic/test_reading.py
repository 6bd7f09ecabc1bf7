"""The clinic's desk: what is read is completed, recorded, and only then shown."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgefair.bundle.archive import read_bundle
from edgefair.bundle.embedding_reference import projection_of
from edgefair.clinic.reading import Reader, WorkList
from edgefair.interop.demographics import read_demographics
from edgefair.ledger import Ledger
from edgefair.records import Status
from edgefair.runtime.pipeline import Model, load


@pytest.fixture
def model(make_bundle: Callable[..., Path]) -> Model:
    return load(make_bundle(), threads=2, allow_unsigned=True)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(40):
        ramp = np.tile(np.linspace(0, 40 + number, 64).astype(np.uint8), (64, 1))
        Image.fromarray(ramp).save(folder / f"{number:02d}.png")
    (folder / "readme.txt").write_text("no image")
    return folder


def test_every_prediction_is_on_record_before_it_is_shown(
    model: Model, scans: Path, tmp_path: Path
) -> None:
    path = tmp_path / "clinic.ledger"
    with Ledger.open(path, create=True) as ledger:
        reader = Reader(model=model, ledger=ledger)
        for prediction in reader.read(WorkList.of([scans])):
            with Ledger.open(path, read_only=True) as elsewhere:
                kept = {p.digest for p in elsewhere.predictions()}

            assert prediction.status is not Status.OK or prediction.digest in kept


def test_a_file_beside_the_images_is_shown_and_not_recorded(
    model: Model, scans: Path, tmp_path: Path
) -> None:
    work = WorkList.of([scans])
    with Ledger.open(tmp_path / "clinic.ledger", create=True) as ledger:
        read = list(Reader(model=model, ledger=ledger).read(work))
        kept = list(ledger.predictions())

    assert [Path(p.image).name for p in read if work.passes_over(p)] == ["readme.txt"]
    assert len(kept) == 40


def test_small_embeddings_are_kept_with_the_scores_and_of_older_ones_once_read_again(
    model: Model, make_bundle: Callable[..., Path], scans: Path, tmp_path: Path
) -> None:
    projection = projection_of(read_bundle(make_bundle()))
    first, rest = WorkList.of([scans / "00.png"]), WorkList.of([scans])
    with Ledger.open(tmp_path / "clinic.ledger", create=True) as ledger:
        list(Reader(model=model, ledger=ledger).read(first))
        assert ledger.small_embeddings().by_case == {}
        read = list(Reader(model=model, ledger=ledger, projection=projection).read(rest))
        kept = ledger.small_embeddings().of(projection.name)
        codes = {ledger.case_code(p): p for p in read if p.scores}

    assert kept.keys() == codes.keys()
    for code, prediction in codes.items():
        assert prediction.embedding is not None
        assert kept[code] == projection.packed(prediction.embedding)


def test_a_named_file_is_never_passed_over(model: Model, scans: Path) -> None:
    work = WorkList.of([scans / "readme.txt"])
    (prediction,) = Reader(model=model).read(work)

    assert prediction.status is Status.NOT_AN_IMAGE
    assert not work.passes_over(prediction)


def test_the_table_says_who_is_on_the_image(model: Model, scans: Path, tmp_path: Path) -> None:
    table = tmp_path / "who.csv"
    table.write_text("image,patient_id,sex,age\n00.png,P1,F,61\n")
    reader = Reader(model=model, demographics=read_demographics(table))
    first, second = reader.read(WorkList.of([scans / "00.png", scans / "01.png"]))

    assert (first.subject.sex, first.subject.age_years) == ("F", 61.0)
    assert second.subject.sex == "Unknown"


def test_what_cannot_be_reached_is_a_prediction_too(model: Model, tmp_path: Path) -> None:
    (prediction,) = Reader(model=model).read(WorkList.of([tmp_path / "gone"]))

    assert prediction.status is Status.UNREADABLE
    assert "no such file" in prediction.message


def test_a_file_called_bytes_keeps_its_name_beside_standard_input(
    model: Model, scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (scans / "00.png").read_bytes()
    (tmp_path / "bytes").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    work = WorkList.of([Path("bytes")], standard_input=content)

    assert [p.image for p in Reader(model=model).read(work)] == ["-", "bytes"]
