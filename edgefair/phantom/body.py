"""The whole body in the beam: what the rays cross, added up, and how the patient stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgefair.phantom import skeleton, tissue
from edgefair.phantom.build import draw_build
from edgefair.phantom.chance import Stream, stream
from edgefair.phantom.drawing import resize
from edgefair.phantom.opacity import opacity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgefair.phantom.build import Build
    from edgefair.phantom.patients import Study

__all__ = ["optical_depth"]

HEART_SHARE = 0.72
"""Share of the lung in front of and behind the heart that the heart displaces."""

HEART_DEPTH, VESSEL_DEPTH, BREAST_DEPTH = 0.20, 0.26, 0.30
AIRWAY_DEPTH, STOMACH_DEPTH = 0.40, 0.50
"""Optical depth that tissue adds to the trunk's, and that gas takes away."""

SPINE_RIBS, CLAVICLE_RIBS = 1.2, 1.5
"""Optical depth of a vertebra and of a clavicle, in ribs."""

TURN_DEGREES, SHIFT, MAGNIFICATION = 1.6, 0.012, (1.06, 0.04)
"""Deviations of how a patient stands; mean and deviation of the magnification."""


def optical_depth(seed: int, study: Study, *, side_px: int) -> NDArray[np.float32]:
    """Return the optical depth of a study's patient, mu times length, without dimension.

    Parameters
    ----------
    seed : int
        The clinic's.
    study : Study
        Its `contrast` says how much of the lung's air the opacity replaces.
    side_px : int

    Returns
    -------
    ndarray of float32, shape (side_px, side_px)
        0 for air, about 0.8 in the lungs, 2 to 3 in the mediastinum.
    """
    build = draw_build(seed, study)
    rng = stream(seed, Stream.TEXTURE, study.patient.number)
    # What has no fine detail is drawn at half the size, in a quarter of the time.
    half_px = side_px // 2
    depth = resize(_around_the_lungs(build, half_px), side_px)
    heart = tissue.heart(build, side_px)
    air = tissue.lungs(build, side_px) * (1 - HEART_SHARE * heart)
    depth += HEART_DEPTH * heart
    depth += VESSEL_DEPTH * tissue.vessels(rng, build, side_px) * air
    depth += build.bone_depth * skeleton.ribs(build, side_px)
    aerated = tissue.aeration(rng, half_px)
    if study.contrast > 0:
        filled = opacity(stream(seed, Stream.OPACITY, study.index), air[::2, ::2])
        aerated *= 1 - np.minimum(study.contrast * filled, 1)
    air *= resize(aerated, side_px)
    depth -= build.lung_depth * air
    return _pose(stream(seed, Stream.POSE, study.index), np.maximum(depth, 0))


def _around_the_lungs(build: Build, side_px: int) -> NDArray[np.float32]:
    """Add up the body as if it had no lungs, heart or ribs."""
    depth = build.body_depth * tissue.trunk(build, side_px)
    bone = SPINE_RIBS * skeleton.spine(build, side_px)
    bone += CLAVICLE_RIBS * skeleton.clavicles(build, side_px)
    bone += skeleton.shoulders(build, side_px)
    # Bone lies within the body, and only as much of it as the body is thick.
    depth += build.bone_depth * bone * np.minimum(depth, 1)
    depth -= AIRWAY_DEPTH * tissue.airways(build, side_px)
    if build.gas > 0:
        depth -= STOMACH_DEPTH * tissue.stomach(build, side_px)
    if build.breast > 0:
        depth += BREAST_DEPTH * tissue.breasts(build, side_px)
    return depth


def _pose(rng: np.random.Generator, depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn, shift and magnify a little: nobody stands twice alike."""
    side_px = depth.shape[0]
    centre = (side_px / 2, side_px / 2)
    matrix = cv2.getRotationMatrix2D(
        centre, rng.normal(0, TURN_DEGREES), rng.normal(*MAGNIFICATION)
    )
    moved = matrix[:, 2] + rng.normal(0, SHIFT * side_px, 2)
    matrix = np.column_stack([matrix[:, :2], moved])
    posed = cv2.warpAffine(
        depth, matrix, (side_px, side_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(posed, np.float32)
