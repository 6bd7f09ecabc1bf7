"""What reading an image makes: who is on it, what it shows, what the model says and decides."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from edgefair.records.record import record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "UNKNOWN",
    "Attribute",
    "Decision",
    "FindingScore",
    "Image",
    "Prediction",
    "Status",
    "Subject",
]

UNKNOWN = "Unknown"
"""The value of an attribute that nobody recorded: a group of its own, kept and counted."""


class Decision(StrEnum):
    """What the model says of one finding: positive, negative, or refer (too close to call)."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    REFER = "refer"


class Status(StrEnum):
    """Whether an image was read, and if not, why not: the `reason` of the error it met."""

    OK = "ok"
    NOT_AN_IMAGE = "not_an_image"
    UNREADABLE = "unreadable"
    TRUNCATED = "truncated"
    DECOMPRESSION_BOMB = "decompression_bomb"
    WRONG_MODALITY = "wrong_modality"
    WRONG_BODY_PART = "wrong_body_part"
    TOO_SMALL = "too_small"
    BLANK = "blank"


@record(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One property of a patient or an acquisition, e.g. ``view`` = ``PA``."""

    name: str
    value: str


@record(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who is on the image, as far as anybody wrote it down.

    Attributes
    ----------
    patient_id : str or None
        As in the file or the table; leaves memory only as a keyed hash.
    sex : str
        ``F``, ``M``, ``O`` (DICOM PS3.3 C.7.1.1, Patient's Sex) or ``Unknown``.
    age_years : float or None
        Age when the image was made, in years; None if not recorded.
    attributes : tuple of Attribute
        Anything else to group by: view, device, site, ...
    """

    patient_id: str | None = None
    sex: str = UNKNOWN
    age_years: float | None = None
    attributes: tuple[Attribute, ...] = ()


@record(frozen=True, slots=True, kw_only=True)
class Image:
    """One frame, ready to be looked at.

    Attributes
    ----------
    name : str
        What the user called it: a path, ``-`` for bytes without a name, or ``array``.
    frame : int
        Frame number from 0.
    digest : str
        XXH3-128 of the file's bytes, hexadecimal: tells images apart, proves nothing.
    pixels : ndarray of float32, shape (h, w)
        Display intensities in [0, 1], 0 black: after rescale, VOI window and inversion of
        MONOCHROME1. May be smaller than the original where the decoder could reduce.
    full_height_px, full_width_px : int
        Size of the original.
    subject : Subject
        Demographics found in the file.
    modality, body_part : str or None
        DICOM Modality (0008,0060) and Body Part Examined (0018,0015), upper case.
    """

    name: str
    frame: int
    digest: str
    pixels: NDArray[np.float32] = field(repr=False, compare=False)
    full_height_px: int
    full_width_px: int
    subject: Subject = Subject()
    modality: str | None = None
    body_part: str | None = None


@record(frozen=True, slots=True, kw_only=True)
class FindingScore:
    """What the model says of one finding on one image.

    Attributes
    ----------
    logit : float
        Raw output.
    probability : float
        Calibrated, in [0, 1].
    operating_point : str
        Name of the operating point that decided.
    threshold : float
        Its threshold on the probability.
    decision : Decision
    reason : str
        Why this decision, in words.
    """

    finding: str
    logit: float
    probability: float
    operating_point: str
    threshold: float
    decision: Decision
    reason: str


@record(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What came of one frame of one image: its scores, or the reason why there are none.

    Attributes
    ----------
    image, frame, digest
        As in `Image`; `digest` is empty where the file could not be read at all.
    status : Status
        ``ok``, or why the image was refused.
    message : str
        The refusal in one sentence; empty when ``ok``.
    scores : tuple of FindingScore
        One per finding of the model; empty when refused.
    model : str
        Name and version, e.g. ``chest-xray 0.1.0``.
    bundle_digest : str
        SHA-256 of the bundle's manifest, which names every part's own.
    engine : str
        Which form of the model ran, and by what arithmetic, e.g. ``int8`` or ``int8
        x64quantprecision``; empty where nobody recorded it.
    predicted_at : str
        UTC, ISO 8601.
    embedding : ndarray of float32, shape (d,), or None
    heat_map : ndarray of float32, shape (findings, h, w), or None
        Evidence per place, larger for more; not calibrated.
    """

    image: str
    frame: int = 0
    digest: str = ""
    status: Status = Status.OK
    message: str = ""
    scores: tuple[FindingScore, ...] = ()
    subject: Subject = Subject()
    model: str
    bundle_digest: str
    engine: str = ""
    predicted_at: str
    embedding: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)
    heat_map: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)
