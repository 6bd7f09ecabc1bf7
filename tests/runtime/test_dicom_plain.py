"""Headers read without pydicom: either what pydicom reads, or nothing."""

import random
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from edgefair.errors import InputError
from edgefair.runtime.dicom_by_pydicom import PYDICOM_FAULTS, open_by_pydicom
from edgefair.runtime.dicom_header import DicomHeader, read_opening
from edgefair.runtime.dicom_opening import Opening
from edgefair.runtime.dicom_plain import open_plainly
from edgefair.runtime.faults import blamed_on_the_file, quiet
from edgefair.runtime.limits import Limits

LIMITS = Limits(min_side_px=1)
ELEMENTS: dict[str, Any] = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1",
    "SOPInstanceUID": "1.2.3",
    "StudyDate": "20240229",
    "Modality": "CR",
    "PatientID": "A 1",
    "PatientSex": "F",
    "PatientAge": "041Y",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME1",
    "Rows": 3,
    "Columns": 5,
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
    "WindowCenter": ["600.5", "40"],
    "WindowWidth": ["1200", "80"],
    "RescaleIntercept": "-2",
    "RescaleSlope": "1",
    "PixelData": bytes(30),
}


def made(syntax: UID = ExplicitVRLittleEndian, /, **elements: Any) -> bytes:
    """Return a small file, with elements by keyword on top; None takes one away."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    for keyword, value in (ELEMENTS | elements).items():
        if value is not None:
            setattr(dataset, keyword, value)
    dataset["PixelData"].VR = "OW"
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def plainly(data: bytes) -> Opening | None:
    return open_plainly(data, data, len(data))


def told(data: bytes, opening: Opening | None = None) -> DicomHeader | str:
    """Return what the file says, or why it is refused; by pydicom unless it is open already."""
    try:
        with blamed_on_the_file("x", *PYDICOM_FAULTS), quiet():
            opening = opening or open_by_pydicom(data, "x")
            return read_opening(opening, name="x", limits=LIMITS, frame=None)
    except InputError as error:
        return f"{type(error).__name__}: {error}"


def is_the_same(plain: DicomHeader | str, full: DicomHeader | str) -> bool:
    """Compare by representation: displays may hold tables, which numpy does not compare."""
    return repr(plain) == repr(full)


def real_files() -> list[Path]:
    folders = {
        Path(str(get_testdata_file(name, download=False))).parent
        for name in ("CT_small.dcm", "RG1_UNCI.dcm")
    }
    return sorted(path for folder in folders for path in folder.glob("*.dcm"))


def test_a_plain_header_says_what_pydicom_reads() -> None:
    opening = plainly(made())

    assert opening is not None
    assert is_the_same(told(made(), opening), told(made()))


def test_real_files_say_the_same_with_and_without_pydicom() -> None:
    plain = 0
    for path in real_files():
        data = path.read_bytes()
        if (opening := plainly(data)) is not None:
            plain += 1
            assert is_the_same(told(data, opening), told(data)), path.name

    assert plain > 60


def test_damaged_headers_say_the_same_with_and_without_pydicom() -> None:
    chance = random.Random(5)
    sound, plain = made(WindowCenter="1e3").replace(b"041Y", b"41  "), 0
    for _ in range(1500):
        damaged = bytearray(sound)
        for _ in range(chance.choice((1, 2))):
            damaged[chance.randrange(128, len(sound) - 30)] = chance.choice(
                (0, 1, 32, 48, 92, 255, chance.randrange(256))
            )
        data = bytes(damaged)
        if (opening := plainly(data)) is not None:
            plain += 1
            assert is_the_same(told(data, opening), told(data)), data

    assert plain > 300


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_another_encoding_is_left_to_pydicom(syntax: UID) -> None:
    assert plainly(made(syntax)) is None


@pytest.mark.parametrize(
    "elements",
    [
        {"PatientID": "Ж1", "SpecificCharacterSet": "ISO_IR 192"},
        {"PhotometricInterpretation": "PALETTE COLOR"},
        {"VOILUTSequence": [Dataset()]},
        {"PatientAge": None, "Rows": [3, 3]},
    ],
)
def test_what_is_out_of_the_ordinary_is_left_to_pydicom(elements: dict[str, Any]) -> None:
    assert plainly(made(**elements)) is None


def test_a_header_that_does_not_end_is_left_to_pydicom() -> None:
    data = made()
    header = plainly(data)

    assert header is not None
    for end in range(0, header.start, 7):
        assert plainly(data[:end]) is None
