"""The carried chest model on real images: the same answers whatever the way to them."""

import csv
from pathlib import Path

import pytest

from edgefair.bundle.manifest import Manifest
from edgefair.records import Confusion, Decision, Group, Prediction, Status
from edgefair.runtime.pipeline import load


@pytest.fixture(scope="module")
def images(shared_data: Path) -> list[Path]:
    return sorted((shared_data / "nih1000" / "images").glob("*.jpg"))


@pytest.fixture(scope="module")
def predictions(images: list[Path]) -> list[Prediction]:
    return list(load("chest-xray", threads=2).predict_many(images))


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return load("chest-xray").manifest


def test_a_thousand_radiographs_are_read(predictions: list[Prediction]) -> None:
    assert len(predictions) == 1000
    assert {p.status for p in predictions} == {Status.OK}


def test_one_thread_and_one_image_at_a_time_say_the_same(
    images: list[Path], predictions: list[Prediction]
) -> None:
    model = load("chest-xray", threads=1)
    one_by_one = [model.predict(path)[0].scores for path in images]

    assert one_by_one == [p.scores for p in predictions]


def test_the_bundles_reference_is_what_the_clinic_measures(
    shared_data: Path, predictions: list[Prediction], manifest: Manifest
) -> None:
    with (shared_data / "nih1000" / "manifest.csv").open() as stream:
        truth = {
            row["image"]: row["pneumonia"] == "1"
            for row in csv.DictReader(stream)
            if row["split"] == "test"
        }
    counts = {"tp": 0, "fn": 0, "tn": 0, "fp": 0}
    for prediction in predictions:
        name = Path(prediction.image).name
        if name in truth:
            flagged = prediction.scores[0].decision is not Decision.NEGATIVE
            counts[
                ("tp" if flagged else "fn") if truth[name] else ("fp" if flagged else "tn")
            ] += 1
    found = Confusion(
        true_positives=counts["tp"],
        false_negatives=counts["fn"],
        true_negatives=counts["tn"],
        false_positives=counts["fp"],
    )
    (promised,) = (cell for cell in manifest.reference.cells if cell.group == Group())

    assert found == promised.confusion
