"""Do intervals hold what they promise? By exact enumeration where the sample space allows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, norm

from edgefair.audit.auroc import Aurocs, aurocs, method5_limits
from edgefair.audit.clustered_auroc import design_effects
from edgefair.audit.clusters import ByPatient
from edgefair.audit.disparity import gap_between
from edgefair.audit.estimates import Rates
from edgefair.audit.exact import boschloo, fisher
from edgefair.audit.intervals import (
    clopper_pearson_limits,
    square_and_add,
    two_sided_z,
    wilson_limits,
)
from edgefair.audit.placements import RankedScores
from edgefair.audit.ratios import log_adjusted_limits, mover_r_limits
from edgefair.audit.shrinkage import fit_beta_prior, shrink
from tests.benchmarks.simulations.figure import Figure, mean_of, share_of

Floats = NDArray[np.float64]
Limits = tuple[Floats, Floats]

SIZES: Final = (5, 10, 20, 50, 200)
LEVEL: Final = 0.95
Z: Final = two_sided_z(LEVEL)


def figures(*, seed: int, repetitions: int) -> Iterator[Figure]:
    """Yield the coverage of every interval, then what gaps and small cells do."""
    yield from _one_rate()
    yield from _two_rates()
    yield from _exact_tests()
    yield from _areas(seed, repetitions)
    yield from _clusters(seed, repetitions)
    yield from _clustered_areas(seed, repetitions)
    yield from _gaps(seed, repetitions)
    yield from _small_cells(seed, repetitions)


def _exactly(what: str, measured: float, *, expected: float = np.nan, bar: str = "") -> Figure:
    return Figure(what=what, measured=float(measured), error=0.0, expected=expected, bar=bar)


def _wald(hits: Floats, n: int) -> Limits:
    p = hits / n
    half = Z * np.sqrt(p * (1 - p) / n)
    return p - half, p + half


def _wilson(hits: Floats, n: int) -> Limits:
    return wilson_limits(hits, np.full(hits.shape, n), Z)


def _clopper_pearson(hits: Floats, n: int) -> Limits:
    return clopper_pearson_limits(hits.astype(np.int64), np.full(hits.shape, n), level=LEVEL)


def _one_rate() -> Iterator[Figure]:
    published = {
        ("Wald", 10): 0.400,
        ("Wilson", 10): 0.914,
        ("Clopper-Pearson", 10): 0.988,
        ("Wilson", 20): 0.925,
    }
    methods: dict[str, Callable[[Floats, int], Limits]] = {
        "Wald": _wald,
        "Wilson": _wilson,
        "Clopper-Pearson": _clopper_pearson,
    }
    for name, limits in methods.items():
        for n in SIZES:
            hits = np.arange(n + 1.0)
            lower, upper = limits(hits, n)
            for p in (0.95, 0.85):
                yield _exactly(
                    f"coverage, {name}, n = {n}, p = {p:g}",
                    binom.pmf(hits, n, p)[(lower <= p) & (p <= upper)].sum(),
                    expected=published.get((name, n), np.nan) if p == 0.95 else np.nan,
                    bar="at least .95" if name == "Clopper-Pearson" else "",
                )


def _two_rates() -> Iterator[Figure]:
    p, q, other_n = 0.80, 0.85, 200
    published = {("difference, Newcombe", 10): 0.964, ("difference, Wald", 10): 0.878}
    for n in SIZES:
        hits, other_hits = (grid.ravel() for grid in np.mgrid[: n + 1, : other_n + 1])
        weight = binom.pmf(hits, n, p) * binom.pmf(other_hits, other_n, q)
        one = (hits / n, *_wilson(hits, n))
        other = (other_hits / other_n, *_wilson(other_hits, other_n))
        half = Z * np.sqrt(one[0] * (1 - one[0]) / n + other[0] * (1 - other[0]) / other_n)
        apart = one[0] - other[0]
        for name, (lower, upper), truth in (
            ("difference, Newcombe", square_and_add(one, other), p - q),
            ("difference, Wald", (apart - half, apart + half), p - q),
            ("ratio, MOVER-R", mover_r_limits(one, other), p / q),
            (
                "ratio, log-adjusted",
                log_adjusted_limits(hits, n, other_hits, other_n, level=LEVEL),
                p / q,
            ),
        ):
            yield _exactly(
                f"coverage, {name}, n = {n} against 200, .80 and .85",
                weight[(lower <= truth) & (truth <= upper)].sum(),
                expected=published.get((name, n), np.nan),
            )


def _exact_tests() -> Iterator[Figure]:
    n, other_n = 10, 20
    hits, other_hits = (grid.ravel() for grid in np.mgrid[: n + 1, : other_n + 1])
    by_fisher = fisher(hits, n, other_hits, other_n) <= 0.05
    tables = zip(hits.tolist(), other_hits.tolist(), strict=True)
    by_boschloo = np.array([boschloo(x, n, y, other_n) <= 0.05 for x, y in tables])
    for name, rejects in (("Fisher", by_fisher), ("Boschloo", by_boschloo)):
        for p, q in ((0.15, 0.15), (0.5, 0.5), (0.2, 0.7)):
            weight = binom.pmf(hits, n, p) * binom.pmf(other_hits, other_n, q)
            yield _exactly(
                f"rejections, {name}, 10 against 20, {p:g} and {q:g}",
                weight[rejects].sum(),
                bar="at most .05" if p == q else "",
            )


def _areas(seed: int, repetitions: int) -> Iterator[Figure]:
    rng = np.random.default_rng(seed)
    for area in (0.955, 0.80):
        shift = norm.ppf(area) * np.sqrt(2)
        for m in SIZES:
            n = 10 * m if m < 50 else 2 * m
            found = _drawn_areas(rng, m, n, shift, repetitions)
            spread = np.sqrt(np.maximum(found.variance, 0))
            which = f"{m} and {n} cases, A = {area:g}"
            for name, (lower, upper) in (
                ("AUROC as reported", found.limits(Z)),
                (
                    "AUROC, method 5",
                    method5_limits(found.estimate, found.positives, found.negatives, Z),
                ),
                ("AUROC, Wald-DeLong", (found.estimate - Z * spread, found.estimate + Z * spread)),
            ):
                is_published = m == 5 and area == 0.955 and name.endswith("Wald-DeLong")
                yield share_of(
                    f"coverage, {name}, {which}",
                    int(np.sum((lower <= area) & (area <= upper))),
                    repetitions,
                    expected=0.692 if is_published else np.nan,
                    bar=".949 to .971 published" if name.endswith("5") and m == 5 else "",
                )


def _drawn_areas(
    rng: np.random.Generator, m: int, n: int, shift: float, repetitions: int
) -> Aurocs:
    """Return the areas of all repetitions, each as one group of one large set of cases."""
    truth = np.tile(np.arange(m + n) < m, repetitions)
    scores = rng.normal(size=truth.size) + shift * truth
    codes = np.repeat(np.arange(repetitions), m + n)
    return aurocs(RankedScores.of(truth, scores).moments(codes, repetitions)[0])


def _clusters(seed: int, repetitions: int) -> Iterator[Figure]:
    """Yield the coverage over patients of one to four images, half alike."""
    rng = np.random.default_rng(seed)
    for p in (0.15, 0.5):
        for patients in SIZES:
            size = rng.choice(4, (repetitions, patients), p=[0.4, 0.3, 0.2, 0.1]) + 1
            own = rng.beta(p, 1 - p, size.shape)  # intraclass correlation 1 / 2
            hits = rng.binomial(size, own)
            which = f"{patients} patients of 1 to 4 images, p = {p:g}, ICC .5"
            rates = _rates_over_patients(hits, size)
            for name, limits in (
                ("images as if independent", Rates(rates.hits, rates.n).limits(Z)),
                ("effective cases", rates.limits(Z)),
            ):
                yield _covered(f"coverage, {name}, {which}", limits, p)


def _clustered_areas(seed: int, repetitions: int) -> Iterator[Figure]:
    """Yield the same of areas: half the patients ill, half of a score's variance theirs."""
    rng = np.random.default_rng(seed)
    area = 0.90
    shift = norm.ppf(area) * np.sqrt(2)
    for patients in (20, 50, 200):
        images = rng.choice(4, repetitions * patients, p=[0.4, 0.3, 0.2, 0.1]) + 1
        patient = np.repeat(np.arange(images.size), images)
        truth = patient % 2 == 0
        own = rng.normal(size=images.size)[patient]
        scores = shift * truth + np.sqrt(0.5) * (own + rng.normal(size=patient.size))
        codes = patient // patients
        ranked = RankedScores.of(truth, scores)
        found = aurocs(ranked.moments(codes, repetitions)[0])
        effect, _ = design_effects(ranked, codes, patient, repetitions)
        for name, areas in (
            ("images as if independent", found),
            ("effective cases", found.with_design_effect(effect)),
        ):
            yield _covered(
                f"coverage, AUROC, {name}, {patients} patients of 1 to 4 images, A = .9",
                areas.limits(Z),
                area,
            )


def _rates_over_patients(hits: NDArray[np.int64], size: NDArray[np.int64]) -> Rates:
    """Return the hit rate of each repetition, its images weighed by patient."""
    repetitions, patients = size.shape
    images = size.ravel()
    patient = np.repeat(np.arange(images.size), images)
    place = np.arange(images.sum()) - np.repeat(np.cumsum(images) - images, images)
    flagged = place < np.repeat(hits.ravel(), images)
    codes = patient // patients
    counted = ByPatient.of(np.ones(len(codes), bool), flagged, patient, codes, repetitions)
    return Rates(hits.sum(axis=1), size.sum(axis=1), counted.worth("positives")[0])


def _covered(what: str, limits: Limits, p: float) -> Figure:
    inside = (limits[0] <= p) & (p <= limits[1])
    return share_of(what, int(inside.sum()), len(inside))


def _gaps(seed: int, repetitions: int) -> Iterator[Figure]:
    expected = {(2, 20): 0.09, (4, 20): 0.162, (6, 20): 0.199, (6, 50): 0.127, (4, 100): 0.073}
    for (groups, n), published in expected.items():
        cumulative = binom.cdf(np.arange(n), n, 0.85)
        # E max - E min, each a sum of its tail
        gap = ((1 - cumulative**groups) - (1 - cumulative) ** groups).sum() / n
        what = f"expected max - min with no disparity, {groups} groups x {n}"
        yield _exactly(what, gap, expected=published)
    rng = np.random.default_rng(seed)
    for name, rates, n, published in (
        ("no disparity, 4 x 20", (0.85,) * 4, 20, 0.030),
        ("no disparity, 4 x 100", (0.85,) * 4, 100, np.nan),
        ("one group .65 of .85, 4 x 50", (0.65, 0.85, 0.85, 0.85), 50, np.nan),
        ("one group .65 of .85, 4 x 100", (0.65, 0.85, 0.85, 0.85), 100, np.nan),
    ):
        drawn = rng.binomial(n, rates, (repetitions, len(rates)))
        sizes = np.full(len(rates), n)
        tested = [
            gap_between(Rates(hits, sizes), seed=run, permutations=499).p_value <= 0.05
            for run, hits in enumerate(drawn)
        ]
        bar = "at most .05" if len(set(rates)) == 1 else ""
        yield share_of(
            f"rejections of the permutation test, {name}",
            sum(tested),
            repetitions,
            expected=published,
            bar=bar,
        )


def _small_cells(seed: int, repetitions: int) -> Iterator[Figure]:
    """Yield how far 24 cells with 150 positives in all err, raw and drawn together."""
    for spread in (0.05, 0.08):
        which = f"24 cells with 150 positives, rates .25 +- {spread:g}"
        raw, shrunken, covered, widths = _drawn_together(seed, repetitions, spread)
        yield mean_of(f"RMSE of {which}, raw", raw, expected=0.243)
        yield mean_of(f"RMSE of {which}, drawn together", shrunken, expected=0.070)
        yield mean_of(f"coverage of drawn-together intervals, {which}", covered)
        yield mean_of(f"width of drawn-together intervals, {which}", widths)


def _drawn_together(seed: int, repetitions: int, spread: float) -> tuple[list[float], ...]:
    """Return the errors raw and drawn together, coverage and width, one of each a run."""
    rng = np.random.default_rng(seed)
    runs = []
    for _ in range(repetitions):
        n = rng.multinomial(150, rng.dirichlet(np.ones(24)))
        truth = rng.beta(*_beta(0.25, spread), 24)
        hits = rng.binomial(n, truth)
        prior = fit_beta_prior(hits, n)
        if prior is None:
            continue
        found = shrink(hits, n, prior, level=LEVEL)
        errors = ((hits / np.maximum(n, 1) - truth)[n > 0], (found.estimate - truth)[n > 0])
        inside = (found.lower <= truth) & (truth <= found.upper)
        runs.append(
            (*map(_root_mean_square, errors), inside.mean(), np.mean(found.upper - found.lower))
        )
    return tuple(list(map(float, column)) for column in zip(*runs, strict=True))


def _beta(mean: float, spread: float) -> tuple[float, float]:
    worth = mean * (1 - mean) / spread**2 - 1
    return mean * worth, (1 - mean) * worth


def _root_mean_square(errors: Floats) -> float:
    return float(np.sqrt(np.mean(errors**2)))
