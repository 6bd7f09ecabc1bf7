"""Phantoms one by one: any image of a clinic can be made alone, in any process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgefair.phantom.acquisition import device_of, expose
from edgefair.phantom.body import optical_depth
from edgefair.phantom.chance import Stream, stream
from edgefair.phantom.clinic import Clinic, Phantom
from edgefair.phantom.patients import Study, draw_study
from edgefair.records import UNKNOWN, Attribute, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["phantom", "phantoms"]

SMALL_CANVAS_PX, LARGE_CANVAS_PX = 256, 512
"""Anatomy is drawn at one of these sides: nothing in it is finer than 1/512 of the frame."""


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
    device = device_of(study)
    canvas_px = SMALL_CANVAS_PX if clinic.size_px <= SMALL_CANVAS_PX else LARGE_CANVAS_PX
    depth = optical_depth(clinic.seed, study, side_px=canvas_px)
    rng = stream(clinic.seed, Stream.ACQUISITION, index)
    return Phantom(
        name=f"phantom-{index:06d}",
        index=index,
        pixels=expose(rng, depth, device, size_px=clinic.size_px),
        window_center=device.window_center,
        window_width=device.window_width,
        subject=_subject(study),
        birth_date=study.patient.birth_date,
        study_date=study.day,
        finding=study.finding,
        contrast=study.contrast,
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
