"""Shrunken cells: the likeliest family by another route, laws, and where there is no family."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import beta, betabinom

from edgefair.audit.shrinkage import BetaPrior, fit_beta_prior, shrink

cells = st.lists(
    st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    min_size=3,
    max_size=30,
)


def log_likelihood(hits: np.ndarray, n: np.ndarray, a: float, b: float) -> float:
    return float(betabinom.logpmf(hits, n, a, b).sum())


@pytest.mark.parametrize("seed", range(4))
def test_the_family_is_the_likeliest_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = rng.integers(3, 40, 24)
    hits = rng.binomial(n, rng.beta(3, 12, 24))

    prior = fit_beta_prior(hits, n)

    assert prior
    found = log_likelihood(hits, n, prior.a, prior.b)
    elsewhere = minimize(
        lambda x: -log_likelihood(hits, n, *np.exp(x)),
        np.log([1.0, 4.0]),
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12},
    )
    within_reach = np.exp(elsewhere.x).sum() < n.sum()
    assert found == pytest.approx(-elsewhere.fun, abs=1e-9) or not within_reach


def test_the_limits_are_those_of_the_posterior() -> None:
    found = shrink([0, 3, 12], [4, 10, 12], BetaPrior(a=2, b=6), level=0.9)

    posterior = beta([2, 5, 14], [10, 13, 6])
    assert found.lower == pytest.approx(posterior.ppf(0.05), abs=1e-9)
    assert found.upper == pytest.approx(posterior.ppf(0.95), abs=1e-9)
    assert found.estimate == pytest.approx(posterior.mean(), abs=1e-12)


@given(cells)
def test_a_shrunken_rate_lies_between_its_own_and_the_familys(
    counted: list[tuple[int, int]],
) -> None:
    hits, n = np.array(counted).T
    prior = fit_beta_prior(hits, n)
    if prior is None:
        return
    found, raw = shrink(hits, n, prior), hits / n

    between = np.sort([raw, np.full(len(raw), prior.mean)], axis=0)
    assert (between[0] - 1e-12 <= found.estimate).all()
    assert (found.estimate <= between[1] + 1e-12).all()
    assert prior.worth <= n.sum() * (1 + 1e-9)


def test_the_smaller_a_cell_the_more_it_borrows() -> None:
    found = shrink([0, 1, 10], [0, 10, 100], BetaPrior(a=1, b=9))

    assert found.borrowed.tolist() == [1, 0.5, pytest.approx(10 / 110)]


@pytest.mark.parametrize(
    ("hits", "n"),
    [([1, 2], [5, 5]), ([0, 0, 0], [5, 6, 7]), ([5, 6, 7], [5, 6, 7]), ([1, 2, 0], [5, 5, 0])],
    ids=["two cells", "no hit", "only hits", "two with cases"],
)
def test_where_there_is_no_family_nothing_is_shrunk(hits: list[int], n: list[int]) -> None:
    assert fit_beta_prior(hits, n) is None
