"""The DICOM form: tags as real devices write them, the same picture as the PNG."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.pixels.processing import apply_voi_lut

from edgefair.phantom.clinic import Clinic, Phantom
from edgefair.phantom.dicom import to_dicom
from edgefair.phantom.folder import to_grey8
from edgefair.phantom.generate import phantom, phantoms
from edgefair.records import UNKNOWN

COUNT = 60


@pytest.fixture(scope="module")
def made() -> list[tuple[Phantom, pydicom.Dataset]]:
    """Phantoms, each with the data set read back from its file's bytes."""
    return [
        (image, written_and_read(image))
        for image in phantoms(Clinic(seed=21, count=COUNT, size_px=64, missing_rate=0.2))
    ]


def written_and_read(image: Phantom, seed: int = 21) -> pydicom.Dataset:
    file = BytesIO()
    to_dicom(image, seed=seed).save_as(file, enforce_file_format=True)
    file.seek(0)
    return pydicom.dcmread(file)


def test_the_picture_shown_is_that_of_the_png(
    made: list[tuple[Phantom, pydicom.Dataset]],
) -> None:
    assert {dataset.PhotometricInterpretation for _, dataset in made} == {
        "MONOCHROME1",
        "MONOCHROME2",
    }
    for image, dataset in made:
        # pydicom spreads the window over the range of the stored bits
        shown = apply_voi_lut(dataset.pixel_array, dataset) / 4095
        if dataset.PhotometricInterpretation == "MONOCHROME1":
            shown = 1 - shown
        assert np.max(np.abs(shown - to_grey8(image) / 255)) <= 0.51 / 255


def test_pixels_are_twelve_bits_in_sixteen(made: list[tuple[Phantom, pydicom.Dataset]]) -> None:
    for _, dataset in made:
        bits = (dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit)
        assert bits == (16, 12, 11)
        assert dataset.pixel_array.dtype == np.uint16
        assert dataset.pixel_array.shape == (64, 64)


def test_demographics_are_in_the_tags_or_absent(
    made: list[tuple[Phantom, pydicom.Dataset]],
) -> None:
    for image, dataset in made:
        subject = image.subject
        assert dataset.PatientID == subject.patient_id
        assert dataset.PatientSex == ("" if subject.sex == UNKNOWN else subject.sex)
        if subject.age_years is None:
            assert "PatientAge" not in dataset
            assert dataset.PatientBirthDate == ""
        else:
            assert dataset.PatientBirthDate == image.birth_date.strftime("%Y%m%d")


def test_ages_are_written_in_the_ways_met_in_the_wild() -> None:
    clinic = Clinic(seed=2, count=600, size_px=64, missing_rate=0.0)
    forms = set()
    for index in range(0, clinic.count, 3):
        image = phantom(clinic, index)
        age = to_dicom(image, seed=2).get("PatientAge", "absent")
        forms.add(age.strip("0123456789"))
        if age.endswith("Y"):
            assert int(age[:3]) == int(image.subject.age_years or 0)

    assert forms == {"D", "M", "Y", "", "absent"}


def test_tags_tell_the_acquisition(made: list[tuple[Phantom, pydicom.Dataset]]) -> None:
    for image, dataset in made:
        attributes = {a.name: a.value for a in image.subject.attributes}
        assert dataset.BodyPartExamined == "CHEST"
        assert dataset.ViewPosition == attributes["view"]
        assert dataset.ManufacturerModelName == attributes["device"]
        assert dataset.Modality == {"A": "DX", "B": "CR"}[attributes["device"]]
        assert dataset.SOPClassUID.name.startswith(
            {"A": "Digital X-Ray", "B": "Computed Radiography"}[attributes["device"]]
        )
        assert dataset.StudyDate == image.study_date.strftime("%Y%m%d")


def test_names_are_obviously_invented(made: list[tuple[Phantom, pydicom.Dataset]]) -> None:
    assert all(str(dataset.PatientName).startswith("PHANTOM^0") for _, dataset in made)


def test_uids_are_valid_unique_and_the_same_each_time(
    made: list[tuple[Phantom, pydicom.Dataset]],
) -> None:
    uids = [
        uid
        for _, dataset in made
        for uid in (dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.StudyInstanceUID)
    ]
    image, dataset = made[0]

    assert all(uid.is_valid for uid in uids)
    assert len(set(uids)) == 3 * COUNT
    assert written_and_read(image).SOPInstanceUID == dataset.SOPInstanceUID
    assert written_and_read(image, seed=22).SOPInstanceUID != dataset.SOPInstanceUID
