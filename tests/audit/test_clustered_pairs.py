"""Two models on several images of a patient: oracles, laws, and what the gate's tests then err."""

from itertools import product
from math import sqrt

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgefair.audit.clustered_auroc import clustered_variance
from edgefair.audit.paired import PairedCounts, paired_counts, tango_limits
from edgefair.audit.paired_auroc import paired_aurocs
from edgefair.audit.paired_tests import even_flips_p_values, loss_p_values
from edgefair.audit.paired_verdict import judge_losses
from edgefair.records import VerdictKind

Bools = NDArray[np.bool_]
Numbers = NDArray[np.int64]

MARGIN = 0.1


def flipping(n: int, *, seed: int, patients: int) -> tuple[Bools, Bools, Numbers, Numbers]:
    """Return who decided right before and after, group and patient of n images."""
    rng = np.random.default_rng(seed)
    patient = rng.integers(0, patients, n)
    before = rng.random(n) < 0.8
    flips = rng.random(n) < rng.beta(0.5, 2, patients)[patient]
    return before, before ^ flips, (patient + (rng.random(n) < 0.2)) % 3, patient


def counts_of(n: int, *, seed: int, patients: int) -> tuple[PairedCounts, PairedCounts]:
    """Return the same decisions counted as independent, and by patient."""
    before, after, codes, patient = flipping(n, seed=seed, patients=patients)
    return (
        paired_counts(before, after, codes, 4),
        paired_counts(before, after, codes, 4, patients=patient),
    )


def test_with_one_image_a_patient_nothing_changes() -> None:
    before, after, codes, _ = flipping(200, seed=0, patients=80)
    plain = paired_counts(before, after, codes, 4)
    alone = paired_counts(before, after, codes, 4, patients=np.arange(200))

    for one, other in zip(
        (*loss_p_values(plain, MARGIN), even_flips_p_values(plain), *tango_limits(plain, 1.96)),
        (*loss_p_values(alone, MARGIN), even_flips_p_values(alone), *tango_limits(alone, 1.96)),
        strict=True,
    ):
        assert other == pytest.approx(one, rel=1e-9, nan_ok=True)
    judged = [judge_losses(counts, margin=MARGIN, alpha=0.05) for counts in (plain, alone)]
    assert judged[0].kind == judged[1].kind
    assert judged[0].needed == pytest.approx(judged[1].needed, nan_ok=True)


@pytest.mark.parametrize("seed", range(3))
def test_the_variance_is_that_of_a_generalised_estimating_equation(seed: int) -> None:
    """Liang and Zeger's sandwich for the mean difference, drawn a little toward the worst."""
    before, after, _, patient = flipping(300, seed=seed, patients=90)
    counts = paired_counts(before, after, np.zeros(300, int), 1, patients=patient)
    apart = before.astype(float) - after
    fitted = sm.OLS(apart, np.ones(300)).fit(
        cov_type="cluster", cov_kwds={"groups": patient, "use_correction": False}
    )
    images = np.bincount(patient)
    people = np.count_nonzero(images)
    variance = fitted.cov_params()[0, 0] * people / (people - 1)
    flipped = len(set(patient[apart != 0]))
    effect = variance / (apart.var() / 300)
    worst = (images**2).sum() / 300

    worth = counts.worth
    assert worth is not None
    drawn = (flipped * max(effect, 1) + 2 * worst) / (flipped + 2)
    assert worth.effective[0] == pytest.approx(300 / drawn, rel=1e-9)
    assert worth.seen.freedom[0] == flipped - 1
    assert worth.at_worst[0] == pytest.approx(min(300 / worst, 300 / drawn), rel=1e-9)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=9))
def test_mcnemar_by_patient_sums_over_all_signs(flips: list[tuple[int, int]]) -> None:
    before = np.repeat([True, False] * len(flips), [n for pair in flips for n in pair])
    patient = np.repeat(np.repeat(np.arange(len(flips)), 2), [n for pair in flips for n in pair])
    counts = paired_counts(before, ~before, np.zeros(len(before), int), 1, patients=patient)
    apart = np.array([lost - gained for lost, gained in flips])
    sums = [abs(np.dot(signs, apart)) for signs in product((-1, 1), repeat=len(flips))]

    found = even_flips_p_values(counts)[0]
    if not len(before):
        assert np.isnan(found)
        return
    assert found == pytest.approx(np.mean([one >= abs(apart.sum()) for one in sums]), abs=1e-12)


def test_mcnemar_by_patient_is_obuchowskis_where_patients_are_many() -> None:
    before, after, _, patient = flipping(4000, seed=3, patients=1200)
    counts = paired_counts(before, after, np.zeros(4000, int), 1, patients=patient)
    apart = np.bincount(patient, before.astype(float) - after)
    chi = apart.sum() ** 2 / (apart @ apart)

    from scipy.stats import chi2

    assert even_flips_p_values(counts)[0] == pytest.approx(chi2.sf(chi, 1), abs=0.02)


@settings(max_examples=25)
@given(st.integers(0, 1000))
def test_limits_by_patient_are_never_narrower(seed: int) -> None:
    plain, by_patient = counts_of(150, seed=seed, patients=50)

    for z in (0.5, 1.96, 3.5):
        (lower, upper), (low, high) = tango_limits(plain, z), tango_limits(by_patient, z)
        assert (low <= lower + 1e-9).all()
        assert (upper <= high + 1e-9).all()


def test_images_that_never_flip_are_worth_one_of_each_patient_at_worst() -> None:
    right = np.ones(120, bool)
    copied = paired_counts(right, right, np.zeros(120, int), 1, patients=np.arange(120) // 4)
    alone = paired_counts(right[:30], right[:30], np.zeros(30, int), 1)

    for one, other in zip(
        loss_p_values(copied, MARGIN), loss_p_values(alone, MARGIN), strict=True
    ):
        assert one == pytest.approx(other, rel=1e-9)


def test_an_all_clear_that_copies_alone_would_carry_is_not_given() -> None:
    right = np.ones(120, bool)
    codes, twelve = np.zeros(120, int), np.arange(120) // 10
    careless = judge_losses(paired_counts(right, right, codes, 1), margin=MARGIN, alpha=0.05)
    careful = judge_losses(
        paired_counts(right, right, codes, 1, patients=twelve), margin=MARGIN, alpha=0.05
    )

    assert careless.kind == (VerdictKind.SHOWN_OK,)
    assert careful.kind == (VerdictKind.NOT_ENOUGH_DATA,)
    # ten images are worth one case
    assert careful.needed[0] >= 10 * 10
    assert careful.needed[0] % 10 == 0


@pytest.mark.parametrize(("patients", "images", "gained"), [(30, 3, 0.0), (60, 4, 0.05)])
def test_errors_stay_nominal_where_images_of_a_patient_are_alike(
    patients: int, images: int, gained: float
) -> None:
    """The true loss is the margin; judged as independent, both errors are far too frequent."""
    rng, runs = np.random.default_rng(8), 600
    drawn = np.repeat(rng.random(patients * runs), images)
    patient = np.repeat(np.arange(patients * runs), images)
    right_after = drawn >= MARGIN + gained
    right_before = ~right_after | (drawn >= MARGIN + 2 * gained)
    right_before[drawn < MARGIN + gained] = True
    run = patient // patients

    errors = {}
    for name, who in (("independent", None), ("by patient", patient)):
        counts = paired_counts(right_before, right_after, run, runs, patients=who)
        errors[name] = [float((p <= 0.05).mean()) for p in loss_p_values(counts, MARGIN)]
    assert min(errors["independent"]) > 0.1
    assert max(errors["by patient"]) < 0.05 + 2 * sqrt(0.05 * 0.95 / runs)


def by_pairs(truth: Bools, scores: NDArray[np.float64], patient: Numbers) -> NDArray[np.float64]:
    """Return Obuchowski's covariance of two areas by its formulas, quadratic in the cases."""
    everybody = np.unique(patient)
    m, n, k = truth.sum(), (~truth).sum(), len(everybody)
    x, y = np.zeros((2, k)), np.zeros((2, k))
    for model, score in enumerate(scores):
        pairs = (score[truth][:, None] > score[~truth]) + 0.5 * (
            score[truth][:, None] == score[~truth]
        )
        for i, person in enumerate(everybody):
            ill, well = patient[truth] == person, patient[~truth] == person
            x[model, i] = (pairs.mean(axis=1)[ill] - pairs.mean()).sum()
            y[model, i] = (pairs.mean(axis=0)[well] - pairs.mean()).sum()
    with_ill, with_well = len(set(patient[truth])), len(set(patient[~truth]))
    return np.asarray(
        with_ill / (with_ill - 1) * (x @ x.T) / m**2
        + with_well / (with_well - 1) * (y @ y.T) / n**2
        + k / (k - 1) * (x @ y.T + y @ x.T) / (m * n)
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_paired_variance_of_areas_is_obuchowskis(seed: int) -> None:
    rng = np.random.default_rng(seed)
    patient = rng.integers(0, 40, 150)
    truth = rng.random(150) < 0.4
    common = truth + rng.normal(size=40)[patient]
    scores = np.array(
        [np.round(common + rng.normal(size=40)[patient] + 0.2 * rng.normal(size=150), 1)] * 2
    )
    scores[1] += np.round(rng.normal(size=40)[patient], 1)
    found = paired_aurocs(truth, scores[0], scores[1], np.zeros(150, int), 1, patients=patient)

    clustered = by_pairs(truth, scores, patient)
    apart = clustered[0, 0] + clustered[1, 1] - 2 * clustered[0, 1]
    alone = paired_aurocs(truth, scores[0], scores[1], np.zeros(150, int), 1)
    assert found.variance[0] == pytest.approx(max(apart, alone.variance[0]), rel=1e-9)
    pairs = ((found.before, alone.before), (found.after, alone.after))
    for (one, independent), score in zip(pairs, scores, strict=True):
        wanted = max(clustered_variance(truth, score, patient), independent.variance[0])
        assert one.variance[0] == pytest.approx(wanted)
    assert found.p_values[0] >= alone.p_values[0]


def test_paired_areas_with_one_image_a_patient_are_delongs() -> None:
    rng = np.random.default_rng(1)
    truth, codes = rng.random(90) < 0.5, rng.integers(0, 2, 90)
    before, after = rng.normal(truth, size=(2, 90))
    plain = paired_aurocs(truth, before, after, codes, 2)
    alone = paired_aurocs(truth, before, after, codes, 2, patients=np.arange(90))

    assert alone.variance.tolist() == plain.variance.tolist()
    assert [limit.tolist() for limit in alone.limits(1.96)] == [
        limit.tolist() for limit in plain.limits(1.96)
    ]
