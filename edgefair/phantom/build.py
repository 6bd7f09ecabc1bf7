"""The build of a patient: where everything lies in the frame, and how dense it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgefair.phantom.chance import Stream, stream

if TYPE_CHECKING:
    from edgefair.phantom.patients import Study

__all__ = ["Build", "draw_build"]

GROWN_YEARS = 16
OLD_FROM_YEARS = 55
OLDEST_YEARS = 95


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """Lengths in fractions of the frame, densities in optical depth, which is mu times length.

    Attributes
    ----------
    half_width : float
        From the midline to the outer wall of the lungs.
    apex_y, base_y : float
        Top of the lungs and top of the right dome of the diaphragm.
    taper : float
        How narrow the thorax is at the top; 1 for a newborn's bell, 0 for a barrel.
    skin : float
        Thickness of the wall outside the ribs, seen from the front.
    body_depth, lung_depth, bone_depth : float
        Optical depth of the trunk, of the air in place of it, and of a rib.
    heart_right, heart_left : float
        How far the heart reaches beyond the midline to the patient's sides.
    knob : float
        Radius of the aortic knob.
    rib_drop : float
        How much lower a rib is at the side than at the spine.
    clavicle_y : float
    shoulder_y : float
    scapula_x : float
        Inner border of the scapulae, from the midline.
    breast : float
        Radius of the breasts' shadows, 0 for none.
    is_ap : bool
    """

    half_width: float
    apex_y: float
    base_y: float
    taper: float
    skin: float
    body_depth: float
    lung_depth: float
    bone_depth: float
    heart_right: float
    heart_left: float
    knob: float
    rib_drop: float
    clavicle_y: float
    shoulder_y: float
    scapula_x: float
    breast: float
    arm_x: float
    gas: float


def draw_build(seed: int, study: Study) -> Build:
    """Return the build of a study's patient in its view, the same at each visit of that age."""
    patient = study.patient
    vary = stream(seed, Stream.BUILD, patient.number).standard_normal(14).tolist()
    child = max(0.0, 1.0 - study.age_years / GROWN_YEARS)
    old = min(1.0, max(0.0, (study.age_years - OLD_FROM_YEARS) / (OLDEST_YEARS - OLD_FROM_YEARS)))
    is_ap, is_female = study.view == "AP", patient.sex == "F"
    fat = patient.habitus
    half_width = 0.345 + 0.016 * vary[0] - 0.045 * child - 0.010 * is_female
    # Cardiothoracic ratio: near 0.45 in adults, up to 0.60 in infants, larger in AP.
    ratio = 0.44 + 0.025 * vary[1] + 0.13 * child + 0.04 * old + 0.015 * max(0.0, fat)
    heart = ratio * half_width * 2 * (1.13 if is_ap else 1.0)
    skin = max(0.022, 0.048 + 0.016 * fat - 0.014 * child)
    wall = half_width + skin
    grown_breast = 0.135 + 0.02 * fat + 0.014 * vary[2] if is_female else 0.0
    return Build(
        half_width=half_width,
        apex_y=0.130 + 0.014 * vary[3] + 0.05 * child,
        base_y=0.745 + 0.026 * vary[4] - 0.075 * child + 0.02 * old - 0.045 * is_ap - 0.012 * fat,
        taper=min(1.0, 0.25 + 0.40 * child + 0.06 * vary[5] - 0.1 * old),
        skin=skin,
        body_depth=2.35 + 0.20 * fat - 0.45 * child + 0.05 * vary[6],
        lung_depth=1.42 + 0.06 * vary[7] - 0.06 * child + 0.06 * old - 0.06 * is_ap,
        bone_depth=max(0.10, 0.34 + 0.03 * vary[8] - 0.09 * child - 0.09 * old),
        heart_right=heart * 0.37,
        heart_left=heart * 0.63,
        knob=max(0.02, 0.036 + 0.020 * old - 0.02 * child + 0.004 * vary[9]),
        rib_drop=max(0.02, 0.105 - 0.065 * child + 0.03 * old + 0.012 * vary[10]),
        clavicle_y=0.175 + 0.05 * child - 0.035 * is_ap + 0.012 * vary[11],
        shoulder_y=0.150 + 0.05 * child - 0.02 * is_ap,
        scapula_x=half_width * (0.78 if is_ap else 1.06),
        breast=max(0.0, grown_breast) if study.age_years >= GROWN_YEARS - 3 else 0.0,
        arm_x=max(wall + 0.01, wall + 0.055 + 0.03 * vary[12]),
        gas=max(0.0, 0.035 + 0.04 * vary[13]),
    )
