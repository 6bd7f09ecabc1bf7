"""Labels that are few, late and chosen: what corrections, samplers and guesses are worth.

Scenarios are chosen so that the published figures can come out: with nine of ten flagged and one
of twenty cleared cases verified, a sensitivity of .80 computes as .986.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.auroc import auroc
from edgefair.audit.embedding_shift import EmbeddingSummary
from edgefair.audit.prediction_powered import powered_mean, powered_sensitivity
from edgefair.audit.sampling import Objective, Stratum, allocate, strata_of
from edgefair.audit.shift import ShiftFinding, ShiftKind, look_for_shift
from edgefair.audit.shift_reference import MixReference, ScoreReference, ShiftReference, Stream
from edgefair.audit.verification import (
    VerifiedCounts,
    begg_greenes,
    inclusion_probabilities,
    inverse_probability,
    verified_counts,
)
from edgefair.audit.weighted_auroc import weighted_auroc
from edgefair.audit.without_labels import confidence_based
from edgefair.records import Attribute, Group
from tests.benchmarks.simulations.figure import Figure, mean_of, share_of

Z = 1.959963984540054

_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]


def figures(*, seed: int, repetitions: int) -> Iterator[Figure]:
    """Yield the figures of sections 6, 7 and 12 of the audit's statistics."""
    rng = np.random.default_rng(seed)
    yield from _verification_bias(rng, repetitions)
    yield from _coverage(rng, repetitions)
    yield from _areas(rng, max(50, repetitions // 4))
    yield from _clinical_suspicion(rng, max(50, repetitions // 4))
    yield from _prediction_powered(rng, max(50, repetitions // 2))
    yield from _blind_spot(rng)
    yield from _sampler(rng, max(20, repetitions // 10))
    yield from _shift(rng, max(20, repetitions // 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A stream of cases, a model, and who gets verified."""

    cases: int
    prevalence: float
    sensitivity: float = 0.8
    specificity: float = 0.9
    verified_flagged: float = 0.9
    verified_cleared: float = 0.05

    def drawn(self, rng: np.random.Generator, runs: int) -> VerifiedCounts:
        """Return the counts of that many runs, as groups."""
        p, se, sp = self.prevalence, self.sensitivity, self.specificity
        chances = [p * se, p * (1 - se), (1 - p) * sp, (1 - p) * (1 - sp)]
        tp, fn, tn, fp = rng.multinomial(self.cases, chances, size=runs).T
        return VerifiedCounts(
            flagged=tp + fp,
            cleared=fn + tn,
            true_positives=rng.binomial(tp, self.verified_flagged),
            false_positives=rng.binomial(fp, self.verified_flagged),
            true_negatives=rng.binomial(tn, self.verified_cleared),
            false_negatives=rng.binomial(fn, self.verified_cleared),
        )


def _verification_bias(rng: np.random.Generator, runs: int) -> Iterator[Figure]:
    counts = Site(cases=4000, prevalence=0.12).drawn(rng, runs)
    naive = counts.true_positives / (counts.true_positives + counts.false_negatives)
    corrected = begg_greenes(counts, "sensitivity").estimate
    yield mean_of("sensitivity .80, naive", naive.tolist(), expected=0.986)
    yield mean_of("sensitivity .80, Begg-Greenes", corrected.tolist(), expected=0.806)


def _coverage(rng: np.random.Generator, runs: int) -> Iterator[Figure]:
    sites = (
        Site(cases=300, prevalence=0.1, verified_cleared=0.2),
        Site(cases=1000, prevalence=0.2, verified_cleared=0.18),
        Site(cases=2000, prevalence=0.08, verified_cleared=0.05),
        Site(cases=5000, prevalence=0.03, sensitivity=0.9, verified_cleared=0.04),
        Site(cases=5000, prevalence=0.03, sensitivity=0.6, verified_cleared=0.04),
        Site(cases=2000, prevalence=0.08, verified_cleared=0.3),
    )
    for site in sites:
        counts = site.drawn(rng, runs)
        found = begg_greenes(counts, "sensitivity")
        missed = site.cases * site.prevalence * (1 - site.sensitivity) * site.verified_cleared
        where = f"sensitivity {site.sensitivity:g}, {missed:.1f} missed cases verified"
        lower, upper = found.limits(Z)
        yield share_of(
            f"coverage of the interval, {where}",
            int(((lower <= site.sensitivity) & (site.sensitivity <= upper)).sum()),
            runs,
            expected=0.95,
            bar="at least .93",
        )
        lower, upper = _delta(counts)
        yield share_of(
            f"the delta method's instead, {where}",
            int(((lower <= site.sensitivity) & (site.sensitivity <= upper)).sum()),
            runs,
        )


def _delta(counts: VerifiedCounts) -> tuple[_Floats, _Floats]:
    """Return Begg and Greenes's own limits on the logit scale, half a case added everywhere."""
    n1 = counts.true_positives + counts.false_positives + 1
    n0 = counts.true_negatives + counts.false_negatives + 1
    p1, p0 = (counts.true_positives + 0.5) / n1, (counts.false_negatives + 0.5) / n0
    log_odds = np.log(counts.flagged * p1 / (counts.cleared * p0))
    variance = 1 / counts.flagged + 1 / counts.cleared
    variance = variance + (1 - p1) / (n1 * p1) + (1 - p0) / (n0 * p0)
    half = Z * np.sqrt(variance)
    upper = np.where(counts.false_negatives == 0, 1.0, 1 / (1 + np.exp(-half - log_odds)))
    return 1 / (1 + np.exp(half - log_odds)), upper


def _areas(rng: np.random.Generator, runs: int) -> Iterator[Figure]:
    """Scores of the healthy are normal, those of the ill the same and higher."""
    threshold = 1.2815515655446004  # specificity .9
    for site, higher, truth in (
        (Site(cases=1000, prevalence=0.2, verified_cleared=0.18), 2.123, 0.9334),
        (Site(cases=2000, prevalence=0.08, verified_cleared=0.05), 2.123, 0.9334),
        (Site(cases=5000, prevalence=0.03, sensitivity=0.6, verified_cleared=0.04), 1.535, 0.8611),
        (Site(cases=2000, prevalence=0.08, verified_cleared=0.3), 2.123, 0.9334),
    ):
        estimates, naive, held = [], [], 0
        nobody = np.zeros(site.cases, np.int64)
        for _ in range(runs):
            ill = rng.random(site.cases) < site.prevalence
            score = rng.normal(higher * ill)
            flagged = score > threshold
            chances = np.where(flagged, site.verified_flagged, site.verified_cleared)
            known = rng.random(site.cases) < chances
            seen = np.where(known, ill, -1)
            chance = inclusion_probabilities(flagged, known, np.ones(site.cases, bool))
            rate = inverse_probability(seen, flagged, nobody, chance, "sensitivity")
            found = weighted_auroc(seen, flagged, score, (chance, flagged.astype(int)), rate)
            lower, upper = found.limits(Z)
            held += bool(lower[0] <= truth <= upper[0])
            estimates.append(float(found.estimate[0]))
            naive.append(auroc(ill[known], score[known]).estimate)
        missed = site.cases * site.prevalence * (1 - site.sensitivity) * site.verified_cleared
        where = f"AUROC {truth:.3f}, {missed:.1f} missed cases verified"
        yield mean_of(f"{where}, of the verified alone", naive)
        yield mean_of(f"{where}, corrected", estimates, expected=truth)
        yield share_of(f"{where}, coverage", held, runs, expected=0.95, bar="at least .93")


def _clinical_suspicion(rng: np.random.Generator, runs: int) -> Iterator[Figure]:
    """Half of the ill whom the model cleared look ill and get verified, 3 % of the healthy too."""
    cases, nobody = 2000, np.zeros(2000, dtype=np.int64)
    pooled, weighted, held = [], [], 0
    for _ in range(runs):
        ill = rng.random(cases) < 0.1
        flagged = rng.random(cases) < np.where(ill, 0.8, 0.1)
        suspected = ~flagged & (rng.random(cases) < np.where(ill, 0.5, 0.03))
        verified = suspected | (flagged & (rng.random(cases) < 0.9))
        audited = rng.permutation(np.flatnonzero(~flagged & ~verified))[:100]
        representative = flagged.copy()
        representative[audited] = verified[audited] = True
        truth = np.where(verified, ill, -1)
        chance = inclusion_probabilities(flagged, verified, representative)
        found = inverse_probability(truth, flagged, nobody, chance, "sensitivity")
        lower, upper = found.limits(Z)
        held += bool(lower[0] <= 0.8 <= upper[0])
        weighted.append(float(found.estimate[0]))
        counts = verified_counts(truth, flagged, nobody, 1)
        pooled.append(float(begg_greenes(counts, "sensitivity").estimate[0]))
    yield mean_of("sensitivity .80, suspected cases pooled with the audit", pooled)
    yield mean_of("sensitivity .80, by inverse probability", weighted, expected=0.8)
    yield share_of("its coverage", held, runs, expected=0.95, bar="at least .93")


def _prediction_powered(rng: np.random.Generator, runs: int) -> Iterator[Figure]:
    for said, shape, labels in (
        ("weak", (1.6, 18.0), 200),
        ("middling", (0.5, 2.0), 200),
        ("strong", (0.4, 0.4), 200),
        ("strong", (0.4, 0.4), 30),
    ):
        said = f"{said} predictions, {labels} labels"
        # calibrated probabilities explain 1 / (a + b + 1) of the variance of the truth
        explained = 1 / (sum(shape) + 1) / (1 + labels / 4000)
        p = rng.beta(*shape, size=(runs, labels + 4000))
        y = rng.random(p.shape) < p
        truth = shape[0] / sum(shape)
        found = [
            powered_mean(a[:labels], b[:labels], b[labels:]) for a, b in zip(y, p, strict=True)
        ]
        estimates = np.array([one.interval.estimate for one in found])
        variances = y[:, :labels].mean(axis=1).var(), estimates.var()
        yield Figure(
            what=f"times the labels a prediction-powered mean is worth, {said}",
            measured=float(variances[0] / variances[1]),
            error=float(variances[0] / variances[1] * np.sqrt(4 / runs)),
            expected=round(1 / (1 - explained), 2),
        )
        held = sum(one.interval.lower <= truth <= one.interval.upper for one in found)
        yield share_of(f"its coverage, {said}", held, runs, expected=0.95)
    p = rng.beta(0.5, 1.0, size=1_000_000)
    truth = float((p * (p > 0.4)).sum() / p.sum())
    p = rng.beta(0.5, 1.0, size=(runs, 4200))
    y, flagged = rng.random(p.shape) < p, p > 0.4
    ratios = [
        powered_sensitivity(a[:200], (f[:200], b[:200]), (f[200:], b[200:]))
        for a, f, b in zip(y, flagged, p, strict=True)
    ]
    held = sum(one.interval.lower <= truth <= one.interval.upper for one in ratios)
    yield share_of("coverage of a prediction-powered sensitivity", held, runs, expected=0.95)
    yield mean_of("its gain", [one.gain for one in ratios])


def _blind_spot(rng: np.random.Generator) -> Iterator[Figure]:
    """One patient in five is of a group whose scores say less than those of the others."""
    cases = 4_000_000
    p, minor = rng.beta(1.0, 4.0, cases), rng.random(cases) < 0.2
    threshold = np.quantile(p, 0.6334)
    flatter = p.mean() + 0.7756 * (p - p.mean())
    truly = np.where(minor, flatter, np.clip((p - 0.2 * flatter) / 0.8, 0, 1))
    y, flagged = rng.random(cases) < truly, p > threshold
    guessed = confidence_based(p, flagged, minor.astype(np.int64), 2)[0].estimate
    for name, inside, truth, said in (
        ("the group whose calibration is off", minor, 0.619, 0.693),
        ("the others", ~minor, 0.710, 0.692),
    ):
        ill = int((y & inside).sum())
        hits = int((y & inside & flagged).sum())
        yield share_of(f"sensitivity in {name}", hits, ill, expected=truth)
        yield Figure(
            what=f"what CBPE says of {name}",
            measured=float(guessed[int(inside is minor)]),
            error=0.0005,
            expected=said,
        )


SIZES = (12_000, 5000, 2000, 1000)
PREVALENCE, SPECIFICITY = 0.06, 0.9
SENSITIVITIES = (0.85, 0.8, 0.75, 0.7)
HALF_WIDTH = 0.15


def _sampler(rng: np.random.Generator, runs: int) -> Iterator[Figure]:
    """20,000 cases in four uneven groups, 6 % ill, nine of ten cleared; none verified yet."""
    cells = np.array(
        [
            [
                round(n * PREVALENCE * se),
                round(n * (1 - PREVALENCE) * (1 - SPECIFICITY)),
                round(n * PREVALENCE * (1 - se)),
                round(n * (1 - PREVALENCE) * SPECIFICITY),
            ]
            for n, se in zip(SIZES, SENSITIVITIES, strict=True)
        ]
    )

    def at_random(budget: int) -> _Ints:
        flat = rng.multivariate_hypergeometric(cells.ravel(), budget, size=runs)
        return flat.reshape(runs, len(SIZES), 4)

    by_sampler = {
        objective: lambda budget, objective=objective: _stratified(
            cells, budget, objective, rng, runs
        )
        for objective in Objective
    }
    needed = _labels_needed(cells, at_random)
    what = f"labels until every miss rate is known to +-{HALF_WIDTH}"
    yield Figure(what=f"{what}, cases picked at random", measured=needed, error=10)
    for objective, chosen in by_sampler.items():
        labels = _labels_needed(cells, chosen)
        yield Figure(what=f"{what}, sampler ({objective})", measured=labels, error=10)
        yield Figure(
            what=f"times fewer labels, sampler ({objective})",
            measured=needed / labels,
            error=0.05,
            bar="at least 1.5" if objective is Objective.WIDEST else "",
        )
    for objective in Objective:
        yield Figure(
            what=f"standard error of the least known miss rate, 1000 labels ({objective})",
            measured=_largest_error(objective),
            error=0.0,
        )


def _largest_error(objective: Objective) -> float:
    """Return the largest standard error where groups differ in prevalence and that is known."""
    strata, cells = [], []
    for k, (n, prevalence) in enumerate(zip(SIZES, (0.12, 0.06, 0.03, 0.015), strict=True)):
        flagged = (0.8 * prevalence + 0.1 * (1 - prevalence)) * n
        found, missed = 0.8 * prevalence * n, 0.2 * prevalence * n
        squared = (found + missed) ** 2
        for is_flagged, size, ill, other in (
            (True, flagged, found, missed),
            (False, n - flagged, missed, found),
        ):
            strata.append(
                Stratum(
                    finding="tb",
                    group=Group(attributes=(Attribute(name="g", value=str(k)),)),
                    flagged=is_flagged,
                    unverified=round(size),
                    verified=0,
                    share=ill / size,
                    weight=size * other / squared,
                )
            )
            cells.append(k)
    drawn = allocate(strata, 1000, objective=objective)
    parts = [
        one.weight**2 * one.share * (1 - one.share) / n
        for one, n in zip(strata, drawn, strict=True)
    ]
    return float(np.sqrt(np.bincount(cells, parts).max()))


def _stratified(
    cells: _Ints, budget: int, objective: Objective, rng: np.random.Generator, runs: int
) -> _Ints:
    """Return what was drawn of each cell: tp, fp, fn, tn of each group."""
    nothing = np.zeros(len(cells), dtype=np.int64)
    before = VerifiedCounts(
        flagged=cells[:, 0] + cells[:, 1],
        cleared=cells[:, 2] + cells[:, 3],
        true_positives=nothing,
        false_positives=nothing,
        true_negatives=nothing,
        false_negatives=nothing,
    )
    groups = [Group(attributes=(Attribute(name="g", value=str(k)),)) for k in range(len(cells))]
    # the reference's shares, which know nothing of how the groups differ
    strata = strata_of(before, groups, finding="tb", confirmed=0.34, missed=0.014)
    allocation = np.array(allocate(strata, budget, objective=objective)).reshape(-1, 2)
    ill_flagged = rng.hypergeometric(
        cells[:, 0], cells[:, 1], allocation[:, 0], size=(runs, len(cells))
    )
    ill_cleared = rng.hypergeometric(
        cells[:, 2], cells[:, 3], allocation[:, 1], size=(runs, len(cells))
    )
    healthy = allocation[:, 0] - ill_flagged, allocation[:, 1] - ill_cleared
    return np.stack([ill_flagged, healthy[0], ill_cleared, healthy[1]], axis=2)


def _labels_needed(cells: _Ints, drawn: Callable[[int], _Ints]) -> float:
    """Return the smallest budget, to the next 10, at which the widest interval is narrow enough.

    On the average of runs, by halving.
    """
    low, high = 0, int(cells.sum()) // 10
    while high - low > 1:
        middle = (low + high) // 2
        if _widest(cells, drawn(10 * middle)) <= HALF_WIDTH:
            high = middle
        else:
            low = middle
    return 10.0 * high


def _widest(cells: _Ints, drawn: _Ints) -> float:
    runs = len(drawn)
    tp, fp, fn, tn = (drawn[:, :, k].ravel() for k in range(4))
    found = begg_greenes(
        VerifiedCounts(
            flagged=np.tile(cells[:, 0] + cells[:, 1], runs),
            cleared=np.tile(cells[:, 2] + cells[:, 3], runs),
            true_positives=tp,
            false_positives=fp,
            true_negatives=tn,
            false_negatives=fn,
        ),
        "false_negative_rate",
    )
    lower, upper = found.limits(Z)
    return float(((upper - lower) / 2).reshape(runs, -1).max(axis=1).mean())


SEXES = tuple(Group(attributes=(Attribute(name="sex", value=v),)) for v in "FM")
AGES = tuple(Group(attributes=(Attribute(name="age", value=v),)) for v in ("0", "18", "40", "60"))
AGE_SHARES = (0.15, 0.35, 0.35, 0.15)
DIMENSIONS = 128


def _shift(rng: np.random.Generator, runs: int) -> Iterator[Figure]:
    def looks(**changes: float) -> list[tuple[ShiftFinding, ...]]:
        return [_look(rng, seed, **changes) for seed in range(runs)]

    null = looks()
    yield share_of(
        "looks without any shift that show one",
        sum(any(one.is_shown for one in found) for found in null),
        runs,
        expected=0.05,
        bar="at most .05",
    )
    for test in dict.fromkeys(one.test for one in null[0]):
        tested = [one for found in null for one in found if one.test == test]
        rejected = sum(one.p_value <= 0.05 for one in tested)
        yield share_of(f"false alarms of {test} alone at .05", rejected, len(tested))
    mixed = looks(women=0.3)
    yield mean_of(
        "false discoveries among those shown, mix by sex shifted",
        [
            sum(one.is_shown and one.about != "sex" for one in found)
            / max(1, sum(one.is_shown for one in found))
            for found in mixed
        ],
        bar="at most .05",
    )
    shown = sum(found[0].is_shown for found in mixed)
    yield share_of("women 50 % to 30 % among 300 cases: shown", shown, runs)
    yield from _causes(looks(prevalence=0.2), looks(darker=0.1), runs)


def _causes(
    more: list[tuple[ShiftFinding, ...]], darker: list[tuple[ShiftFinding, ...]], runs: int
) -> Iterator[Figure]:
    def of(found: tuple[ShiftFinding, ...], test: str) -> ShiftFinding:
        return next(one for one in found if one.test == test)

    kinds = [of(found, "scores").kind for found in more]
    yield share_of(
        "prevalence 10 % to 20 % among 300 cases: told as prevalence",
        sum(kind is ShiftKind.PREVALENCE for kind in kinds),
        runs,
    )
    yield share_of(
        "the same told as other images",
        sum(kind in (ShiftKind.COVARIATE, ShiftKind.MIXED) for kind in kinds),
        runs,
    )
    intervals = [one.prevalence for one in (of(found, "prevalence") for found in more)]
    held = sum(ci is not None and ci.lower <= 0.2 <= ci.upper for ci in intervals)
    yield share_of("coverage of the prevalence without labels", held, runs, expected=0.95)
    kinds = [of(found, "scores").kind for found in darker]
    yield share_of(
        "all scores lower by a tenth of the scale: told as other images",
        sum(kind in (ShiftKind.COVARIATE, ShiftKind.MIXED) for kind in kinds),
        runs,
    )
    yield share_of(
        "embeddings moved by a tenth of a deviation, 60 images: shown",
        sum(of(found, "images").is_shown for found in darker),
        runs,
    )


def _look(
    rng: np.random.Generator,
    seed: int,
    *,
    women: float = 0.5,
    prevalence: float = 0.1,
    darker: float = 0.0,
) -> tuple[ShiftFinding, ...]:
    def histogram(values: _Floats) -> _Ints:
        return np.histogram(values, bins=512, range=(0, 1))[0]

    def counts(n: int, shares: tuple[float, ...]) -> tuple[int, ...]:
        return tuple(rng.multinomial(n, shares).tolist())

    mixing = np.linspace(1, 0.1, DIMENSIONS)
    images = rng.normal(size=(1000, DIMENSIONS)) * mixing
    reference = ShiftReference(
        mixes=(
            MixReference(attribute="sex", groups=SEXES, counts=counts(1000, (0.5, 0.5))),
            MixReference(attribute="age", groups=AGES, counts=counts(1000, AGE_SHARES)),
        ),
        scores=(
            ScoreReference(
                finding="tb",
                group=Group(),
                positives=histogram(rng.beta(4, 2, 150)),
                negatives=histogram(rng.beta(1.5, 6, 1350)),
            ),
        ),
        embeddings=EmbeddingSummary(mean=images.mean(axis=0), std=images.std(axis=0), n=1000),
    )
    ill = int(rng.binomial(300, prevalence))
    scores = np.concatenate([rng.beta(4, 2, ill), rng.beta(1.5, 6, 300 - ill)])
    current = Stream(
        mixes=(counts(300, (women, 1 - women)), counts(300, AGE_SHARES)),
        scores=(np.clip(scores - darker, 0, 1),),
        embeddings=(rng.normal(size=(60, DIMENSIONS)) + darker) * mixing,
    )
    return look_for_shift(reference, current, seed=seed)
