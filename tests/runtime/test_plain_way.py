"""The fast way against the plain one, on real radiographs: the same decisions, nearly the same p.

The plain way is pydicom's own pixel values, `apply_voi_lut` and one resize of the full image.
"""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.data import get_testdata_file

from edgefair.bundle.archive import read_bundle
from edgefair.bundle.shelf import find_bundle
from edgefair.runtime.images import Limits, read_frames
from edgefair.runtime.preprocess import prepare
from edgefair.runtime.scores import calibrate, decide, operating_points
from edgefair.runtime.session import Session
from tests.benchmarks.ways import plain_pixels

FILES = (
    "RG1_UNCI.dcm",  # the one chest radiograph, uncompressed and as JPEG 2000
    "RG1_UNCR.dcm",
    "RG1_J2KI.dcm",
    "RG1_J2KR.dcm",
    "RG3_UNCI.dcm",  # other radiographs and slices: the model is not made for them, but sees
    "RG3_UNCR.dcm",
    "RG3_J2KI.dcm",
    "RG3_J2KR.dcm",
    "693_UNCR.dcm",
    "693_J2KR.dcm",
    "CT_small.dcm",
    "MR-SIEMENS-DICOM-WithOverlays.dcm",
    "vlut_04.dcm",
    "mlut_18.dcm",
    "image_dfl.dcm",
    "bad_sequence.dcm",
    "JPEG2000.dcm",
    "J2K_pixelrep_mismatch.dcm",
)


@pytest.mark.parametrize("name", FILES)
def test_speed_changes_no_decision_and_no_probability_by_more_than_a_hundredth(name: str) -> None:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str), name
    bundle = read_bundle(find_bundle("chest-xray"))
    contract, session = bundle.manifest.contract, Session(bundle, threads=1)
    (point,) = operating_points(bundle.manifest, None)
    side_px = contract.input.height_px
    (image,) = read_frames(Path(path), name=name, min_side_px=side_px, limits=Limits())

    def probability(pixels: NDArray[np.float32]) -> float:
        outputs = session.run(prepare(pixels, contract)[np.newaxis])
        return float(calibrate(outputs.logits, bundle.manifest)[0, 0])

    plainly, quickly = probability(plain_pixels(Path(path))), probability(image.pixels)

    assert quickly == pytest.approx(plainly, abs=0.01)
    assert decide(quickly, point)[0] is decide(plainly, point)[0]
