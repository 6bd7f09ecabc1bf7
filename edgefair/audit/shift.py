"""Whether patients, images or scores are other than the model was measured on.

Every test made in one look is one family, and its false discovery rate is controlled. A shift is
no error: it says that what was measured before release may not hold here, and that labels from
here are needed to know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import isnan, nan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.embedding_shift import (
    EmbeddingSummary,
    maximum_mean_discrepancy,
    mean_shift,
)
from edgefair.audit.image_shift import Against, ImageReference, image_shift
from edgefair.audit.mix import homogeneity, population_stability_index
from edgefair.audit.multiplicity import benjamini_hochberg
from edgefair.audit.prevalence_shift import black_box_prevalence, fit_mixture
from edgefair.audit.score_shift import kolmogorov_smirnov_of_counts
from edgefair.audit.shift_reference import (
    DecisionReference,
    MixReference,
    ScoreReference,
    ShiftReference,
    Stream,
)
from edgefair.records import Group, Interval

__all__ = ["ShiftFinding", "ShiftKind", "look_for_shift"]

_OF_SCORES: Final = ("scores", "prevalence", "misfit")

_BEYOND_CHANCE: Final = 2.0
"""Standardised residual from which a group is named as one that comes more or less often."""


class ShiftKind(StrEnum):
    """What is behind other scores: more or fewer patients with the finding, or other images."""

    NONE_SHOWN = "none shown"
    PREVALENCE = "prevalence"
    COVARIATE = "covariate"
    MIXED = "mixed"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftFinding:
    """One test, corrected together with all others of the same look.

    Attributes
    ----------
    about : str
        An attribute for a mix, a finding for scores and prevalences, ``embeddings``.
    group : Group
        Whom it is about; everybody for a mix.
    test : str
        ``mix of groups``, ``scores``, ``prevalence``, ``misfit``, ``flagged share``, ``images``
        or ``images since the first here``.
    statistic : float
    p_value : float
        Of this test alone; nan where there was too little to test.
    adjusted : float
        By Benjamini and Hochberg over all tests of the look.
    is_shown : bool
        Whether `adjusted` is at most alpha.
    kind : ShiftKind or None
        For scores, prevalence and misfit what the three of one finding and group together say;
        None for the others.
    prevalence : Interval or None
        Estimated without labels, right only if nothing but the prevalence shifted; None where
        the test is not about it.
    stability_index : float
        Population stability index, for display only; nan where there are no bins.
    n : int
        Images here that a test of images rests on; 0 for the others.
    moved : float
        How far images have moved, in standard deviations of single images; nan for others.
    told_apart : float
        Share of pairs of one image from before and one from here that could be told apart, .5
        by a coin; nan likewise.
    spread : float
        How many times more images differ among themselves than before; nan likewise.
    sentence : str
    """

    about: str
    group: Group
    test: str
    statistic: float
    p_value: float
    adjusted: float = nan
    is_shown: bool = False
    kind: ShiftKind | None = None
    prevalence: Interval | None = None
    stability_index: float = nan
    n: int = 0
    moved: float = nan
    told_apart: float = nan
    spread: float = nan
    sentence: str = ""


def look_for_shift(
    reference: ShiftReference, current: Stream, *, seed: int, alpha: float = 0.05
) -> tuple[ShiftFinding, ...]:
    """Return every test of whether the stream differs from the reference.

    Parameters
    ----------
    reference : ShiftReference
    current : Stream
        In the order of the reference's parts.
    seed : int
        The same seed gives the same p-values.
    alpha : float, default=0.05
        Largest share of false discoveries, on average, among the shifts shown.

    Returns
    -------
    tuple of ShiftFinding
        Mixes, then scores, prevalence and misfit of each score reference, then prevalences from
        decisions, then images. One with too little to test is there, with nan.

    Notes
    -----
    Mixes by chi-squared (by permutation where sparse), scores by Kolmogorov and Smirnov on the
    reference's histogram (conservative), prevalence and misfit by the best mixture of its two
    histograms, flagged shares by chi-squared, with the prevalence of Lipton's black box, images
    by the mean of their embeddings or by MMD, see `image_shift`. All take cases as independent:
    give one image a patient. Tests of one stream depend on each other positively for the most
    part, which Benjamini and Hochberg's procedure stands.

    References
    ----------
    .. [1] S. Rabanser, S. Gunnemann, Z. C. Lipton, "Failing loudly: an empirical study of methods
       for detecting dataset shift", NeurIPS (2019).
    .. [2] Y. Benjamini, D. Yekutieli, "The control of the false discovery rate in multiple testing
       under dependency", Annals of Statistics 29 (2001) 1165-1188.

    Examples
    --------
    >>> from edgefair.records import Attribute
    >>> sexes = tuple(Group(attributes=(Attribute(name="sex", value=v),)) for v in "FM")
    >>> before = ShiftReference(
    ...     mixes=(MixReference(attribute="sex", groups=sexes, counts=(500, 500)),)
    ... )
    >>> (found,) = look_for_shift(before, Stream(mixes=((20, 80),)), seed=0)
    >>> found.is_shown, found.sentence
    (True, 'The mix by sex has shifted: fewer sex F, more sex M.')
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be in (0, 1), got {alpha}")
    tests = [
        *(_mix(m, c, seed) for m, c in zip(reference.mixes, current.mixes, strict=True)),
        *(
            one
            for before, now in zip(reference.scores, current.scores, strict=True)
            for one in _scores(before, now)
        ),
        *(
            _decisions(before, *now, seed)
            for before, now in zip(reference.decisions, current.decisions, strict=True)
        ),
        *_images(reference.embeddings, current.embeddings, seed),
        *(
            _look_of_images(before, now, seed)
            for before, now in zip(reference.images, current.images, strict=True)
        ),
    ]
    adjusted = benjamini_hochberg([one.p_value for one in tests]).tolist()
    decided = [
        replace(one, adjusted=p, is_shown=bool(p <= alpha))
        for one, p in zip(tests, adjusted, strict=True)
    ]
    return tuple(_told(_with_kind(one, decided)) for one in decided)


def _mix(before: MixReference, now: Sequence[int], seed: int) -> ShiftFinding:
    found = homogeneity(before.counts, now, seed=seed)
    known = np.nan_to_num(found.residuals)
    fewer = [str(g) for g, r in zip(before.groups, known, strict=True) if r < -_BEYOND_CHANCE]
    more = [str(g) for g, r in zip(before.groups, known, strict=True) if r > _BEYOND_CHANCE]
    said = [
        f"{word} {' and '.join(who)}" for word, who in (("fewer", fewer), ("more", more)) if who
    ]
    return ShiftFinding(
        about=before.attribute,
        group=Group(),
        test="mix of groups",
        statistic=found.statistic,
        p_value=found.p_value,
        stability_index=population_stability_index(before.counts, now),
        sentence=", ".join(said),
    )


def _scores(before: ScoreReference, now: NDArray[np.float64]) -> Iterator[ShiftFinding]:
    here, there = before.counted(now), before.positives + before.negatives
    ks = kolmogorov_smirnov_of_counts(there, here)
    fit = fit_mixture(before.positives, before.negatives, here)
    tenths = [np.add.reduceat(one, _tenths(there)) for one in (there, here)]
    scores = ShiftFinding(
        about=before.finding,
        group=before.group,
        test="scores",
        statistic=ks.distance,
        p_value=ks.p_value,
        stability_index=population_stability_index(*tenths),
    )
    yield scores
    yield replace(
        scores,
        test="prevalence",
        statistic=fit.prevalence.estimate,
        p_value=fit.p_prevalence,
        prevalence=fit.prevalence,
        stability_index=nan,
        sentence="more" if fit.prevalence.estimate > before.prevalence else "less",
    )
    yield replace(
        scores, test="misfit", statistic=fit.misfit, p_value=fit.p_misfit, stability_index=nan
    )


def _tenths(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where bins of about a tenth of the cases begin."""
    reached = np.cumsum(counts) / max(1, int(counts.sum()))
    cuts = np.searchsorted(reached, np.linspace(0.1, 0.9, 9)) + 1
    return np.unique(np.concatenate([[0], cuts[cuts < len(counts)]]))


def _decisions(before: DecisionReference, flagged: int, n: int, seed: int) -> ShiftFinding:
    counts = before.confusion
    of_reference = counts.true_positives + counts.false_positives
    found = homogeneity([of_reference, counts.n - of_reference], [flagged, n - flagged], seed=seed)
    return ShiftFinding(
        about=before.finding,
        group=before.group,
        test="flagged share",
        statistic=found.statistic,
        p_value=found.p_value,
        prevalence=black_box_prevalence(counts, flagged, n),
    )


def _images(
    before: EmbeddingSummary | NDArray[np.float64] | None,
    now: NDArray[np.float64] | None,
    seed: int,
) -> Iterator[ShiftFinding]:
    if before is None or now is None:
        return
    if isinstance(before, EmbeddingSummary):
        found = mean_shift(before, now)
    else:
        found = maximum_mean_discrepancy(before, now, seed=seed)
    yield ShiftFinding(
        about="embeddings",
        group=Group(),
        test="images",
        statistic=found.statistic,
        p_value=found.p_value,
    )


def _look_of_images(before: ImageReference, now: NDArray[np.float64], seed: int) -> ShiftFinding:
    shift = image_shift(before, now, seed=seed)
    return ShiftFinding(
        about="embeddings",
        group=before.group,
        test=before.against.value,
        statistic=shift.found.statistic,
        p_value=shift.found.p_value,
        n=len(now),
        moved=shift.moved.deviations,
        told_apart=shift.moved.told_apart,
        spread=shift.spread,
    )


def _with_kind(one: ShiftFinding, decided: Sequence[ShiftFinding]) -> ShiftFinding:
    if one.test not in _OF_SCORES:
        return one
    shown = {
        other.test: other.is_shown
        for other in decided
        if other.test in _OF_SCORES and (other.about, other.group) == (one.about, one.group)
    }
    if shown["misfit"]:
        kind = ShiftKind.MIXED if shown["prevalence"] else ShiftKind.COVARIATE
    elif shown["prevalence"]:
        kind = ShiftKind.PREVALENCE
    else:
        kind = ShiftKind.UNEXPLAINED if shown["scores"] else ShiftKind.NONE_SHOWN
    return replace(one, kind=kind)


def _told(one: ShiftFinding) -> ShiftFinding:
    who = f" in {one.group}" if one.group.attributes else ""
    subject = {
        "mix of groups": f"the mix by {one.about}",
        "scores": f"the scores for {one.about}{who}",
        "prevalence": f"the prevalence of {one.about}{who}",
        "misfit": f"what the scores for {one.about}{who} are made of",
        "flagged share": f"the share of cases flagged for {one.about}{who}",
        Against.RELEASE.value: f"the look of the images{who}",
        Against.FIRST_HERE.value: f"the look of the images{who} since the first ones here",
    }[one.test]
    if isnan(one.p_value):
        said = f"Too few cases to tell a shift in {subject}."
    elif not one.is_shown:
        said = f"No shift is shown in {subject}, which does not rule one out."
    else:
        said = _shown(one, subject, who)
    return replace(one, sentence=said)


def _shown(one: ShiftFinding, subject: str, who: str) -> str:
    if one.test == "mix of groups":
        return f"The mix by {one.about} has shifted{f': {one.sentence}' if one.sentence else ''}."
    if one.test == "misfit":
        return (
            f"Scores for {one.about}{who} are other than any prevalence would explain: the images "
            "or the patients differ, and what was measured before release may not hold here."
        )
    if one.test == "prevalence" and one.kind is ShiftKind.PREVALENCE and one.prevalence:
        p = one.prevalence
        return (
            f"{one.about.capitalize()}{who} has become {one.sentence} frequent: about "
            f"{100 * p.estimate:.0f}% of cases ({100 * p.level:g}% interval {100 * p.lower:.0f}% "
            f"to {100 * p.upper:.0f}%), if nothing else has shifted."
        )
    if one.test == "prevalence":
        return f"The prevalence of {one.about}{who} may have shifted, but so has more than that."
    if one.test in tuple(Against):
        return _images_have_shifted(one, who)
    have = "have" if one.test == "scores" else "has"
    return (
        f"{subject[0].upper()}{subject[1:]} {have} shifted against what the model was measured on."
    )


def _images_have_shifted(one: ShiftFinding, who: str) -> str:
    before = {
        Against.RELEASE.value: "those that the model was measured on",
        Against.FIRST_HERE.value: "the first ones here",
    }[one.test]
    said = f"Images{who} look other to the model than {before}"
    if one.moved > 0:
        said += (
            f": moved by {one.moved:.1f} standard deviations of single images, so that of a pair, "
            f"one from before and one from now, {100 * one.told_apart:.0f}% could be told apart "
            "(50% by a coin)"
        )
    elif not isnan(one.spread):
        said += f": not moved, but {one.spread:.1f} times as far apart among themselves"
    return f"{said}."
