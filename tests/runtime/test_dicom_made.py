"""DICOM files made for one question each: windows, tables, packing, offsets, limits, tricks."""

import struct
import subprocess
import sys
import warnings
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as PillowImage
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from edgefair.errors import (
    DecompressionBomb,
    InputError,
    NotAnImage,
    TooSmall,
    TruncatedImage,
    UnreadableImage,
    WrongBodyPart,
    WrongModality,
)
from edgefair.records import Image
from edgefair.runtime.images import ImageKind, Limits, read_frames, sniff

SMALL = Limits(min_side_px=1)
RAMP = np.add.outer(np.arange(64) * 40, np.arange(64) * 20).astype(np.uint16)
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def dataset(pixels: NDArray[Any] = RAMP, /, **elements: Any) -> Dataset:
    """Return an image of 12 bits, with elements by keyword on top; None takes one away."""
    made = Dataset()
    made.SOPClassUID = SECONDARY_CAPTURE
    made.SOPInstanceUID = "1.2.3"
    made.SamplesPerPixel = 1
    made.PhotometricInterpretation = "MONOCHROME2"
    made.Rows, made.Columns = pixels.shape[-2:]
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
    made.PixelRepresentation = 0
    made.PixelData = pixels.astype("<u2").tobytes()
    for keyword, value in elements.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return made


def encoded(made: Dataset, syntax: UID = ExplicitVRLittleEndian) -> bytes:
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made["PixelData"].VR = "OB" if syntax.is_compressed else "OW"
    stream = BytesIO()
    made.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def read(data: bytes, *, limits: Limits = SMALL, frame: int | None = None) -> list[Image]:
    return list(read_frames(data, name="x.dcm", min_side_px=1000, limits=limits, frame=frame))


def shown(made: Dataset, syntax: UID = ExplicitVRLittleEndian) -> NDArray[np.float32]:
    (image,) = read(encoded(made, syntax))
    return image.pixels


def test_a_linear_window_is_applied_as_the_standard_words_it() -> None:
    # PS3.3, C.11.2.1.2.1: centre 2048, width 1001 reaches from 1547.5 to 2547.5.
    expected = np.clip((RAMP.astype(float) - 1547.5) / 1000, 0, 1)

    np.testing.assert_allclose(
        shown(dataset(WindowCenter=2048, WindowWidth=1001)), expected, atol=1e-4
    )


def test_an_exact_window_is_not_narrowed() -> None:
    made = dataset(WindowCenter=2048, WindowWidth=1000, VOILUTFunction="LINEAR_EXACT")

    np.testing.assert_allclose(
        shown(made), np.clip((RAMP.astype(float) - 1548) / 1000, 0, 1), atol=1e-4
    )


def test_a_sigmoid_window_bends() -> None:
    made = dataset(WindowCenter=2048, WindowWidth=1000, VOILUTFunction="SIGMOID")

    np.testing.assert_allclose(
        shown(made), 1 / (1 + np.exp(-4 * (RAMP.astype(float) - 2048) / 1000)), atol=1e-4
    )


def test_of_several_windows_the_first_counts() -> None:
    several = dataset(WindowCenter=[2048, 100], WindowWidth=[1001, 50])

    np.testing.assert_array_equal(
        shown(several), shown(dataset(WindowCenter=2048, WindowWidth=1001))
    )


@pytest.mark.parametrize("width", [0, -5, "nonsense"])
def test_a_window_that_cannot_be_is_as_good_as_none(width: Any) -> None:
    made = dataset(WindowCenter=2048)
    made.add_new("WindowWidth", "LO", str(width))

    np.testing.assert_array_equal(shown(made), shown(dataset()))


def test_monochrome1_and_an_inverse_presentation_are_inverted() -> None:
    window: dict[str, Any] = {"WindowCenter": 2048, "WindowWidth": 3000}
    plain = shown(dataset(**window))

    inversions: list[dict[str, Any]] = [
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"PresentationLUTShape": "INVERSE"},
        {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
    ]
    for inverse in inversions:
        np.testing.assert_allclose(shown(dataset(**window, **inverse)), 1 - plain, atol=1e-6)


def test_the_window_counts_in_rescaled_values() -> None:
    rescaled = dataset(RescaleSlope=0.5, RescaleIntercept=-1024, WindowCenter=0, WindowWidth=501)
    value = RAMP * 0.5 - 1024

    np.testing.assert_allclose(shown(rescaled), np.clip((value + 250.5) / 500, 0, 1), atol=1e-4)


def test_a_negative_slope_inverts() -> None:
    np.testing.assert_allclose(
        shown(dataset(RescaleSlope=-1, RescaleIntercept=4095)), 1 - shown(dataset()), atol=1e-5
    )


def lut_item(entries: NDArray[Any], first: int, bits: int) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, bits])
    item.add_new("LUTData", "US", [int(entry) for entry in entries])
    return item


def test_a_voi_lut_wins_over_a_window() -> None:
    entries = np.linspace(0, 255, 2000).round() // 1
    made = dataset(VOILUTSequence=[lut_item(entries, 500, 8)], WindowCenter=10, WindowWidth=10)
    expected = entries[np.clip(RAMP.astype(int) - 500, 0, 1999)] / 255

    np.testing.assert_allclose(shown(made), expected, atol=1e-5)


def test_a_window_counts_in_the_output_of_a_modality_lut() -> None:
    entries = np.arange(4096)[::-1]
    made = dataset(
        ModalityLUTSequence=[lut_item(entries, 0, 12)], WindowCenter=2048, WindowWidth=1001
    )
    made.ModalityLUTSequence[0].ModalityLUTType = "US"

    np.testing.assert_allclose(
        shown(made), np.clip((entries[RAMP] - 1547.5) / 1000, 0, 1), atol=1e-5
    )


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEGLSLossless,
        JPEG2000Lossless,
    ],
)
@pytest.mark.parametrize("signed", [False, True])
def test_every_syntax_shows_the_same(syntax: UID, signed: bool) -> None:
    values = RAMP.astype(np.int16) - 1500 * signed
    made = dataset(
        PixelData=(values.astype(int) & 0xFFFF).astype("<u2").tobytes(),
        PixelRepresentation=int(signed),
        BitsStored=16 if signed else 12,
        HighBit=15 if signed else 11,
        WindowCenter=1800 - 1500 * signed,
        WindowWidth=3001,
    )
    expected = np.clip((RAMP.astype(float) - 299.5) / 3000, 0, 1)
    if syntax.is_compressed and syntax != DeflatedExplicitVRLittleEndian:
        made.file_meta = FileMetaDataset()
        made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        made["PixelData"].VR = "OW"
        made.compress(syntax)

    np.testing.assert_allclose(shown(made, syntax), expected, atol=1e-4)


def test_big_endian_words_are_turned() -> None:
    made = dataset(WindowCenter=2048, WindowWidth=3001)
    expected = shown(made)
    made.PixelData = RAMP.astype(">u2").tobytes()

    np.testing.assert_array_equal(shown(made, ExplicitVRBigEndian), expected)


@pytest.mark.parametrize("planar", [0, 1])
def test_colours_lie_by_pixel_or_by_plane(planar: int) -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = np.moveaxis(rgb, 2, 0) if planar else rgb
    made = dataset(
        SamplesPerPixel=3,
        PhotometricInterpretation="RGB",
        PlanarConfiguration=planar,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelData=data.tobytes(),
    )

    np.testing.assert_allclose(
        shown(made), rgb @ np.array([0.299, 0.587, 0.114]) / 255, atol=0.6 / 255
    )


def many_frames(offsets: str) -> bytes:
    """Return three RLE frames, found by one kind of offset table or by none."""
    values = np.stack([RAMP, RAMP.T, np.ascontiguousarray(RAMP[::-1])])
    made = dataset(values, NumberOfFrames=3, WindowCenter=2048, WindowWidth=4096)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made["PixelData"].VR = "OW"
    made.compress(RLELossless)
    from pydicom.encaps import generate_frames

    frames = list(generate_frames(made.PixelData, number_of_frames=3))
    if offsets == "extended":
        made.PixelData, made.ExtendedOffsetTable, made.ExtendedOffsetTableLengths = (
            encapsulate_extended(frames)
        )
    else:
        made.PixelData = encapsulate(frames, has_bot=offsets == "basic")
    return encoded(made, RLELossless)


@pytest.mark.parametrize("offsets", ["none", "basic", "extended"])
def test_frames_are_found_by_any_offset_table(offsets: str) -> None:
    first, second, third = read(many_frames(offsets))

    np.testing.assert_allclose(first.pixels, second.pixels.T, atol=0.01)
    np.testing.assert_array_equal(first.pixels, third.pixels[::-1])
    (alone,) = read(many_frames(offsets), frame=1)
    np.testing.assert_array_equal(alone.pixels, second.pixels)


def test_a_frame_of_its_own_functional_group_has_its_own_window() -> None:
    groups = []
    for centre in (1000, 3000):
        group, window = Dataset(), Dataset()
        window.WindowCenter, window.WindowWidth = centre, 1001
        group.FrameVOILUTSequence = [window]
        groups.append(group)
    made = dataset(
        np.stack([RAMP, RAMP]), NumberOfFrames=2, PerFrameFunctionalGroupsSequence=groups
    )

    first, second = read(encoded(made))

    for image, centre in ((first, 1000), (second, 3000)):
        expected = np.clip((RAMP.astype(float) - (centre - 500.5)) / 1000, 0, 1)
        np.testing.assert_allclose(image.pixels, expected, atol=1e-4)


def test_a_frame_that_is_not_there_is_refused() -> None:
    with pytest.raises(UnreadableImage, match=r"3 frame\(s\); frame 3 was asked"):
        read(many_frames("none"), frame=3)


def test_a_file_without_preamble_is_read() -> None:
    data = encoded(dataset())

    assert sniff(data[132:][:256]) is ImageKind.DICOM
    np.testing.assert_array_equal(read(data[132:])[0].pixels, read(data)[0].pixels)


@pytest.mark.parametrize("magic", [b"MZ", b"\x7fELF", b"#!/bin/sh\n", b"\xcf\xfa\xed\xfe"])
def test_a_preamble_that_begins_like_a_program_is_refused(magic: bytes) -> None:
    data = encoded(dataset())

    with pytest.raises(UnreadableImage, match="begins like a program"):
        read(magic + data[len(magic) :])


def test_a_preamble_that_begins_like_a_tiff_is_a_dual_file_and_read() -> None:
    assert read(b"II*\0" + encoded(dataset())[4:])[0].pixels.shape == (64, 64)


def test_only_the_modality_and_body_part_of_the_model_are_read() -> None:
    data = encoded(dataset(Modality="MR", BodyPartExamined="HEAD"))

    with pytest.raises(WrongModality, match=r"x\.dcm is a MR image; the model reads CR or DX"):
        read(data, limits=Limits(min_side_px=1, modalities=("CR", "DX")))
    with pytest.raises(WrongBodyPart, match=r"x\.dcm shows HEAD; the model reads CHEST"):
        read(data, limits=Limits(min_side_px=1, modalities=("MR",), body_parts=("CHEST",)))


def test_what_a_file_does_not_say_is_not_held_against_it() -> None:
    limits = Limits(min_side_px=1, modalities=("CR",), body_parts=("CHEST",))

    (image,) = read(encoded(dataset()), limits=limits)

    assert (image.modality, image.body_part) == (None, None)


def test_too_small_is_told_before_decoding() -> None:
    with pytest.raises(TooSmall, match="64 x 64"):
        read(encoded(dataset(PixelData=b"")), limits=Limits(min_side_px=65))


@pytest.mark.parametrize(
    ("elements", "error"),
    [
        ({"Rows": 65535, "Columns": 65535}, DecompressionBomb),
        ({"NumberOfFrames": 2_000_000_000}, TruncatedImage),
        ({"PixelData": RAMP.tobytes()[:-2]}, TruncatedImage),
        ({"PixelData": None}, TruncatedImage),
        ({"Rows": None, "PixelData": None}, NotAnImage),
        ({"BitsStored": 17}, UnreadableImage),
        ({"BitsAllocated": 12}, UnreadableImage),
        ({"PhotometricInterpretation": "ARGB"}, UnreadableImage),
        ({"SamplesPerPixel": 4}, UnreadableImage),
        ({"Columns": None}, UnreadableImage),
    ],
)
def test_a_header_that_cannot_be_is_refused(
    elements: dict[str, Any], error: type[InputError]
) -> None:
    made = dataset(**elements)
    if "Rows" in elements and elements["Rows"] is None:
        made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    if "PixelData" not in made:
        made.add_new("PatientComments", "LT", "no pixels")
    stream = BytesIO()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    if "PixelData" in made:
        made["PixelData"].VR = "OW"
    made.save_as(stream, enforce_file_format=True)

    with pytest.raises(error, match=r"x\.dcm") as caught:
        read(stream.getvalue())

    assert type(caught.value) is error
    assert caught.value.hint


def test_an_inflation_bomb_is_stopped() -> None:
    data = encoded(dataset(), DeflatedExplicitVRLittleEndian)
    start = 132 + 12 + struct.unpack_from("<I", data, 140)[0]
    squeezer = zlib.compressobj(9, wbits=-15)
    bomb = squeezer.compress(bytes(400_000_000)) + squeezer.flush()

    with pytest.raises(DecompressionBomb, match="inflates to more than"):
        read(data[:start] + bomb)


def test_a_stream_larger_than_its_header_is_not_decoded() -> None:
    made = dataset(np.zeros((640, 640)) + np.arange(640))
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made["PixelData"].VR = "OW"
    made.compress(JPEG2000Lossless)
    made.Rows = made.Columns = 64

    with pytest.raises(UnreadableImage, match="640 x 640 pixels, 1 component"):
        read(encoded(made, JPEG2000Lossless))


def test_a_syntax_without_decoder_is_named() -> None:
    made = dataset(PixelData=encapsulate([b"\0" * 10]))

    with pytest.raises(UnreadableImage, match="compressed as MPEG-4"):
        read(encoded(made, UID("1.2.840.10008.1.2.4.102")))


IMPORTS = """
import sys
from pathlib import Path
from edgefair.runtime.images import Limits, read_frames
assert not {"pydicom", "PIL"} & set(sys.modules)
next(read_frames(Path(sys.argv[1]), name="x", min_side_px=8, limits=Limits(min_side_px=1)))
watched = {"PIL", "gdcm", "_CharLS", "pydicom", "sklearn", "scipy", "pandas", "onnxruntime"}
print(*sorted(watched & {name.partition(".")[0] for name in sys.modules}))
"""


def imported_for(path: Path) -> str:
    command = [sys.executable, "-c", IMPORTS, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_png_needs_pillow_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    PillowImage.fromarray(RAMP).save(path)

    assert imported_for(path) == "PIL"


@pytest.mark.parametrize(
    ("syntax", "wanted"),
    [(ExplicitVRLittleEndian, ""), (ImplicitVRLittleEndian, "PIL _CharLS gdcm pydicom")],
)
def test_a_dicom_file_needs_pydicom_only_where_its_header_is_not_plain(
    tmp_path: Path, syntax: UID, wanted: str
) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(encoded(dataset(), syntax))

    assert imported_for(path) == wanted


@pytest.mark.parametrize("name", ["reading", "display"])
def test_a_malformed_header_warns_nobody(name: str, recwarn: pytest.WarningsRecorder) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = dataset()
        made.add_new("PatientAge" if name == "reading" else "RescaleSlope", "LO", "?" * 70)
        data = encoded(made)

    read(data)

    assert not recwarn.list
