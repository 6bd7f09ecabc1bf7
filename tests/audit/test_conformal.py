"""Bands to refer: an independent split conformal, the promise kept, small groups referred."""

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.classification import SplitConformalClassifier
from numpy.typing import NDArray
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin

from edgefair.audit.conformal import band_decisions, check_bands, labels_for, refer_bands
from edgefair.audit.groups import By, Grouping, group_by
from edgefair.records import Decision


def by_ward(codes: NDArray[np.int64]) -> Grouping:
    (grouping,) = group_by([By.parse("ward")], {"ward": codes})
    return grouping


def cases(n: int, seed: int) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    y, codes = rng.random(n) < 0.4, rng.integers(0, 2, n)
    return y, rng.beta(1 + 2 * y + codes, 3 - 2 * y * 0.8), codes


def test_the_bands_are_those_of_textbook_mondrian_split_conformal() -> None:
    # prediction sets of p-values per group and class, written out again
    y, p, codes = cases(300, seed=1)
    new = np.linspace(0, 1, 401)
    bands = refer_bands(y, p, by_ward(codes), miss=0.08, false_alarm=0.15)

    for ward, band in enumerate(bands):
        ill, well = p[(codes == ward) & y], p[(codes == ward) & ~y]
        ill_p = (1 + (ill[:, np.newaxis] <= new).sum(axis=0)) / (len(ill) + 1)
        well_p = (1 + (well[:, np.newaxis] >= new).sum(axis=0)) / (len(well) + 1)
        may_be_ill, may_be_well = ill_p > 0.08, well_p > 0.15
        expected = np.where(may_be_ill == may_be_well, 0, np.where(may_be_ill, 1, -1))
        said = band_decisions([band], new, np.zeros(401, np.int64))
        code = {Decision.NEGATIVE: -1, Decision.REFER: 0, Decision.POSITIVE: 1}

        assert [code[one] for one in said] == expected.tolist()


class Given(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # sklearn is not typed
    """A model whose probability of the second class is its only input."""

    def fit(self, rows: NDArray[np.float64], y: NDArray[np.int64]) -> "Given":
        self.classes_, self.n_features_in_, self.fitted_ = np.unique(y), rows.shape[1], True
        return self

    def predict_proba(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([1 - rows[:, 0], rows[:, 0]])

    def predict(self, rows: NDArray[np.float64]) -> NDArray[np.int64]:
        return (rows[:, 0] > 0.5).astype(np.int64)


# a class of a ward is calibrated alone here, which MAPIE finds unusual
@pytest.mark.filterwarnings("ignore:WARNING. your conformalization dataset has less labels")
@pytest.mark.parametrize("seed", range(3))
def test_the_bands_are_those_of_mapie_on_each_ward_and_class(seed: int) -> None:
    y, p, codes = cases(300, seed=seed)
    new = np.linspace(0, 1, 401)
    bands = refer_bands(y, p, by_ward(codes), miss=0.08, false_alarm=0.15)
    model = Given().fit(p[:, np.newaxis], y.astype(np.int64))

    def may_be(label: int, rows: NDArray[np.bool_], risk: float) -> NDArray[np.bool_]:
        sets = SplitConformalClassifier(
            model, confidence_level=1 - risk, conformity_score="lac", prefit=True
        )
        sets.conformalize(p[rows][:, np.newaxis], np.full(rows.sum(), label))
        return np.asarray(sets.predict_set(new[:, np.newaxis])[1][:, label, 0])

    for ward, band in enumerate(bands):
        ill, well = may_be(1, (codes == ward) & y, 0.08), may_be(0, (codes == ward) & ~y, 0.15)
        expected = np.where(ill == well, 0, np.where(ill, 1, -1))
        said = band_decisions([band], new, np.zeros(401, np.int64))
        code = {Decision.NEGATIVE: -1, Decision.REFER: 0, Decision.POSITIVE: 1}

        assert [code[one] for one in said] == expected.tolist()


@pytest.mark.parametrize("n", [9, 20, 60])
def test_the_promise_holds_in_every_group_whatever_the_model(n: int) -> None:
    rng = np.random.default_rng(n)
    missed, alarms = np.zeros(2), np.zeros(2)
    runs = 400
    for _ in range(runs):
        y = np.tile([True, False], 2 * n)
        codes = np.repeat([0, 1], 2 * n)
        # of the second ward the model is systematically too sure of itself, and mostly wrong
        p = np.where(codes == 0, rng.beta(2 + 3 * y, 4), rng.beta(5 - 3 * y, 2))
        bands = refer_bands(y, p, by_ward(codes), miss=0.1, false_alarm=0.2)
        y_new = np.tile([True, False], 200)
        codes_new = np.repeat([0, 1], 200)
        p_new = np.where(codes_new == 0, rng.beta(2 + 3 * y_new, 4), rng.beta(5 - 3 * y_new, 2))
        checks = check_bands(bands, y_new, p_new, codes_new)
        missed += [one.missed.estimate for one in checks]
        alarms += [one.false_alarms.estimate for one in checks]

    assert (missed / runs < 0.12).all()
    assert (alarms / runs < 0.225).all()


def test_with_a_confidence_the_thresholds_set_keep_the_promise_themselves() -> None:
    rng = np.random.default_rng(3)
    kept = []
    for _ in range(600):
        y = np.ones(60, dtype=bool)
        p = rng.random(60)
        (band,) = refer_bands(y, p, by_ward(np.zeros(60, np.int64)), miss=0.1, confidence=0.9)
        kept.append(band.lower <= 0.1)  # of a uniform score the true share missed is the threshold

    assert np.mean(kept) >= 0.88


def test_the_law_of_the_share_is_the_beta_that_scipy_has() -> None:
    y, p = np.ones(39, dtype=bool), np.random.default_rng(1).random(39)
    (band,) = refer_bands(y, p, by_ward(np.zeros(39, np.int64)), miss=0.1)
    law = stats.beta(4, 36)
    share = band.misses.expected_share()

    assert band.misses.beyond == 4
    assert (share.lower, share.upper) == pytest.approx(law.interval(0.95))
    assert share.estimate == pytest.approx(0.1)


def test_the_chance_of_so_many_misses_is_the_beta_binomial_one() -> None:
    y, p = np.ones(39, dtype=bool), np.arange(39) / 40
    (band,) = refer_bands(y, p, by_ward(np.zeros(39, np.int64)), miss=0.1)
    new = np.repeat([0.0, 0.9], [6, 24])
    (check,) = check_bands([band], np.ones(30, bool), new, np.zeros(30, np.int64))

    assert check.missed.estimate == pytest.approx(0.2)
    assert check.misses_p_value == pytest.approx(stats.betabinom(30, 4, 36).sf(5))
    assert np.isnan(check.false_alarms_p_value)


@pytest.mark.parametrize("risk", [0.01, 0.05, 0.1, 0.2, 0.25, 0.3])
def test_a_promise_takes_as_many_labels_as_is_said_and_not_one_less(risk: float) -> None:
    for confidence in (None, 0.9):
        needed = labels_for(risk, confidence=confidence)
        for n, holds in ((needed, True), (needed - 1, False)):
            (band,) = refer_bands(
                np.ones(n, dtype=bool), np.linspace(0.1, 0.9, n),
                by_ward(np.zeros(n, np.int64)) if n else Grouping(
                    attribute="", groups=by_ward(np.zeros(1, np.int64)).groups,
                    codes=np.zeros(0, np.int64),
                ),
                miss=risk, confidence=confidence,
            )  # fmt: skip

            assert band.misses.holds is holds
            assert band.misses.labels_needed == (0 if holds else 1)


def test_a_group_with_too_few_labels_is_referred_as_a_whole() -> None:
    y, p = np.array([True, False, True]), np.array([0.9, 0.1, 0.8])
    (band,) = refer_bands(y, p, by_ward(np.zeros(3, np.int64)))
    said = band_decisions([band], np.array([0.0, 0.5, 1.0]), np.zeros(3, np.int64))

    assert band.refers_all
    assert (band.lower, band.upper) == (-inf, inf)
    assert set(said) == {Decision.REFER}


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=60),
    st.floats(0.05, 0.5),
)
def test_on_its_own_cases_a_band_keeps_its_promise_and_its_order(
    rows: list[tuple[bool, float]], risk: float
) -> None:
    y, p = (np.array(column) for column in zip(*rows, strict=True))
    codes = np.zeros(len(y), np.int64)
    bands = refer_bands(y, p, by_ward(codes), miss=risk, false_alarm=risk)
    (check,) = check_bands(bands, y, p, codes)

    assert bands[0].lower <= bands[0].upper
    for wrong in (check.missed, check.false_alarms):
        assert not wrong.is_estimable or wrong.estimate <= risk + 1 / wrong.n


@pytest.mark.parametrize("wrong", [{"miss": 0.0}, {"false_alarm": 1.0}, {"confidence": 1.5}])
def test_a_share_that_is_none_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be in"):
        refer_bands(
            np.array([True]), np.array([0.5]), by_ward(np.zeros(1, np.int64)),
            **wrong,
        )  # fmt: skip
