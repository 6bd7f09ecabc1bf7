"""What a phantom clinic is made of: how many, how often, how faint; and what comes out of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgefair.errors import InputError

if TYPE_CHECKING:
    from datetime import date

    import numpy as np
    from numpy.typing import NDArray

    from edgefair.records import Subject

__all__ = ["FAINT_CONTRAST", "Clinic", "Phantom", "Plant", "parse_plant"]

FAINT_CONTRAST = 0.08
"""Share of air replaced by an opacity that a reader mostly misses."""

MIN_SIZE_PX, MAX_SIZE_PX = 64, 4096
MAX_AGE_YEARS = 150
GROUP_VALUES = {"sex": ("F", "M"), "view": ("AP", "PA"), "device": ("A", "B")}
PLANT_FORM = re.compile(r"(?P<attribute>[a-z]+)=(?P<value>[A-Za-z0-9-]+):(?P<fraction>[0-9.e-]+)")
AGE_RANGE = re.compile(r"(\d{1,3})-(\d{1,3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """A disparity of known size: in one group, part of the findings are faint.

    Attributes
    ----------
    attribute : str
        ``sex``, ``view``, ``device`` or ``age``.
    value : str
        ``F`` or ``M``; ``AP`` or ``PA``; ``A`` or ``B``; or completed years, both ends in,
        e.g. ``60-95``. The patient's own, whether or not anybody recorded it.
    fraction : float
        Share of the group's positives that are faint, in [0, 1].
    contrast : float
        Their contrast, as `Clinic.contrast`.

    Raises
    ------
    InputError
        If there is no such group, or a number is outside [0, 1].

    Examples
    --------
    >>> str(Plant(attribute="sex", value="F", fraction=0.6))
    'sex=F:0.6'
    """

    attribute: str
    value: str
    fraction: float
    contrast: float = FAINT_CONTRAST

    def __post_init__(self) -> None:
        if self.attribute == "age":
            _check_ages(self.value)
        elif self.value not in GROUP_VALUES.get(self.attribute, ()):
            groups = ", ".join(
                f"{name}={v}" for name, values in GROUP_VALUES.items() for v in values
            )
            raise InputError(
                f"There is no group {self.attribute}={self.value} in a phantom clinic.",
                hint=f"Choose one of {groups}, or an age range such as age=60-95.",
            )
        _check_rate("The planted fraction", self.fraction)
        _check_rate("The planted contrast", self.contrast)

    def __str__(self) -> str:
        return f"{self.attribute}={self.value}:{self.fraction!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """Everything that determines a phantom clinic's images, bit for bit.

    Attributes
    ----------
    seed : int
        Image `i` depends on `seed` and `i`, never on `count`.
    count : int
        Images, at least 1.
    prevalence : float
        Share of the images with the finding, in [0, 1].
    female_rate : float
        Share of the patients who are female, in [0, 1].
    missing_rate : float
        Share of the patients whose sex was not recorded, and as many, independently, whose
        age was not; in [0, 1].
    images_per_patient : int
        Consecutive images of the same patient. More than 1 makes cases dependent, which
        binomial intervals do not know.
    size_px : int
        Height and width, 64 to 4096.
    contrast : float
        Share of the air that a typical opacity replaces at its core, in [0, 1].
    plant : Plant or None
        The disparity to plant; none without.

    Raises
    ------
    InputError
        If a number is outside its range.
    """

    seed: int
    count: int
    prevalence: float = 0.3
    female_rate: float = 0.5
    missing_rate: float = 0.05
    images_per_patient: int = 1
    size_px: int = 256
    contrast: float = 0.55
    plant: Plant | None = None

    def __post_init__(self) -> None:
        _check_whole("The seed", self.seed, at_least=0)
        _check_whole("The number of images", self.count, at_least=1)
        _check_whole("The number of images per patient", self.images_per_patient, at_least=1)
        _check_rate("The prevalence", self.prevalence)
        _check_rate("The female rate", self.female_rate)
        _check_rate("The missing rate", self.missing_rate)
        _check_rate("The contrast", self.contrast)
        if not MIN_SIZE_PX <= self.size_px <= MAX_SIZE_PX:
            raise InputError(
                f"An image cannot be {self.size_px} pixels wide.",
                hint=f"Choose a size from {MIN_SIZE_PX} to {MAX_SIZE_PX}.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Phantom:
    """One image of a phantom clinic, with its truth.

    Attributes
    ----------
    name : str
        File name without suffix, e.g. ``phantom-000123``.
    index : int
        Place in the clinic, from 0.
    pixels : ndarray of uint16, shape (size_px, size_px)
        12 bits, 0 to 4095, larger for denser tissue: shown as white (MONOCHROME2).
    window_center, window_width : float
        The display window in the units of `pixels` (DICOM PS3.3 C.11.2.1.2, linear).
    subject : Subject
        Demographics as recorded, with ``view`` and ``device`` among the attributes.
    birth_date, study_date : date
        When the patient was born and when the image was made, whatever was recorded.
    finding : bool
        Whether there is an opacity.
    contrast : float
        Share of the air it replaces at its core; 0 without a finding.
    is_planted : bool
        Whether the plant made it faint.
    split : str
        ``train``, ``val`` or ``test``; the same for all images of a patient.
    """

    name: str
    index: int
    pixels: NDArray[np.uint16] = field(repr=False, compare=False)
    window_center: float
    window_width: float
    subject: Subject
    birth_date: date
    study_date: date
    finding: bool
    contrast: float
    is_planted: bool
    split: str


def parse_plant(text: str) -> Plant:
    """Return the disparity that ``ATTRIBUTE=VALUE:FRACTION`` spells.

    Parameters
    ----------
    text : str
        E.g. ``sex=F:0.6``: three in five opacities of women are faint.

    Raises
    ------
    InputError
        If the text has another form, names no group, or the fraction is outside [0, 1].

    Examples
    --------
    >>> parse_plant("age=60-95:0.5").value
    '60-95'
    """
    match = PLANT_FORM.fullmatch(text.strip())
    if match is None:
        raise InputError(
            f"'{text}' is no disparity that can be planted.",
            hint="Write ATTRIBUTE=VALUE:FRACTION, e.g. sex=F:0.6 or age=60-95:0.5.",
        )
    try:
        fraction = float(match["fraction"])
    except ValueError:
        raise InputError(
            f"'{match['fraction']}' in '{text}' is no number.",
            hint="Write a fraction from 0 to 1, e.g. sex=F:0.6.",
        ) from None
    return Plant(attribute=match["attribute"], value=match["value"], fraction=fraction)


def _check_ages(value: str) -> None:
    match = AGE_RANGE.fullmatch(value)
    if match is None or not int(match[1]) <= int(match[2]) <= MAX_AGE_YEARS:
        raise InputError(
            f"'{value}' is no range of ages.",
            hint=f"Write the youngest and the oldest in years, 0 to {MAX_AGE_YEARS}, e.g. 60-95.",
        )


def _check_rate(what: str, rate: float) -> None:
    if not 0 <= rate <= 1:
        raise InputError(f"{what} is {rate}.", hint="Choose a number from 0 to 1.")


def _check_whole(what: str, number: int, *, at_least: int) -> None:
    if number < at_least:
        raise InputError(f"{what} is {number}.", hint=f"Choose {at_least} or more.")
