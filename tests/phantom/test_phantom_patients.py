"""Who comes: rates as asked for, and nothing that gives the finding away."""

from collections.abc import Callable, Sequence
from math import sqrt

import pytest

from edgefair.phantom.clinic import Clinic, Plant
from edgefair.phantom.patients import Study, draw_patient, draw_study

COUNT = 4000
SURE = 4.5
"""Standard errors: a right generator fails once in 150,000 seeds."""


def studies_of(clinic: Clinic) -> list[Study]:
    return [draw_study(clinic, index) for index in range(clinic.count)]


def share(studies: Sequence[Study], holds: Callable[[Study], bool]) -> float:
    return sum(map(holds, studies)) / len(studies)


@pytest.fixture(scope="module")
def studies() -> list[Study]:
    return studies_of(Clinic(seed=11, count=COUNT))


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.3, 0.9, 1.0])
def test_rates_are_those_asked_for(rate: float) -> None:
    clinic = Clinic(seed=3, count=COUNT, prevalence=rate, female_rate=rate, missing_rate=rate)
    studies = studies_of(clinic)
    as_asked = pytest.approx(rate, abs=SURE * sqrt(rate * (1 - rate) / COUNT))

    assert share(studies, lambda s: s.finding) == as_asked
    assert share(studies, lambda s: s.patient.sex == "F") == as_asked
    assert share(studies, lambda s: not s.patient.is_sex_recorded) == as_asked
    assert share(studies, lambda s: not s.patient.is_age_recorded) == as_asked


@pytest.mark.parametrize(
    "holds",
    [
        pytest.param(lambda s: s.patient.sex == "F", id="sex"),
        pytest.param(lambda s: s.view == "AP", id="view"),
        pytest.param(lambda s: s.device == "A", id="device"),
        pytest.param(lambda s: s.age_years < 18, id="children"),
        pytest.param(lambda s: s.age_years >= 60, id="elderly"),
        pytest.param(lambda s: not s.patient.is_sex_recorded, id="sex missing"),
        pytest.param(lambda s: s.patient.split == "test", id="test split"),
    ],
)
def test_nothing_but_the_lungs_tells_of_the_finding(
    studies: list[Study], holds: Callable[[Study], bool]
) -> None:
    positives = [study for study in studies if study.finding]
    negatives = [study for study in studies if not study.finding]
    rate = share(studies, holds)
    error = sqrt(rate * (1 - rate) * (1 / len(positives) + 1 / len(negatives)))

    assert share(positives, holds) == pytest.approx(share(negatives, holds), abs=SURE * error)


def test_all_ages_come_from_the_newborn_to_the_very_old(studies: list[Study]) -> None:
    ages = [study.age_years for study in studies]

    assert 0 <= min(ages) < 0.25
    assert 90 < max(ages) < 97
    assert share(studies, lambda s: s.age_years < 18) > 0.1
    assert share(studies, lambda s: s.age_years >= 60) > 0.3


def test_a_patient_comes_back_as_the_same_person_and_older() -> None:
    clinic = Clinic(seed=5, count=60, images_per_patient=3)

    for first in range(0, clinic.count, 3):
        visits = [draw_study(clinic, first + visit) for visit in range(3)]
        assert len({visit.patient for visit in visits}) == 1
        assert visits[0].day < visits[1].day < visits[2].day
        assert visits[0].age_years < visits[2].age_years


def test_a_patient_is_drawn_alone_as_in_the_crowd() -> None:
    clinic = Clinic(seed=5, count=60, images_per_patient=3)

    assert draw_study(clinic, 7).patient == draw_patient(clinic, 2)


@pytest.mark.parametrize(
    ("attribute", "value", "belongs"),
    [
        ("sex", "F", lambda s: s.patient.sex == "F"),
        ("view", "AP", lambda s: s.view == "AP"),
        ("device", "B", lambda s: s.device == "B"),
        ("age", "60-79", lambda s: 60 <= s.age_years < 80),
    ],
)
def test_a_plant_makes_its_share_of_the_groups_positives_faint_and_nothing_else(
    studies: list[Study], attribute: str, value: str, belongs: Callable[[Study], bool]
) -> None:
    plant = Plant(attribute=attribute, value=value, fraction=0.6)
    planted = studies_of(Clinic(seed=11, count=COUNT, plant=plant))
    group = [study for study in planted if study.finding and belongs(study)]
    bound = SURE * sqrt(0.6 * 0.4 / len(group))

    assert share(group, lambda s: s.is_planted) == pytest.approx(0.6, abs=bound)
    assert all(belongs(s) and s.finding and s.contrast < 0.2 for s in planted if s.is_planted)
    assert all(s.is_planted or s == fair for s, fair in zip(planted, studies, strict=True))
