"""Who is being seen at a clinic, and whether the stream is what the model was measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import erfc, isnan, nan, sqrt
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.groups import By, group_by
from edgefair.audit.mix import jensen_shannon_distance, standardised_residuals
from edgefair.audit.multiplicity import benjamini_hochberg
from edgefair.audit.shift import ShiftFinding, look_for_shift
from edgefair.audit.shift_reference import MixReference, ShiftReference, Stream
from edgefair.audit.without_labels import confidence_based
from edgefair.bundle.archive import Bundle
from edgefair.bundle.shelf import carried_bundles, installed_in, open_bundle
from edgefair.clinic.image_shift import Images, images_of
from edgefair.clinic.in_groups import are_in
from edgefair.clinic.subjects import features_of
from edgefair.errors import EdgefairError, NotEnoughData
from edgefair.interop.catchment import PopulationShare, read_population
from edgefair.ledger import Ledger, ScoredCases
from edgefair.records import UNKNOWN, Decision, Group
from edgefair.report.early_warning import EarlyWarnings, Guess, SeenGroup, ShiftTest

__all__ = ["GROUPS", "Look", "shift_of_ledger"]

GROUPS: Final = ("sex", "age:0,18,40,60,80")
"""What rates are guessed for unless asked otherwise: all that a ledger knows of everybody."""

_SEED: Final = 0

_GUESSED: Final = ("sensitivity", "specificity", "ppv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is to be looked at, and held against what.

    Attributes
    ----------
    home : Path
        Where this PC keeps its models and what it trusts.
    bundle : str or None
        The bundle that the model came in, with its reference: a file, or a name; None looks for
        the ledger's model among those carried and installed.
    catchment : Path or None
        Shares of the population, as `edgefair.interop.catchment` reads them.
    by : tuple of str
        Groups to guess rates for.
    since : str
        First day of the stream, ISO 8601; empty for all of it.
    alpha : float
        Expected share of false discoveries among the shifts shown, at most; in (0, 1).
    """

    home: Path
    bundle: str | None = None
    catchment: Path | None = None
    by: tuple[str, ...] = GROUPS
    since: str = ""
    alpha: float = 0.05


def shift_of_ledger(path: Path, look: Look) -> EarlyWarnings:
    """Return who is being seen, what has shifted, and what rates may be, without any outcome.

    Parameters
    ----------
    path : Path
        The ledger; it is only read.
    look : Look

    Raises
    ------
    NotEnoughData
        If the model scored nothing in that time.
    BadTable, InputError
        If the catchment or a grouping cannot be read.
    LedgerError, ModelError
        If the ledger or the bundle cannot be read.
    """
    bundle = _opened(look.bundle, look.home) if look.bundle else None
    population = read_population(look.catchment) if look.catchment else ()
    with Ledger.open(path, read_only=True) as ledger:
        scored = ledger.scored(bundle_digest=bundle.digest if bundle else None)
        kept = ledger.small_embeddings(bundle_digest=scored.bundle_digest)
    stream = _Rows.of(scored, look.since)
    if not len(stream.rows):
        raise _nothing(path, bundle, look.since)
    bundle = bundle or _at_hand(scored.bundle_digest, look.home)
    seen, distances = _seen(stream, population, look.alpha)
    images = images_of(scored, kept, bundle, since=look.since)
    tests, notes = _tests(stream, bundle, images, look.alpha)
    notes = notes if bundle else (*_without(scored), *notes)
    guesses, caution = _guesses(stream, look.by)
    return EarlyWarnings(
        model=scored.model,
        bundle_digest=scored.bundle_digest,
        reference=_reference(bundle) if bundle else "",
        patients=stream.patients,
        images=stream.images,
        since=look.since,
        alpha=look.alpha,
        seen=seen,
        distances=distances,
        tests=tests,
        guesses=guesses,
        caution=caution,
        notes=(*notes, *_notes(stream, population)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """One image of each patient and finding; every array of shape (rows,)."""

    rows: NDArray[np.int64]
    finding: NDArray[Any]
    score: NDArray[np.float64]
    flagged: NDArray[np.bool_]
    person: NDArray[np.int64]
    features: Mapping[str, NDArray[Any]]
    images: int

    @classmethod
    def of(cls, scored: ScoredCases, since: str) -> _Rows:
        """Return the first image of each patient and finding from a day on, ``YYYY-MM-DD``."""
        first: dict[tuple[str, str], int] = {}
        images = set()
        for i, (case, patient, day) in enumerate(
            zip(scored.case, scored.patient, scored.predicted_at, strict=True)
        ):
            if day[:10] >= since:
                images.add(case)
                first.setdefault((patient or f"\0{case}", scored.finding[i]), i)
        rows = np.array(list(first.values()), np.int64)
        people: dict[str, int] = {}
        return cls(
            rows=rows,
            finding=np.array([scored.finding[i] for i in rows], object),
            score=np.array([scored.y_score[i] for i in rows], np.float64),
            flagged=np.array([scored.y_pred[i] is not Decision.NEGATIVE for i in rows], bool),
            person=np.array([people.setdefault(who, len(people)) for who, _ in first], np.int64),
            features=features_of([scored.subject[i] for i in rows]),
            images=len(images),
        )

    @property
    def patients(self) -> int:
        """How many patients the rows are of."""
        return len(np.unique(self.person))

    def one_a_patient(self) -> NDArray[np.int64]:
        """Return the first row of each patient."""
        return np.unique(self.person, return_index=True)[1]

    def are_in(self, group: Group) -> NDArray[np.bool_]:
        """Return which rows are of a group that a bundle names."""
        return are_in(group, self.features, n=len(self.rows))


def _nothing(path: Path, bundle: Bundle | None, since: str) -> NotEnoughData:
    whose = f" of {bundle.manifest.label}" if bundle else ""
    when = f" since {since}" if since else ""
    return NotEnoughData(
        f"{path} holds no score{whose}{when}.",
        hint="Name the bundle that made the scores with -m, or an earlier day.",
    )


def _at_hand(digest: str, home: Path) -> Bundle | None:
    """Return the bundle of that digest among those carried and installed; None if not there."""
    installed = (release.path for release in installed_in(home).releases())
    for path in (*carried_bundles(), *installed):
        try:
            bundle = _opened(path, home)
        except EdgefairError:  # one that is damaged is not the one looked for
            continue
        if bundle.digest == digest:
            return bundle
    return None


def _opened(name: str | Path, home: Path) -> Bundle:
    # nothing is read by it here; that nobody vouches for its reference is said
    return open_bundle(name, home, allow_unsigned=True)


def _reference(bundle: Bundle) -> str:
    measured_on = bundle.manifest.reference.measured_on
    return f"{bundle.manifest.label} ({bundle.trust}), measured on {measured_on}"


def _without(scored: ScoredCases) -> tuple[str, ...]:
    return (
        f"No shift was looked for: {scored.model} is in no bundle at hand, whose reference the "
        "stream would be held against. Name its bundle with -m.",
    )


def _seen(
    stream: _Rows, population: Sequence[PopulationShare], alpha: float
) -> tuple[tuple[SeenGroup, ...], tuple[tuple[str, float], ...]]:
    people = stream.one_a_patient()
    found: list[SeenGroup] = []
    distances = []
    for by in dict.fromkeys(one.by for one in population):
        shares = {one.group: one.share for one in population if one.by == by}
        (grouping,) = group_by([By.parse(by)], stream.features)
        counted = dict.fromkeys(shares, 0)
        for code in grouping.codes[people].tolist():
            name = ", ".join(a.value for a in grouping.groups[code].attributes)
            if name in counted:
                counted[name] += 1
        counts, of_all = list(counted.values()), list(shares.values())
        distances.append((by.partition(":")[0], jensen_shannon_distance(counts, of_all)))
        residuals = standardised_residuals(counts, np.array(of_all) / sum(of_all))
        found += [
            SeenGroup(
                by=by,
                group=name,
                seen=count,
                share_seen=count / sum(counts) if sum(counts) else nan,
                share=shares[name],
                residual=residual,
                adjusted=nan,
                is_shown=False,
            )
            for (name, count), residual in zip(counted.items(), residuals.tolist(), strict=True)
        ]
    p_values = [erfc(abs(one.residual) / sqrt(2)) for one in found]
    adjusted = benjamini_hochberg(p_values).tolist()
    return (
        tuple(
            replace(one, adjusted=p, is_shown=p <= alpha)
            for one, p in zip(found, adjusted, strict=True)
        ),
        tuple(distances),
    )


def _tests(
    stream: _Rows, bundle: Bundle | None, images: Images, alpha: float
) -> tuple[tuple[ShiftTest, ...], tuple[str, ...]]:
    whole = ShiftReference.of_bundle(bundle.manifest.reference) if bundle else ShiftReference()
    here = set(stream.finding.tolist())
    reference = replace(
        whole,
        mixes=tuple(m for m in whole.mixes if _can_be_counted(m, stream)),
        scores=tuple(one for one in whole.scores if one.finding in here),
        decisions=tuple(
            one
            for one in whole.decisions
            if one.finding in here
            and len(one.group.attributes) == 1
            and one.group.attributes[0].name in stream.features
        ),
        embeddings=None,
        images=images.before,
    )
    people = np.zeros(len(stream.rows), bool)
    people[stream.one_a_patient()] = True
    current = Stream(
        mixes=tuple(
            tuple(int((stream.are_in(group) & people).sum()) for group in mix.groups)
            for mix in reference.mixes
        ),
        scores=tuple(stream.score[stream.finding == one.finding] for one in reference.scores),
        decisions=tuple(
            (int((rows & stream.flagged).sum()), int(rows.sum()))
            for one in reference.decisions
            for rows in (stream.are_in(one.group) & (stream.finding == one.finding),)
        ),
        images=images.now,
    )
    found = look_for_shift(reference, current, seed=_SEED, alpha=alpha)
    left = [mix.attribute for mix in whole.mixes if mix not in reference.mixes and _is_plain(mix)]
    notes = (
        f"Not recorded here, so not compared: {', '.join(left)}." if left else "",
        "By group, the share of cases that the model flags is compared; scores themselves are "
        "compared over everybody, since a bundle keeps no scores by group."
        if reference.scores
        else "",
        *images.notes,
    )
    return tuple(_test(one) for one in found), tuple(note for note in notes if note)


def _is_plain(mix: MixReference) -> bool:
    return all(len(group.attributes) == 1 for group in mix.groups)


def _can_be_counted(mix: MixReference, stream: _Rows) -> bool:
    return _is_plain(mix) and mix.attribute in stream.features


def _test(one: ShiftFinding) -> ShiftTest:
    return ShiftTest(
        about=one.about,
        group=str(one.group),
        test=one.test,
        statistic=one.statistic,
        p_value=one.p_value,
        adjusted=one.adjusted,
        is_shown=one.is_shown,
        kind=one.kind.value if one.kind else "",
        prevalence=one.prevalence,
        stability_index=one.stability_index,
        n=one.n,
        moved=one.moved,
        told_apart=one.told_apart,
        spread=one.spread,
        sentence=one.sentence,
    )


def _guesses(stream: _Rows, by: Sequence[str]) -> tuple[tuple[Guess, ...], str]:
    """Return rates guessed from the scores alone, of everybody and by group, and the caution."""
    groupings = group_by([By.parse(text) for text in by], stream.features)
    everybody = ((Group(),), np.zeros(len(stream.rows), np.int64))
    parts = [everybody, *((g.groups, g.codes) for g in groupings)]
    guesses: list[Guess] = []
    caution = ""
    for finding in dict.fromkeys(stream.finding.tolist()):
        of = stream.finding == finding
        for groups, codes in parts:
            found = confidence_based(stream.score[of], stream.flagged[of], codes[of], len(groups))
            caution = found[0].caution
            guesses += [
                Guess(
                    finding=finding,
                    group=str(group),
                    metric=one.metric,
                    estimate=float(one.estimate[k]),
                    n=int(one.n[k]),
                )
                for k, group in enumerate(groups)
                for one in found
                if one.metric in _GUESSED
            ]
    return tuple(guesses), caution


def _notes(stream: _Rows, population: Sequence[PopulationShare]) -> tuple[str, ...]:
    people = stream.one_a_patient()
    notes = []
    for name in dict.fromkeys(t.name for one in population for t in By.parse(one.by).terms):
        column = stream.features[name][people]
        missing = sum(one == UNKNOWN or (isinstance(one, float) and isnan(one)) for one in column)
        if missing:
            notes.append(
                f"Of {missing:,} patients {name} is not known; they are in no group of the "
                "catchment."
            )
    return tuple(notes)
