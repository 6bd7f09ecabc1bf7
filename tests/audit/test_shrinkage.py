"""Shrunken cells: the likeliest family by another route, laws, and where there is no family."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import beta, betabinom

from edgefair.audit.shrinkage import BetaPrior, fit_beta_prior, shrink

cells = st.lists(
    st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    min_size=3,
    max_size=30,
)


def log_posterior(hits: NDArray[np.int64], n: NDArray[np.int64], a: float, b: float) -> float:
    """Return the log posterior density of (mean, log (a + b)) under uniform shrinkage."""
    likelihood = float(betabinom.logpmf(hits, n, a, b).sum())
    return float(likelihood + np.log(a + b) - 2 * np.log(a + b + n.mean()))


@pytest.mark.parametrize("seed", range(6))
def test_the_family_is_the_one_the_cells_speak_for_most(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = rng.integers(3, 40, 24)
    hits = rng.binomial(n, rng.beta(3, 12, 24))

    prior = fit_beta_prior(hits, n)

    assert prior
    elsewhere = minimize(
        lambda x: -log_posterior(hits, n, *np.exp(x)),
        np.log([1.0, 4.0]),
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12},
    )
    assert log_posterior(hits, n, prior.a, prior.b) == pytest.approx(-elsewhere.fun, abs=1e-9)
    assert (prior.a, prior.b) == pytest.approx(np.exp(elsewhere.x), rel=1e-4)


def test_cells_that_differ_by_no_more_than_chance_borrow_much_but_not_all() -> None:
    prior = fit_beta_prior([2] * 10, [10] * 10)

    assert prior
    assert prior.mean == pytest.approx(0.2, abs=0.01)
    assert 10 < prior.worth < 1000


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
