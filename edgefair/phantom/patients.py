"""Who comes to the clinic, and what is done with them: patients and their studies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from edgefair.phantom.chance import Stream, stream

if TYPE_CHECKING:
    from edgefair.phantom.clinic import Clinic, Plant

__all__ = ["Patient", "Study", "draw_patient", "draw_study"]

DAYS_PER_YEAR = 365.25
OPENING_DAY = date(2025, 1, 1)
OPEN_DAYS = 300
DAYS_BETWEEN_VISITS = 30
AGE_BANDS_YEARS = ((0, 18), (18, 60), (60, 96))
AGE_BAND_WEIGHTS = (0.15, 0.50, 0.35)
SPLITS = ("train", "val", "test")
SPLIT_WEIGHTS = (0.6, 0.2, 0.2)
AP_RATE = 0.35
AP_RATE_SMALL_CHILDREN = 0.9
SMALL_CHILD_YEARS = 4
STRENGTHS = (0.6, 1.4)
"""Weakest and strongest opacity, relative to the typical contrast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """One invented person.

    Attributes
    ----------
    number : int
        From 0; patient `p` has the images ``p * images_per_patient`` and following.
    sex : str
        ``F`` or ``M``.
    birth_date, first_visit : date
    habitus : float
        Build as a standard deviate: -2 very slim, 2 very heavy.
    is_sex_recorded, is_age_recorded : bool
    split : str
        ``train``, ``val`` or ``test``.
    """

    number: int
    sex: str
    birth_date: date
    first_visit: date
    habitus: float
    is_sex_recorded: bool
    is_age_recorded: bool
    split: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One exposure of one patient, with what is to be found on it.

    Attributes
    ----------
    index : int
        The image's place in the clinic, from 0.
    day : date
    age_years : float
        On that day.
    view : str
        ``AP`` or ``PA``.
    device : str
        ``A`` or ``B``.
    finding : bool
    is_planted : bool
        Whether the clinic's plant makes the finding faint.
    contrast : float
        Share of the lung's air that the opacity replaces at its core; 0 without a finding.
    """

    index: int
    patient: Patient
    day: date
    age_years: float
    view: str
    device: str
    finding: bool
    is_planted: bool
    contrast: float


def draw_patient(clinic: Clinic, number: int) -> Patient:
    """Return patient `number`, from 0, the same in every clinic of this seed and these rates."""
    rng = stream(clinic.seed, Stream.PATIENT, number)
    first_visit = OPENING_DAY + timedelta(days=int(rng.integers(OPEN_DAYS)))
    youngest, oldest = AGE_BANDS_YEARS[int(rng.choice(len(AGE_BANDS_YEARS), p=AGE_BAND_WEIGHTS))]
    # Squared, so that the ill children are mostly small ones and some are newborn.
    place = rng.random() ** (2 if youngest == 0 else 1)
    age_days = int((youngest + (oldest - youngest) * place) * DAYS_PER_YEAR)
    return Patient(
        number=number,
        sex="F" if rng.random() < clinic.female_rate else "M",
        birth_date=first_visit - timedelta(days=age_days),
        first_visit=first_visit,
        habitus=float(min(2.5, max(-2.0, rng.standard_normal()))),
        is_sex_recorded=bool(rng.random() >= clinic.missing_rate),
        is_age_recorded=bool(rng.random() >= clinic.missing_rate),
        split=str(rng.choice(SPLITS, p=SPLIT_WEIGHTS)),
    )


def draw_study(clinic: Clinic, index: int) -> Study:
    """Return study `index`, from 0; finding, device and view do not depend on each other."""
    number, visit = divmod(index, clinic.images_per_patient)
    patient = draw_patient(clinic, number)
    rng = stream(clinic.seed, Stream.STUDY, index)
    delay = visit * DAYS_BETWEEN_VISITS + (int(rng.integers(DAYS_BETWEEN_VISITS)) if visit else 0)
    day = patient.first_visit + timedelta(days=delay)
    age_years = (day - patient.birth_date).days / DAYS_PER_YEAR
    ap_rate = AP_RATE_SMALL_CHILDREN if age_years < SMALL_CHILD_YEARS else AP_RATE
    view = "AP" if rng.random() < ap_rate else "PA"
    device = "A" if rng.random() < 0.5 else "B"
    finding = bool(rng.random() < clinic.prevalence)
    # Drawn whether needed or not, so that a plant moves nothing but what it makes faint.
    plant_draw, strength = rng.random(), rng.uniform(*STRENGTHS)
    typical, is_planted = clinic.contrast, False
    if clinic.plant is not None and finding and plant_draw < clinic.plant.fraction:
        is_planted = _is_of_group(clinic.plant, patient, age_years, view, device)
        typical = clinic.plant.contrast if is_planted else typical
    return Study(
        index=index,
        patient=patient,
        day=day,
        age_years=age_years,
        view=view,
        device=device,
        finding=finding,
        is_planted=is_planted,
        contrast=min(1.0, typical * strength) if finding else 0.0,
    )


def _is_of_group(plant: Plant, patient: Patient, age_years: float, view: str, device: str) -> bool:
    if plant.attribute == "age":
        youngest, oldest = plant.value.split("-")
        return int(youngest) <= int(age_years) <= int(oldest)
    return plant.value == {"sex": patient.sex, "view": view, "device": device}[plant.attribute]
