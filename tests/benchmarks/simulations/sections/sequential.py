"""Looking every week for two years: false alarms, and how soon a true one comes."""

from __future__ import annotations

from collections.abc import Iterator
from math import log, nan, sqrt
from typing import TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from edgefair.audit.change import (
    average_run_length,
    chart_for,
    running_cusum,
    running_shiryaev_roberts,
    worse_rates,
)
from edgefair.audit.e_values import e_benjamini_hochberg, e_holm
from edgefair.audit.group_against_group import Question, block_log_e
from edgefair.audit.intervals import two_sided_z, wilson_limits
from edgefair.audit.sequential import confidence_sequence, log_e_value
from tests.benchmarks.simulations.figure import Figure, mean_of, share_of

ALPHA = 0.05
LIMIT, WORSE = 0.20, 0.35
WEEKS, PER_WEEK = 104, 3

_Floats: TypeAlias = NDArray[np.float64]
_Flags: TypeAlias = NDArray[np.bool_]


def figures(*, seed: int, repetitions: int) -> Iterator[Figure]:
    rng = np.random.default_rng(seed)
    yield from _false_alarms(rng, repetitions)
    yield from _labels_until_alarm(rng, repetitions)
    yield from _change_after_a_good_time(rng, repetitions)
    yield from _run_lengths(rng, repetitions)
    yield from _confidence_sequences(rng, repetitions)
    yield from _group_against_group(rng, repetitions)
    yield from _corrections(rng, repetitions)


def _false_alarms(rng: np.random.Generator, repetitions: int) -> Iterator[Figure]:
    """Every true rate on the boundary, looked at once a week."""
    weeks = np.arange(1, WEEKS + 1) * PER_WEEK
    expected = {4: (0.629, 0.267, 0.015)}
    for groups in (1, 4, 12):
        errors = _by_week(rng, (repetitions, groups), LIMIT)
        p_values = binom.sf(errors - 1, weeks, LIMIT)
        log_e = _table(LIMIT, WEEKS * PER_WEEK)[weeks, errors]
        naive, bonferroni, evidence = expected.get(groups, (nan, nan, nan))
        start = f"false alarms in two years, {groups} group{'s' if groups > 1 else ''}"
        for name, raised, near, bar in (
            ("weekly exact test", p_values <= ALPHA, naive, ""),
            ("weekly Bonferroni over groups", p_values <= ALPHA / groups, bonferroni, ""),
            (
                "Bonferroni over groups and looks",
                p_values <= ALPHA / groups / WEEKS,
                nan,
                "at most .05",
            ),
            ("e-process", log_e >= log(groups / ALPHA), evidence, "at most .05"),
        ):
            hits = int(np.sum(raised.any(axis=(1, 2))))
            yield share_of(f"{start}: {name}", hits, repetitions, expected=near, bar=bar)


def _labels_until_alarm(rng: np.random.Generator, repetitions: int) -> Iterator[Figure]:
    """From the first label on the rate is the worse one; one of four groups."""
    most = 600
    errors = rng.random((repetitions, most)) < WORSE
    so_far, n = np.cumsum(errors, axis=1), np.arange(1, most + 1)
    log_e = _table(LIMIT, most)[n, so_far]
    p_values = np.where(n % PER_WEEK == 0, binom.sf(so_far - 1, n, LIMIT), 1.0)
    for name, raised, near in (
        ("e-process, every label", log_e >= log(4 / ALPHA), (80, 142)),
        ("weekly exact test corrected for every look", p_values <= ALPHA / 4 / WEEKS, (nan, nan)),
    ):
        waited = _waits(raised)
        for share, expected in zip((0.5, 0.8), near, strict=True):
            what = f"labels until the alarm, .20 -> .35, {share:.0%} of sites: {name}"
            yield _quantile(what, waited, share, expected=expected)


def _change_after_a_good_time(rng: np.random.Generator, repetitions: int) -> Iterator[Figure]:
    """Two years at .15, then .35: what remembers everything against what forgets."""
    good, most, run_length = WEEKS * PER_WEEK, 900, 1000
    errors = np.concatenate(
        [rng.random((repetitions, good)) < 0.15, rng.random((repetitions, most)) < WORSE], axis=1
    )
    n = np.arange(1, good + most + 1)
    chart = chart_for(LIMIT, WORSE, run_length=run_length)
    log_m, _ = running_shiryaev_roberts(errors, limit=LIMIT, rates=worse_rates(LIMIT))
    for name, raised in (
        (
            "e-process over the whole life",
            _table(LIMIT, good + most)[n, np.cumsum(errors, axis=1)] >= log(1 / ALPHA),
        ),
        ("e-detector, run length 1000", log_m >= log(run_length)),
        ("CUSUM chart, run length 1000", running_cusum(errors, chart) >= chart.height),
    ):
        early = raised[:, :good].any(axis=1)
        yield share_of(f"alarm in two good years: {name}", int(early.sum()), repetitions)
        waited = _waits(raised[~early, good:])
        yield _quantile(f"labels from change to alarm, median: {name}", waited, 0.5)
        yield _quantile(f"labels from change to alarm, 80%: {name}", waited, 0.8)


def _run_lengths(rng: np.random.Generator, repetitions: int) -> Iterator[Figure]:
    run_length, most = 200, 4000
    chart = chart_for(LIMIT, WORSE, run_length=run_length)
    for rate in (LIMIT, WORSE):
        errors = rng.random((repetitions, most)) < rate
        waited = _waits(running_cusum(errors, chart) >= chart.height)
        exact = average_run_length(chart, rate)
        what = f"run length of the chart at a rate of {rate:.2f}"
        yield mean_of(what, waited.tolist(), expected=round(exact, 2))
    streams = rng.random((repetitions, 4, most)) < LIMIT
    log_m, _ = running_shiryaev_roberts(streams, limit=LIMIT, rates=worse_rates(LIMIT))
    bar = f"at least {run_length}"
    one, of_four = log_m[:, 0], log_m.max(axis=1)
    yield mean_of("run length of an e-detector", _waits(one >= log(run_length)).tolist(), bar=bar)
    yield mean_of(
        "labels of four groups until any of four e-detectors",
        (4 * _waits(of_four >= log(run_length))).tolist(),
        bar=bar,
    )


def _confidence_sequences(rng: np.random.Generator, repetitions: int) -> Iterator[Figure]:
    most = 1000
    n = np.arange(1, most + 1)
    counts = np.arange(most + 1)
    trials = np.maximum(n[:, np.newaxis], counts)  # the corner of the table above n is not used
    for rate in (0.05, 0.20, 0.50):
        so_far = np.cumsum(rng.random((repetitions, most)) < rate, axis=1)
        for name, (lower, upper), bar in (
            (
                "confidence sequence",
                confidence_sequence(counts, trials, alpha=ALPHA),
                "at most .05",
            ),
            ("Wilson's interval", wilson_limits(counts, trials, two_sided_z(1 - ALPHA)), ""),
        ):
            outside = ((lower > rate) | (upper < rate))[n - 1, so_far]
            what = f"true rate {rate:.2f} ever outside within 1000 labels: {name}"
            yield share_of(what, int(outside.any(axis=1).sum()), repetitions, bar=bar)


def _group_against_group(rng: np.random.Generator, repetitions: int) -> Iterator[Figure]:
    n = np.broadcast_to([PER_WEEK, 3 * PER_WEEK], (repetitions, WEEKS, 2))
    drift = np.linspace(0.1, 0.3, WEEKS)[:, np.newaxis]
    for what, rates, bar in (
        ("equal rates", np.array([0.2, 0.2]), "at most .05"),
        ("equal rates that drift", np.hstack([drift, drift]), "at most .05"),
        ("rates .35 and .20", np.array([0.35, 0.20]), ""),
    ):
        errors = rng.binomial(n, rates)
        name = f"{what}, two years, 3 and 9 labels a week"
        for question in get_args(Question):
            log_e = np.cumsum(block_log_e(errors, n, question=question), axis=-1)
            raised = log_e >= log(1 / ALPHA)
            hits = int(raised.any(axis=1).sum())
            yield share_of(f"alarms at {name}: blocks, {question}", hits, repetitions, bar=bar)
        raised = _score_z(np.cumsum(errors, axis=1), np.cumsum(n, axis=1)) >= 1.6449
        hits = int(raised.any(axis=1).sum())
        yield share_of(f"alarms at {name}: weekly score test", hits, repetitions)


def _corrections(rng: np.random.Generator, repetitions: int) -> Iterator[Figure]:
    """Twelve groups after two years, four of them harmed."""
    rates = np.where(np.arange(12) < 4, 0.30, LIMIT)[:, np.newaxis]
    errors = np.cumsum(rng.binomial(PER_WEEK, rates, (repetitions, 12, WEEKS)), axis=-1)
    weeks = np.arange(1, WEEKS + 1) * PER_WEEK
    log_e = _table(LIMIT, WEEKS * PER_WEEK)[weeks, errors]
    enough = log(1 / ALPHA)
    by_holm = np.array([e_holm(some) >= enough for some in log_e.max(axis=-1)])
    by_bh = np.array([e_benjamini_hochberg(some) >= enough for some in log_e[..., -1]])
    false = int(by_holm[:, 4:].any(axis=1).sum())
    yield share_of("any false alarm of 12 groups, e-Holm", false, repetitions, bar="at most .05")
    shares = by_bh[:, 4:].sum(axis=1) / np.maximum(by_bh.sum(axis=1), 1)
    yield mean_of("false share of alarms, e-BH", shares.tolist(), bar="at most .05")
    for name, found in (("e-Holm, largest so far", by_holm), ("e-BH, at the end", by_bh)):
        yield mean_of(f"harmed groups found, {name}", found[:, :4].mean(axis=1).tolist())


def _by_week(rng: np.random.Generator, shape: tuple[int, ...], rate: float) -> NDArray[np.int64]:
    return np.cumsum(rng.binomial(PER_WEEK, rate, (*shape, WEEKS)), axis=-1)


def _table(limit: float, most: int) -> _Floats:
    """Return the log-evidence of every count, by labels and errors."""
    n, errors = np.arange(most + 1)[:, np.newaxis], np.arange(most + 1)
    return np.where(errors <= n, log_e_value(np.minimum(errors, n), n, limit=limit), nan)


def _waits(raised: _Flags) -> _Floats:
    """Return at which label each stream first alarms; the last one where it never does."""
    last = raised.shape[-1]
    return np.asarray(np.where(raised.any(axis=-1), raised.argmax(axis=-1) + 1.0, last))


def _quantile(what: str, values: _Floats, share: float, *, expected: float = nan) -> Figure:
    """Return a quantile, with the standard error that its neighbours in order tell."""
    spread = sqrt(share * (1 - share) / len(values))
    low, middle, high = np.quantile(
        values, [share - spread, share, share + spread], method="inverted_cdf"
    )
    return Figure(
        what=what, measured=float(middle), error=float(high - low) / 2, expected=expected
    )


def _score_z(errors: NDArray[np.int64], n: NDArray[np.int64]) -> _Floats:
    rate, pooled = errors / n, errors.sum(axis=-1) / n.sum(axis=-1)
    spread = np.sqrt(np.maximum(pooled * (1 - pooled), 1e-12) * np.sum(1 / n, axis=-1))
    return np.asarray((rate[..., 0] - rate[..., 1]) / spread)
