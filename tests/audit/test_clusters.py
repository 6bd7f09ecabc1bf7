"""Several images of one patient: oracles, laws, and what the audit then says."""

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgefair.audit import audit
from edgefair.audit.clusters import (
    ByPatient,
    cluster_variance,
    effective_n,
)
from edgefair.audit.estimates import Rates, Worth
from edgefair.audit.inputs import patient_numbers
from edgefair.audit.rates import DENOMINATORS, counts_by_group
from edgefair.errors import BadTable

Cases = dict[str, NDArray[np.int64]]


def clinic(n: int, *, seed: int, patients: int, groups: int = 3) -> Cases:
    """Return n images: truth, decision, patient, and a group that may vary within a patient."""
    rng = np.random.default_rng(seed)
    patient = rng.integers(0, patients, n)
    return {
        "y_true": rng.integers(0, 2, n),
        "flagged": (rng.random(n) < rng.beta(1, 1, patients)[patient]).astype(np.int64),
        "patient": patient,
        "group": (patient + (rng.random(n) < 0.2)) % groups,
    }


def by_patient(cases: Cases, groups: int = 3) -> ByPatient:
    return ByPatient.of(
        cases["y_true"], cases["flagged"], cases["patient"], cases["group"], groups
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_variance_is_that_of_a_generalised_estimating_equation(seed: int) -> None:
    """Liang and Zeger's sandwich for the mean of clustered cases, as statsmodels has it."""
    cases = clinic(300, seed=seed, patients=70)
    fitted = sm.OLS(cases["flagged"], np.ones(300)).fit(
        cov_type="cluster", cov_kwds={"groups": cases["patient"], "use_correction": False}
    )
    hits = np.bincount(cases["patient"], cases["flagged"], minlength=70)
    n = np.bincount(cases["patient"], minlength=70)

    m = np.count_nonzero(n)
    assert cluster_variance(hits, n) == pytest.approx(
        fitted.cov_params()[0, 0] * m / (m - 1), rel=1e-9
    )


@pytest.mark.parametrize("denominator", DENOMINATORS)
def test_every_group_and_its_rest_are_worth_what_they_would_be_alone(denominator: str) -> None:
    cases = clinic(400, seed=5, patients=120)
    within, rest = by_patient(cases).worth(denominator)
    chosen = {
        "positives": cases["y_true"] == 1,
        "negatives": cases["y_true"] == 0,
        "flagged": cases["flagged"] == 1,
        "cleared": cases["flagged"] == 0,
        "n": np.ones(400, bool),
    }[denominator]
    truth_counts = denominator in ("flagged", "cleared", "n")
    hit = cases["y_true"] if truth_counts else cases["flagged"]

    for group in range(3):
        inside = cases["group"] == group
        for rows, worth in ((chosen & inside, within), (chosen & ~inside, rest)):
            hits = np.bincount(cases["patient"][rows], hit[rows], minlength=120)
            n = np.bincount(cases["patient"][rows], minlength=120)
            assert worth.effective[group] == pytest.approx(effective_n(hits, n), rel=1e-9)
            assert worth.freedom[group] == np.count_nonzero(n) - 1


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5)), min_size=1, max_size=40))
def test_cases_are_worth_no_more_than_they_are(clusters: list[tuple[int, int]]) -> None:
    n = np.array([trials for _, trials in clusters])
    hits = np.minimum([hits for hits, _ in clusters], n)

    assert 0 < effective_n(hits, n) <= n.sum()


def test_one_image_a_patient_is_worth_one_case() -> None:
    assert effective_n([1, 0, 0, 1, 0], [1] * 5) == 5


def test_where_no_patient_is_missed_all_images_of_one_count_as_one_at_worst() -> None:
    assert effective_n([0, 0], [5, 5]) == 2


@settings(max_examples=25)
@given(st.integers(0, 1000))
def test_intervals_over_patients_are_never_narrower(seed: int) -> None:
    cases = clinic(120, seed=seed, patients=50)
    counts = counts_by_group(cases["y_true"], cases["flagged"], cases["group"], 3)
    plain = counts.rates("sensitivity")
    clustered = Rates(plain.hits, plain.n, by_patient(cases).worth("positives")[0])

    for z in (0.5, 1.96, 3.5, 40.0):
        (lower, upper), (low, high) = plain.limits(z), clustered.limits(z)
        assert (low <= lower + 1e-12).all()
        assert (upper <= high + 1e-12).all()
    assert (clustered.as_independent().n <= plain.n).all()


def test_however_sure_one_wants_to_be_two_patients_say_nothing() -> None:
    worth = Worth(effective=np.array([3.0, 3.0]), freedom=np.array([1.0, np.inf]))
    rates = Rates(np.array([1, 1]), np.array([4, 4]), worth)

    for z in np.linspace(0, 40, 81):
        lower, upper = rates.limits(z)
        assert lower[0] <= lower[1] <= 0.25 <= upper[1] <= upper[0]
    assert (lower[0], upper[0]) == (0, 1)


def test_rates_of_several_findings_join_whether_their_cases_are_independent_or_not() -> None:
    one = Rates(np.array([1]), np.array([4]))
    other = Rates(
        np.array([2]), np.array([8]), Worth(effective=np.array([5.0]), freedom=np.array([3.0]))
    )

    joined = Rates.joined([one, other])
    assert joined.effective.tolist() == [4, 5]
    assert [limit[0] for limit in joined.limits(1.96)] == [limit[0] for limit in one.limits(1.96)]


def arguments(cases: Cases) -> dict[str, Any]:
    return {
        "y_true": cases["y_true"],
        "y_pred": cases["flagged"],
        "y_score": cases["flagged"] + 0.001 * np.arange(len(cases["y_true"])),
        "sensitive_features": {"site": cases["group"]},
    }


def test_patients_of_one_image_each_change_nothing() -> None:
    given_arguments = arguments(clinic(200, seed=1, patients=90))

    apart = audit(**given_arguments, patients=[f"P{i}" for i in range(200)])
    assert repr(apart) == repr(audit(**given_arguments))


def test_every_image_twice_says_hardly_more_than_once() -> None:
    """Copies change no rate, and no interval by more than what few patients leave unsure."""
    once = clinic(400, seed=3, patients=10**6)
    twice = {name: np.repeat(values, 2) for name, values in once.items()}

    alone = audit(**arguments(once))
    copied = audit(**arguments(twice), patients=twice["patient"])
    for cell, other in zip(alone.by_group, copied.by_group, strict=True):
        if cell.metric == "auroc":
            continue
        assert other.value.estimate == cell.value.estimate
        assert other.value.n == 2 * cell.value.n
        assert other.independent == pytest.approx(cell.value.n - 1, abs=1.01)
        assert other.value.lower == pytest.approx(cell.value.lower, abs=0.01)
        assert other.difference.upper == pytest.approx(cell.difference.upper, abs=0.02)


def test_a_verdict_that_copies_alone_would_carry_is_not_reached() -> None:
    rng = np.random.default_rng(0)
    ill = np.ones(80, int)
    missed = np.r_[rng.random(40) < 0.45, rng.random(40) < 0.15]
    sex = np.repeat(["F", "M"], 40)
    shown: dict[str, Any] = {"y_true": np.tile(ill, 6), "y_pred": 1 - np.tile(missed, 6)}
    features = {"sex": np.tile(sex, 6)}

    careless = audit(**shown, sensitive_features=features)
    careful = audit(**shown, sensitive_features=features, patients=np.tile(np.arange(80), 6))
    women = [found.by_group[0].verdict for found in (careless, careful)]
    assert [verdict.kind.value for verdict in women if verdict] == [
        "HARM SHOWN",
        "NOT ENOUGH DATA",
    ]
    assert women[1]
    assert women[1].labels_needed
    assert careful.result.spreads[0].p_value > careless.result.spreads[0].p_value


def test_rows_without_a_patient_are_patients_of_their_own() -> None:
    numbers = patient_numbers(["a", None, "", "a", float("nan")])

    assert numbers is not None
    assert len(set(numbers.tolist())) == 4


def test_a_patient_column_of_another_length_is_refused() -> None:
    with pytest.raises(BadTable, match="differ in length"):
        audit(**arguments(clinic(20, seed=0, patients=5)), patients=["a"] * 19)
