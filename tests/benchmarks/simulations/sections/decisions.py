"""Null rates of calibration, conformal coverage, what proposals gain, coverage in other tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, ndtr, ndtri

from edgefair.audit.calibration import calibration_by_group
from edgefair.audit.conformal import check_bands, refer_bands
from edgefair.audit.estimates import Estimates
from edgefair.audit.groups import Grouping
from edgefair.audit.proposals import Aim, HeldOut, propose_group_thresholds, propose_threshold
from edgefair.audit.tasks.agreement import Kappas
from edgefair.audit.tasks.means import Means
from edgefair.records import Attribute, Group
from tests.benchmarks.simulations.figure import Figure, mean_of, share_of

__all__ = ["figures"]

_Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]
Z: Final = 1.959963984540054
SIZES: Final = (10, 20, 50, 200)
TRUE_KAPPA_FROM: Final = 4_000_000
GRADES: Final = (0.5, 0.2, 0.15, 0.1, 0.05)


def figures(*, seed: int, repetitions: int) -> Iterator[Figure]:
    yield from conformal(np.random.default_rng([seed, 1]), repetitions)
    yield from calibration(np.random.default_rng([seed, 2]), max(20, repetitions // 5))
    yield from proposals(np.random.default_rng([seed, 3]), max(20, repetitions // 5))
    yield from errors(np.random.default_rng([seed, 4]), repetitions)
    yield from overlaps(np.random.default_rng([seed, 5]), repetitions)
    yield from kappas(np.random.default_rng([seed, 6]), repetitions)


def groups_of(codes: NDArray[np.int64], k: int) -> Grouping:
    groups = (Group(attributes=(Attribute(name="g", value=str(i)),)) for i in range(k))
    return Grouping(attribute="g", groups=tuple(groups), codes=codes)


def conformal(rng: np.random.Generator, runs: int) -> Iterator[Figure]:
    """Two groups, in one of which the model is mostly wrong; n positives and negatives each."""

    def drawn(n: int) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.int64]]:
        y, codes = np.tile([True, False], 2 * n), np.repeat([0, 1], 2 * n)
        return y, np.where(codes == 0, rng.beta(2 + 3 * y, 4), rng.beta(5 - 3 * y, 2)), codes

    shapes = {"a good": (5, 4), "a wrong": (2, 2)}  # of the positives' scores
    for n in (9, 20, 50, 200):
        covered: dict[str, list[float]] = {name: [] for name in shapes}
        referred: list[float] = []
        for _ in range(runs):
            y, p, codes = drawn(n)
            bands = refer_bands(y, p, groups_of(codes, 2), miss=0.1, false_alarm=0.1)
            for (name, (a, b)), band in zip(shapes.items(), bands, strict=True):
                covered[name].append(1 - float(betainc(a, b, max(0.0, band.lower))))
            y, p, codes = drawn(100)
            referred.append(check_bands(bands, y, p, codes)[0].referred.estimate)
        for name, values in covered.items():
            yield mean_of(
                f"conformal: coverage of positives in {name} model's group, n = {n}", values,
                expected=1 - int(0.1 * (n + 1) + 1e-9) / (n + 1), bar="at least .90",
            )  # fmt: skip
        yield mean_of(f"conformal: referred in the good model's group, n = {n}", referred)


def calibration(rng: np.random.Generator, runs: int) -> Iterator[Figure]:
    for n in (30, 100):
        rejected = dict.fromkeys(("brier", "reliability", "slope", "smooth_error"), 0)
        covered = 0
        for run in range(runs):
            p = rng.beta(1, 2, n)
            y = rng.random(n) < p
            grouping = groups_of(np.zeros(n, dtype=np.int64), 1)
            (found,) = calibration_by_group(y, p, grouping, seed=run, draws=99)
            for name in rejected:
                rejected[name] += found.measure(name).p_value <= 0.05
            covered += found.intercept.lower <= 0 <= found.intercept.upper
        for name, count in rejected.items():
            yield share_of(
                f"calibration: {name} of right probabilities called wrong, n = {n}", count, runs,
                expected=0.05, bar="about .05",
            )  # fmt: skip
        yield share_of(
            f"calibration: coverage of the intercept, n = {n}", covered, runs,
            expected=0.95, bar="about .95",
        )  # fmt: skip


def proposals(rng: np.random.Generator, runs: int) -> Iterator[Figure]:
    """Two groups; root mean square of (true sensitivity - .90) at each way's threshold."""
    aim = Aim(metric="sensitivity", at_least=0.9)

    def off(threshold: float, shift: float) -> float:
        return float(ndtr(2.0 - shift - threshold) - 0.9) ** 2

    for n in (25, 100):
        for shift in (0.0, 0.5, 1.0):
            squares: dict[str, list[float]] = {"one for all": [], "own": [], "held": []}
            for run in range(runs):
                y = np.tile([True, False], 2 * n)
                codes = np.repeat([0, 1], 2 * n)
                score = rng.normal(np.where(y, 2.0 - shift * codes, 0.0))
                cases = HeldOut(
                    y_true=y, score=score, grouping=groups_of(codes, 2), folds=2, seed=run
                )
                held = propose_group_thresholds(
                    cases, aim, current=0.0, lawful_because="a simulation"
                ).thresholds
                common = propose_threshold(cases, aim, current=0.0).thresholds
                for code in (0, 1):
                    ill = np.sort(score[y & (codes == code)])
                    own = float(ill[int(0.1 * n + 1e-9)])
                    for way, threshold in (
                        ("one for all", common[code][1]), ("own", own), ("held", held[code][1]),
                    ):  # fmt: skip
                        squares[way].append(off(threshold, shift * code))
            for way, values in squares.items():
                mean = mean_of("", values)
                yield Figure(
                    what=f"thresholds: {way}, off .90 by, {n} positives, shift {shift:g}",
                    measured=sqrt(mean.measured),
                    error=mean.error / (2 * sqrt(mean.measured)),
                )


def coverage(what: str, estimates: Estimates, truth: float, *, bar: str) -> Figure:
    lower, upper = estimates.limits(Z)
    known = np.isfinite(estimates.estimate)
    hits = int(np.sum((lower <= truth) & (truth <= upper) & known))
    return share_of(what, hits, int(known.sum()), expected=0.95, bar=bar)


def errors(rng: np.random.Generator, runs: int) -> Iterator[Figure]:
    draws: dict[str, tuple[_Draw, float]] = {
        "normal errors": (lambda rng, n: np.abs(rng.normal(size=n)), sqrt(2 / np.pi)),
        "Laplace errors": (lambda rng, n: rng.exponential(size=n), 1.0),
    }
    for name, (draw, truth) in draws.items():
        for n in SIZES:
            found = Means.joined([Means.of(draw(rng, n), lowest=0.0) for _ in range(runs)])
            yield coverage(
                f"mean absolute error: coverage, {name}, n = {n}", found, truth, bar="about .95"
            )


def overlaps(rng: np.random.Generator, runs: int) -> Iterator[Figure]:
    draws: dict[str, tuple[_Draw, float]] = {
        "Beta(20, 2)": (lambda rng, n: rng.beta(20, 2, n), 20 / 22),
        "the same, 5 % at 0": (
            lambda rng, n: np.where(rng.random(n) < 0.05, 0.0, rng.beta(20, 2, n)),
            0.95 * 20 / 22,
        ),
    }
    for name, (draw, truth) in draws.items():
        for n in SIZES:
            found = Means.joined(
                [Means.of(draw(rng, n), lowest=0.0, highest=1.0, worst=0.0) for _ in range(runs)]
            )
            yield coverage(
                f"mean Dice: coverage, {name}, n = {n}", found, truth, bar="at least .95"
            )


def kappas(rng: np.random.Generator, runs: int) -> Iterator[Figure]:
    """Five grades of unequal shares; the model's is the rounded truth with normal noise."""

    def drawn(n: int, noise: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        edges = np.cumsum(GRADES)[:-1]
        truth = np.searchsorted(edges, rng.random(n))
        said = np.clip(np.rint(truth + noise * ndtri(rng.random(n))), 0, 4).astype(np.int64)
        return truth, said

    for noise in (0.6, 1.0):
        a, b = (column.astype(np.float64) for column in drawn(TRUE_KAPPA_FROM, noise))
        chance = a.var() + b.var() + (a.mean() - b.mean()) ** 2
        truth = float(1 - np.mean((a - b) ** 2) / chance)
        for n in SIZES:
            found = Kappas.joined([Kappas.of(*drawn(n, noise), span=4) for _ in range(runs)])
            yield coverage(
                f"quadratic kappa of {truth:.3f}: coverage, n = {n}", found, truth, bar="about .95"
            )
