"""Every DICOM file with pixels that pydicom and pydicom-data carry, against pydicom's own values.

The oracle decodes with whatever pydicom finds (GDCM, CharLS, OpenJPEG, Pillow) and displays in
float64 at full resolution, as the standard words it.
"""

import logging
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.pixels.utils import pixel_array

from edgefair.errors import BlankImage, NotAnImage, TruncatedImage, UnreadableImage
from edgefair.records import Attribute, Image
from edgefair.runtime.dicom_codecs import decoder_of
from edgefair.runtime.dicom_header import read_header
from edgefair.runtime.dicom_layout import encoded_frame
from edgefair.runtime.images import Limits, read_frames
from tests.runtime.sequential_jpeg import decode_jpeg

SMALL = Limits(min_side_px=1)
FULL_SIZE = 100_000


def data_file(name: str) -> Path:
    """Return a file that is on this disk: nothing is ever downloaded."""
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str), name
    return Path(path)


def folders() -> list[Path]:
    return [data_file("CT_small.dcm").parent, data_file("RG1_UNCI.dcm").parent]


REFUSED: dict[str, tuple[type[Exception], str]] = {
    "JPEG2000-embedded-sequence-delimiter.dcm": (UnreadableImage, "its codestream is overwritten"),
    "MR_truncated.dcm": (TruncatedImage, "cut on purpose"),
    "badVR.dcm": (UnreadableImage, "its Number of Frames is '1A'"),
    "meta_missing_tsyntax.dcm": (UnreadableImage, "no Rows"),
    "nested_priv_SQ.dcm": (UnreadableImage, "no Rows"),
}
WITHOUT_ORACLE = {
    "JPEG-lossy.dcm": "pydicom has no decoder for 12-bit JPEG Extended without a GPL plug-in",
    "JPGExtended.dcm": "the same file under another name",
    "OT-PAL-8-face.dcm": "pydicom decodes none without a transfer syntax",
    "OBXXXX1A_expb.dcm": "pydicom reads a big-endian palette as little-endian",
    "OBXXXX1A_expb_2frame.dcm": "pydicom reads a big-endian palette as little-endian",
    "emri_small_jpeg_2k_lossless_too_short.dcm": "pydicom stops before its pixels",
}
DIRECTORY = "dicomdirtests"


def pixel_files() -> list[Path]:
    """Return the files whose header promises pixels."""
    files = sorted(path for folder in folders() for path in folder.glob("*.dcm"))
    return [path for path in files if path.name not in REFUSED and _has_pixels(path)]


def _has_pixels(path: Path) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, force=True, specific_tags=["PixelData", "FloatPixelData"])
    return "PixelData" in dataset


def all_frames(path: Path, *, min_side_px: int = FULL_SIZE) -> list[Image]:
    return list(read_frames(path, name=path.name, min_side_px=min_side_px, limits=SMALL))


def oracle(path: Path) -> NDArray[np.float64]:
    """Return the display intensities of the first frame, worked out by pydicom."""
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, force=True)
        photometric = dataset.PhotometricInterpretation
        is_ybr = photometric in {"YBR_FULL", "YBR_FULL_422"}
        array = pixel_array(dataset, index=0, raw=is_ybr)
        if photometric == "PALETTE COLOR":
            colours = apply_color_lut(array, dataset)
            grey: NDArray[np.float64] = colours[..., :3] @ [0.299, 0.587, 0.114]
            return np.asarray(grey / np.iinfo(colours.dtype).max, np.float64)
        if array.ndim == 3:
            highest = 2**dataset.BitsStored - 1
            grey = array[..., 0] if is_ybr else array @ [0.299, 0.587, 0.114]
            return np.asarray(grey / highest, np.float64)
        shown = _grey(array, dataset)
    return 1 - shown if photometric == "MONOCHROME1" else shown


def _grey(array: NDArray[Any], dataset: Dataset) -> NDArray[np.float64]:
    shared = dataset.get("SharedFunctionalGroupsSequence")
    for keyword in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
        if shared and keyword in shared[0]:
            dataset.update(shared[0][keyword][0])
    values = apply_voi_lut(apply_modality_lut(array, dataset), dataset).astype(float)
    if "VOILUTSequence" in dataset:
        highest = 2 ** dataset.VOILUTSequence[0].LUTDescriptor[2] - 1
        return np.asarray(values / max(highest, values.max()), np.float64)
    lowest = -(2 ** (dataset.BitsStored - 1)) if dataset.PixelRepresentation else 0
    ends = np.array([lowest, lowest + 2**dataset.BitsStored - 1])
    if "WindowWidth" in dataset:
        low, high = ends * float(dataset.get("RescaleSlope", 1)) + float(
            dataset.get("RescaleIntercept", 0)
        )
    elif "ModalityLUTSequence" in dataset:
        low, high = 0, 2 ** dataset.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    elif dataset.BitsStored <= 8:
        low, high = ends
    else:
        sample = values if values.size < 512 * 512 else values[::4, ::4]
        low, high = np.percentile(sample, (0.5, 99.5))
        if low == high:
            low, high = values.min(), values.max()
    shown: NDArray[np.float64] = np.clip((values - low) / (high - low), 0, 1)
    return shown


@pytest.mark.parametrize("path", pixel_files(), ids=lambda path: path.name)
def test_a_file_is_shown_as_pydicom_shows_it(path: Path) -> None:
    images = all_frames(path)

    assert images[0].pixels.dtype == np.float32
    assert [image.frame for image in images] == list(range(len(images)))
    if path.name not in WITHOUT_ORACLE:
        # Luminance of 8-bit colours is rounded to their levels.
        np.testing.assert_allclose(images[0].pixels, oracle(path), atol=0.5 / 255 + 1e-4)


@pytest.mark.parametrize(("name", "error"), [(name, e) for name, (e, _) in REFUSED.items()])
def test_a_file_that_nobody_can_show_is_refused(name: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=name.replace("+", r"\+")):
        all_frames(data_file(name))


def test_files_without_pixels_are_no_images() -> None:
    for name in ("reportsi.dcm", "rtplan.dcm", "rtstruct.dcm", "test-SR.dcm", "waveform_ecg.dcm"):
        with pytest.raises(NotAnImage, match="DICOM file without an image"):
            all_frames(data_file(name))


def test_a_dicomdir_is_no_image() -> None:
    path = folders()[0] / DIRECTORY / "DICOMDIR"

    with pytest.raises(NotAnImage, match="DICOMDIR, a list of files"):
        all_frames(path)


def test_one_shade_throughout_is_blank() -> None:
    path = next((folders()[0] / DIRECTORY).rglob("17166"))

    with pytest.raises(BlankImage):
        all_frames(path)


@pytest.mark.parametrize("big", ["OBXXXX1A_expb.dcm", "OBXXXX1A_expb_2frame.dcm"])
def test_a_big_endian_palette_shows_what_its_little_endian_twin_shows(big: str) -> None:
    twins = all_frames(data_file(big.replace("_expb", "")))

    for image, twin in zip(all_frames(data_file(big)), twins, strict=True):
        np.testing.assert_array_equal(image.pixels, twin.pixels)


def test_jpeg_extended_of_12_bits_shows_what_its_lossless_twin_shows() -> None:
    (lossy,), (lossless,) = (
        all_frames(data_file(name)) for name in ("JPGExtended.dcm", "JPEG-LL.dcm")
    )

    assert np.corrcoef(lossy.pixels.ravel(), lossless.pixels.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("name", ["JPGExtended.dcm", "JPEG-lossy.dcm"])
def test_jpeg_extended_of_12_bits_holds_what_the_standard_says(name: str) -> None:
    data = data_file(name).read_bytes()
    layout = read_header(data, name=name, limits=SMALL, frame=None).layout
    decode, encoded = decoder_of(layout.transfer_syntax), encoded_frame(layout, 0)
    assert decode is not None
    values = decode(encoded, layout, FULL_SIZE).words

    # half a level is rounding; the standard allows a decoder's transform another
    np.testing.assert_allclose(values, np.clip(decode_jpeg(bytes(encoded)), 0, 4095), atol=1)


REDUCED = [
    # A wavelet's low-pass band is no box average: it keeps edges sharper, text most of all.
    ("RG1_J2KI.dcm", 64, 0.010),
    ("RG1_J2KR.dcm", 64, 0.010),
    ("RG3_J2KI.dcm", 64, 0.020),
    ("RG3_J2KR.dcm", 64, 0.020),
    ("US1_J2KR.dcm", 64, 0.025),
    ("RG1_UNCI.dcm", 64, 0.002),
    ("RG3_UNCI.dcm", 64, 0.002),
    ("JPGLosslessP14SV1_1s_1f_8b.dcm", 64, 0.002),
    ("MR_small.dcm", 8, 0.001),
    ("color3d_jpeg_baseline.dcm", 32, 0.002),
    ("examples_palette.dcm", 32, 0.002),
]


@pytest.mark.parametrize(("name", "side_px", "tolerance"), REDUCED)
def test_a_reduced_image_averages_the_full_one(name: str, side_px: int, tolerance: float) -> None:
    full, reduced = (
        next(read_frames(data_file(name), name=name, min_side_px=px, limits=SMALL))
        for px in (FULL_SIZE, side_px)
    )

    small, expected = (
        cv2.resize(image.pixels, (side_px, side_px), interpolation=cv2.INTER_AREA)
        for image in (reduced, full)
    )
    assert reduced.pixels.size < full.pixels.size
    assert min(reduced.pixels.shape) >= side_px
    assert reduced.full_height_px == full.pixels.shape[0]
    assert float(np.abs(small - expected).mean()) < tolerance


def test_only_the_frame_asked_for_is_read() -> None:
    every = all_frames(data_file("emri_small_jpeg_ls_lossless.dcm"))

    (third,) = read_frames(
        data_file("emri_small_jpeg_ls_lossless.dcm"),
        name="third",
        min_side_px=FULL_SIZE,
        limits=SMALL,
        frame=3,
    )

    assert third.frame == 3
    np.testing.assert_array_equal(third.pixels, every[3].pixels)


def test_a_chest_radiograph_brings_its_patient_along() -> None:
    (image,) = all_frames(data_file("RG1_UNCI.dcm"), min_side_px=224)

    assert (image.modality, image.body_part) == ("CR", "CHEST")
    assert (image.subject.patient_id, image.subject.sex) == ("9RG1", "F")
    assert image.subject.age_years == pytest.approx(64.5, abs=0.1)
    assert Attribute(name="view", value="PA") in image.subject.attributes
