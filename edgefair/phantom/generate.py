"""Phantoms one by one: any image of a clinic can be made alone, in any process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgefair.phantom import skeleton, tissue
from edgefair.phantom.acquisition import DEVICES, expose
from edgefair.phantom.build import draw_build
from edgefair.phantom.chance import Stream, stream
from edgefair.phantom.clinic import Clinic, Phantom
from edgefair.phantom.opacity import opacity
from edgefair.phantom.patients import Study, draw_study
from edgefair.records import UNKNOWN, Attribute, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from edgefair.phantom.build import Build

__all__ = ["phantom", "phantoms"]

SMALL_CANVAS_PX, LARGE_CANVAS_PX = 256, 512
"""Anatomy is drawn at one of these sides: nothing in it is finer than 1/512 of the frame."""

HEART_SHARE = 0.72
"""Share of the lung in front of and behind the heart that the heart displaces."""


def phantoms(clinic: Clinic) -> Iterator[Phantom]:
    """Yield a clinic's images in order, each made when it is asked for.

    Examples
    --------
    >>> clinic = Clinic(seed=1, count=3, size_px=64)
    >>> [image.name for image in phantoms(clinic)]
    ['phantom-000000', 'phantom-000001', 'phantom-000002']
    """
    for index in range(clinic.count):
        yield phantom(clinic, index)


def phantom(clinic: Clinic, index: int) -> Phantom:
    """Return image `index`, from 0, which does not depend on the clinic's count.

    Raises
    ------
    IndexError
        If the clinic has no such image.
    """
    if not 0 <= index < clinic.count:
        raise IndexError(f"index must be in [0, {clinic.count}), got {index}")
    study = draw_study(clinic, index)
    contrast_rng = stream(clinic.seed, Stream.OPACITY, index)
    typical = clinic.contrast
    if study.is_planted and clinic.plant is not None:
        typical = clinic.plant.contrast
    contrast = min(1.0, typical * contrast_rng.uniform(0.5, 1.5)) if study.finding else 0.0
    canvas_px = SMALL_CANVAS_PX if clinic.size_px <= SMALL_CANVAS_PX else LARGE_CANVAS_PX
    build = draw_build(clinic.seed, study)
    fill = (
        opacity(contrast_rng, build, canvas_px) * np.float32(contrast) if study.finding else None
    )
    depth = _optical_depth(clinic.seed, study, build, fill, canvas_px)
    pixels = expose(
        stream(clinic.seed, Stream.ACQUISITION, index), depth, study, size_px=clinic.size_px
    )
    device = next(device for device in DEVICES if device.name == study.device)
    return Phantom(
        name=f"phantom-{index:06d}",
        index=index,
        pixels=pixels,
        window_center=device.window_center,
        window_width=device.window_width,
        subject=_subject(study),
        birth_date=study.patient.birth_date,
        study_date=study.day,
        finding=study.finding,
        contrast=contrast,
        is_planted=study.is_planted,
        split=study.patient.split,
    )


def _subject(study: Study) -> Subject:
    patient = study.patient
    return Subject(
        patient_id=f"PH{patient.number:06d}",
        sex=patient.sex if patient.is_sex_recorded else UNKNOWN,
        age_years=study.age_years if patient.is_age_recorded else None,
        attributes=(
            Attribute(name="view", value=study.view),
            Attribute(name="device", value=study.device),
        ),
    )


def _optical_depth(
    seed: int, study: Study, build: Build, fill: NDArray[np.float32] | None, side_px: int
) -> NDArray[np.float32]:
    """Add up what the rays cross; `fill` is the share of the lungs' air that is replaced."""
    rng = stream(seed, Stream.BUILD, study.patient.number + (1 << 40))
    heart = tissue.heart(build, side_px)
    air = tissue.lungs(build, side_px) * (1 - np.float32(HEART_SHARE) * heart)
    lung = air.copy()
    air *= tissue.air(rng, side_px)
    if fill is not None:
        air *= 1 - np.minimum(fill, 1)
    depth = tissue.trunk(build, side_px)
    depth -= np.float32(build.lung_depth) * air
    depth += np.float32(0.18) * heart
    depth -= np.float32(0.40) * tissue.airways(build, side_px)
    depth += np.float32(0.34) * tissue.vessels(rng, build, side_px) * lung
    if build.breast > 0:
        depth += np.float32(0.42) * tissue.breasts(build, side_px)
    bone = skeleton.ribs(build, side_px)
    bone += np.float32(1.3) * skeleton.spine(build, side_px)
    bone += np.float32(1.2) * skeleton.clavicles(build, side_px)
    bone += skeleton.shoulders(build, side_px)
    inside = np.minimum(depth, 1)
    depth += np.float32(build.bone_depth) * bone * inside
    return _pose(stream(seed, Stream.POSE, study.index), np.maximum(depth, 0))


def _pose(rng: np.random.Generator, depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn, shift and scale a little: nobody stands twice alike."""
    side_px = depth.shape[0]
    turn_degrees, scale = rng.normal(0, 1.6), rng.normal(1.0, 0.03)
    shift = rng.normal(0, 0.012, 2) * side_px
    matrix = cv2.getRotationMatrix2D((side_px / 2, side_px / 2), turn_degrees, scale)
    matrix[:, 2] += shift
    return cv2.warpAffine(
        depth, matrix, (side_px, side_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
