"""The images: the same from the same seed, alone or in a row; a plant moves only its own."""

import multiprocessing
import tracemalloc
from hashlib import sha256

import cv2
import numpy as np
import pytest

from edgefair.phantom.acquisition import FULL_SCALE
from edgefair.phantom.clinic import Clinic, Phantom, Plant
from edgefair.phantom.generate import phantom, phantoms
from edgefair.records import UNKNOWN


def digest(image: Phantom) -> str:
    return sha256(image.pixels.tobytes()).hexdigest()


def digest_in_a_new_process(seed: int, index: int) -> str:
    return digest(phantom(Clinic(seed=seed, count=index + 1, size_px=64), index))


def test_the_same_seed_makes_the_same_images() -> None:
    clinic = Clinic(seed=9, count=12, size_px=96)

    assert list(map(digest, phantoms(clinic))) == list(map(digest, phantoms(clinic)))


def test_another_seed_makes_other_images() -> None:
    first, second = (phantom(Clinic(seed=seed, count=1, size_px=64), 0) for seed in (1, 2))

    assert digest(first) != digest(second)


def test_an_image_depends_on_neither_the_count_nor_the_process() -> None:
    in_a_row = list(map(digest, phantoms(Clinic(seed=4, count=6, size_px=64))))
    alone = digest(phantom(Clinic(seed=4, count=1000, size_px=64), 5))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        elsewhere = pool.apply(digest_in_a_new_process, (4, 5))

    assert alone == elsewhere == in_a_row[5]


def test_a_plant_leaves_every_other_image_as_it_was() -> None:
    plant = Plant(attribute="sex", value="F", fraction=0.6)
    fair = list(phantoms(Clinic(seed=6, count=80, size_px=64)))
    unfair = list(phantoms(Clinic(seed=6, count=80, size_px=64, plant=plant)))
    changed = [
        after
        for before, after in zip(fair, unfair, strict=True)
        if digest(before) != digest(after)
    ]

    assert changed
    assert [image.index for image in changed] == [i.index for i in unfair if i.is_planted]
    assert all(image.finding and image.subject.sex in ("F", UNKNOWN) for image in changed)
    assert [i.finding for i in fair] == [i.finding for i in unfair]
    assert [i.subject for i in fair] == [i.subject for i in unfair]


def test_the_finding_lies_in_the_image_and_is_brighter_with_contrast() -> None:
    none, faint, plain = (
        phantom(Clinic(seed=2, count=1, prevalence=1.0, contrast=contrast), 0)
        for contrast in (0.0, 0.1, 0.6)
    )
    added_faint, added_plain = (
        cv2.GaussianBlur(with_it.pixels.astype(np.float32) - none.pixels, (0, 0), 4)
        for with_it in (faint, plain)
    )

    assert added_plain.max() > 3 * added_faint.max() > 0
    assert np.mean(added_plain > added_plain.max() / 4) < 0.15


@pytest.mark.parametrize("size_px", [64, 128, 256, 300, 1024])
def test_pixels_have_twelve_bits_and_the_size_asked_for(size_px: int) -> None:
    image = phantom(Clinic(seed=1, count=1, size_px=size_px), 0)

    assert image.pixels.shape == (size_px, size_px)
    assert image.pixels.dtype == np.uint16
    assert image.pixels.max() <= FULL_SCALE
    assert np.std(image.pixels) > 200


def test_a_large_image_reduced_looks_like_the_small_one() -> None:
    small, large = (
        phantom(Clinic(seed=8, count=1, size_px=size_px), 0).pixels.astype(np.float32)
        for size_px in (128, 1024)
    )
    reduced = cv2.resize(large, (128, 128), interpolation=cv2.INTER_AREA)
    inner = np.s_[12:-12, 12:-12]

    assert np.corrcoef(small[inner].ravel(), reduced[inner].ravel())[0, 1] > 0.98
    assert np.std(small[inner] - reduced[inner]) < 120


def test_what_nobody_recorded_is_absent_from_the_subject() -> None:
    images = list(phantoms(Clinic(seed=1, count=5, size_px=64, missing_rate=1.0)))

    assert all(image.subject.sex == UNKNOWN for image in images)
    assert all(image.subject.age_years is None for image in images)


def test_an_index_outside_the_clinic_is_an_error() -> None:
    with pytest.raises(IndexError, match=r"\[0, 3\)"):
        phantom(Clinic(seed=1, count=3), 3)


def test_memory_does_not_grow_with_the_number_of_images() -> None:
    stream = phantoms(Clinic(seed=1, count=300, size_px=64))
    for _ in range(20):
        next(stream)
    tracemalloc.start()
    try:
        for _ in range(20):
            next(stream)
        _, early_peak = tracemalloc.get_traced_memory()
        for _ in stream:
            pass
        _, late_peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert late_peak < early_peak + 1_000_000
