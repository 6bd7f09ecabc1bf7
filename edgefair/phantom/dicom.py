"""A phantom as a DICOM file: Digital X-Ray from device A, Computed Radiography from device B."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)

from edgefair.phantom.acquisition import DEVICES, FULL_SCALE
from edgefair.records import UNKNOWN

if TYPE_CHECKING:
    from edgefair.phantom.acquisition import Device
    from edgefair.phantom.clinic import Phantom

__all__ = ["to_dicom"]

DETECTOR_SIDE_MM = 430.0
DAYS_PER_YEAR, DAYS_PER_MONTH = 365.25, 30.4375
IN_DAYS_BELOW_YEARS, IN_MONTHS_BELOW_YEARS = 0.25, 2.0


def to_dicom(phantom: Phantom, *, seed: int) -> Dataset:
    """Return the data set, ready for ``save_as(..., enforce_file_format=True)``.

    Of every ten consecutive images one states the age without a unit, as some devices do
    against PS3.5 6.2 (AS), and two state only the birth date.

    Parameters
    ----------
    phantom : Phantom
    seed : int
        The clinic's: the UIDs are derived from it and the image's index.
    """
    device = next(
        device
        for device in DEVICES
        for attribute in phantom.subject.attributes
        if attribute.name == "device" and attribute.value == device.name
    )
    dataset = Dataset()
    _add_identity(dataset, phantom, seed)
    _add_patient(dataset, phantom)
    _add_acquisition(dataset, phantom, device)
    _add_pixels(dataset, phantom, device)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    return dataset


def _add_identity(dataset: Dataset, phantom: Phantom, seed: int) -> None:
    """PS3.3 C.7.2.1 General Study, C.7.3.1 General Series, C.12.1 SOP Common."""
    patient_id = phantom.subject.patient_id or phantom.name
    day = phantom.study_date.strftime("%Y%m%d")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[str(seed), phantom.name, "instance"])
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=[str(seed), phantom.name, "study"])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[str(seed), phantom.name, "series"])
    dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = dataset.AcquisitionDate = day
    dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = "120000"
    dataset.StudyID = f"{phantom.index:06d}"
    dataset.AccessionNumber = f"PH{phantom.index:06d}"
    dataset.ReferringPhysicianName = ""
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    dataset.PatientID = patient_id
    dataset.PatientName = f"PHANTOM^{patient_id.removeprefix('PH')}"


def _add_patient(dataset: Dataset, phantom: Phantom) -> None:
    """PS3.3 C.7.1.1 Patient and C.7.2.2 Patient Study."""
    subject = phantom.subject
    dataset.PatientSex = "" if subject.sex == UNKNOWN else subject.sex
    is_recorded = subject.age_years is not None
    dataset.PatientBirthDate = phantom.birth_date.strftime("%Y%m%d") if is_recorded else ""
    age = None if subject.age_years is None else _age_string(subject.age_years, phantom.index)
    if age is not None:
        element = DataElement(Tag("PatientAge"), "AS", age, validation_mode=config.IGNORE)
        dataset.add(element)


def _age_string(age_years: float, index: int) -> str | None:
    """Age in the largest unit that still says something; without unit or at all for some."""
    last_digit = index % 10
    if last_digit in (1, 2):
        return None
    days = round(age_years * DAYS_PER_YEAR)
    if age_years < IN_DAYS_BELOW_YEARS:
        return f"{days:03d}D"
    if age_years < IN_MONTHS_BELOW_YEARS:
        return f"{int(days / DAYS_PER_MONTH):03d}M"
    return f"{int(age_years)}" if last_digit == 0 else f"{int(age_years):03d}Y"


def _add_acquisition(dataset: Dataset, phantom: Phantom, device: Device) -> None:
    """PS3.3 C.7.5.1 General Equipment, C.8.1.1 CR Series, C.8.11.1 DX Series."""
    view = next(a.value for a in phantom.subject.attributes if a.name == "view")
    dataset.Manufacturer = "edgefair phantom"
    dataset.ManufacturerModelName = device.name
    dataset.BodyPartExamined = "CHEST"
    dataset.ViewPosition = view
    dataset.PatientOrientation = ["L", "F"]
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.BurnedInAnnotation = "YES"
    if device.is_digital:
        dataset.SOPClassUID = DigitalXRayImageStorageForPresentation
        dataset.Modality = "DX"
        dataset.PresentationIntentType = "FOR PRESENTATION"
        dataset.ImageLaterality = "U"
        dataset.DetectorType = "DIRECT"
        dataset.PixelIntensityRelationship = "LOG"
        dataset.PixelIntensityRelationshipSign = -1
    else:
        dataset.SOPClassUID = ComputedRadiographyImageStorage
        dataset.Modality = "CR"


def _add_pixels(dataset: Dataset, phantom: Phantom, device: Device) -> None:
    """PS3.3 C.7.6.3 Image Pixel and C.11.2 VOI LUT, the window given for the stored values."""
    rows, columns = phantom.pixels.shape
    spacing = f"{DETECTOR_SIDE_MM / columns:.5f}"
    stored = FULL_SCALE - phantom.pixels if device.is_inverted else phantom.pixels
    center = (
        FULL_SCALE + 1 - phantom.window_center if device.is_inverted else phantom.window_center
    )
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if device.is_inverted else "MONOCHROME2"
    dataset.PresentationLUTShape = "INVERSE" if device.is_inverted else "IDENTITY"
    dataset.Rows, dataset.Columns = rows, columns
    dataset.ImagerPixelSpacing = [spacing, spacing]
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "US"
    dataset.WindowCenter, dataset.WindowWidth = center, phantom.window_width
    dataset.LossyImageCompression = "00"
    dataset.PixelData = stored.astype(np.dtype("<u2"), copy=False).tobytes()
    dataset["PixelData"].VR = "OW"
