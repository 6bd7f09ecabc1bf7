"""The pipeline: one image or many, in order, whatever the threads, and refusals are results."""

import io
import threading
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from edgefair.errors import BundleNotFound
from edgefair.records import Decision, Image, Prediction, Status
from edgefair.runtime.pipeline import Model, load

BundleMaker = Callable[..., Path]


@pytest.fixture
def model(make_bundle: BundleMaker) -> Model:
    return load(make_bundle(), threads=2, allow_unsigned=True)


def ramp(brightest: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Return a grey image that is not blank, brighter for larger `brightest`."""
    return np.tile(np.linspace(0, brightest, 64).astype(np.uint8), (64, 1))


def images(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{number:03d}.png" for number in range(count)]
    for number, path in enumerate(paths):
        Pillow.fromarray(ramp(40 + number)).save(path)
    return paths


def test_a_path_gives_one_prediction_with_everything_it_rests_on(
    model: Model, tmp_path: Path
) -> None:
    (path,) = images(tmp_path, 1)
    (prediction,) = model.predict(path)
    (score,) = prediction.scores

    assert prediction.image == str(path)
    assert prediction.status is Status.OK
    assert prediction.model == "brightness 1.2.3 (unsigned)"
    assert prediction.bundle_digest == model.digest
    assert score.decision is Decision.NEGATIVE
    assert score.operating_point == "middle"
    # mean grey 20 of 255, less .5, over .25
    assert score.logit == pytest.approx((ramp(40).mean() / 255 - 0.5) / 0.25, abs=0.01)


def test_path_bytes_and_array_of_one_image_say_the_same(model: Model, tmp_path: Path) -> None:
    (path,) = images(tmp_path, 1)
    by_path, by_name, by_bytes, by_array = model.predict(
        [path, str(path), path.read_bytes(), ramp(40)]
    )

    assert by_path.scores == by_name.scores == by_bytes.scores == by_array.scores


def test_predictions_come_in_the_order_of_the_sources(model: Model, tmp_path: Path) -> None:
    paths = images(tmp_path, 50)

    assert [p.image for p in model.predict_many(iter(paths))] == [str(path) for path in paths]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5, 6])
def test_of_however_few_sources_each_is_read_once(
    make_bundle: BundleMaker, tmp_path: Path, number: int, threads: int
) -> None:
    paths = images(tmp_path, number)
    model = load(make_bundle(), threads=threads, allow_unsigned=True)

    assert [p.image for p in model.predict_many(iter(paths))] == [str(path) for path in paths]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_and_batches_change_no_score(
    make_bundle: BundleMaker, tmp_path: Path, threads: int
) -> None:
    paths = images(tmp_path, 23)
    bundle = make_bundle()
    single = load(bundle, threads=1, allow_unsigned=True)
    one_by_one = [single.predict(path)[0].scores for path in paths]
    together = [
        p.scores for p in load(bundle, threads=threads, allow_unsigned=True).predict_many(paths)
    ]

    assert together == one_by_one


def test_a_bad_image_among_good_ones_is_a_row_with_its_reason(
    model: Model, tmp_path: Path
) -> None:
    good, bad = images(tmp_path, 2)
    bad.write_bytes(good.read_bytes()[:70])
    first, second, third, fourth = model.predict([good, bad, tmp_path / "none.png", good])

    assert (first.status, fourth.status) == (Status.OK, Status.OK)
    assert second.status is Status.TRUNCATED
    assert third.status is Status.UNREADABLE
    assert "none.png" in third.message
    assert second.scores == ()


def test_each_page_of_a_file_is_a_prediction_and_one_can_be_chosen(
    model: Model, tmp_path: Path
) -> None:
    path = tmp_path / "pages.tiff"
    pages = [Pillow.fromarray(ramp(40 + 10 * number)) for number in range(11)]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    every = model.predict(path)
    (seventh,) = model.predict_many([path], frame=7)

    assert [p.frame for p in every] == list(range(11))
    assert seventh.scores == every[7].scores


def test_an_observer_sees_each_image_that_was_read(model: Model, tmp_path: Path) -> None:
    seen: list[tuple[Image, Prediction]] = []
    paths = images(tmp_path, 3)
    found = list(
        model.predict_many(
            paths, observer=lambda image, prediction: seen.append((image, prediction))
        )
    )

    assert sorted(image.name for image, _ in seen) == [str(path) for path in paths]
    assert all(prediction in found for _, prediction in seen)


def test_the_clock_is_the_callers(model: Model) -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    (prediction,) = model.predict_many([ramp(40)], clock=lambda: noon)

    assert prediction.predicted_at == "2026-03-01T12:00:00+00:00"


def test_another_operating_point_decides_otherwise(model: Model) -> None:
    (cautious,) = model.predict(ramp(100))
    (eager,) = model.predict(ramp(100), operating_point="eager")

    assert cautious.scores[0].decision is Decision.NEGATIVE
    assert eager.scores[0].decision is Decision.POSITIVE
    assert eager.scores[0].probability == cautious.scores[0].probability


def test_a_caller_who_stops_early_leaves_no_work_behind(model: Model, tmp_path: Path) -> None:
    predictions = model.predict_many(images(tmp_path, 40))
    first = next(predictions)
    assert isinstance(predictions, Generator)
    predictions.close()
    names = [thread.name for thread in threading.enumerate()]

    assert first.status is Status.OK
    assert not any(name.startswith("edgefair") for name in names)


def test_no_source_gives_no_prediction(model: Model) -> None:
    assert model.predict([]) == []


def test_a_model_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(BundleNotFound) as refused:
        load("no-such-model")

    assert "phantom-" in refused.value.hint


def test_bytes_that_are_no_image_are_a_prediction_that_says_so(model: Model) -> None:
    (prediction,) = model.predict(io.BytesIO(b"plain text, no image").getvalue())

    assert prediction.status is Status.NOT_AN_IMAGE


def test_what_ran_is_told_with_every_prediction_read_or_refused(
    model: Model, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    found = model.predict([ramp(40), broken])

    assert [p.status for p in found] == [Status.OK, Status.NOT_AN_IMAGE]
    assert {p.engine for p in found} == {model.engine} == {"fp32"}
