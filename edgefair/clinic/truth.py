"""How the truth came to be known: why cases were verified, and how far readers agree."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.groups import group_by
from edgefair.audit.inputs import patient_numbers
from edgefair.audit.partly_verified import REASONS, PartlyVerified
from edgefair.audit.reader_disagreement import agreement, label_error
from edgefair.clinic.next_cases import crossed
from edgefair.clinic.subjects import features_of
from edgefair.ledger import Draw, Reading, ScoredCases
from edgefair.records import AuditResult, Cell, Decision, VerifiedBecause
from edgefair.report import Verified

__all__ = [
    "ENOUGH_PAIRS",
    "SecondReadings",
    "notes_on_earlier_draws",
    "notes_on_readers",
    "notes_on_verification",
    "second_readings",
    "stream_of",
    "verified_counts_of",
]

ENOUGH_PAIRS: Final = 20
"""Cases read by two people from which their disagreement is carried into intervals.

With fewer, not even full agreement would rule out that a seventh of the labels is wrong.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondReadings:
    """What several people said of the same cases of one finding.

    Attributes
    ----------
    ratings : ndarray of int64, shape (cases, 2)
        0 or 1, of the first two who read each case.
    """

    ratings: NDArray[np.int64]

    @property
    def pairs(self) -> int:
        """Cases that two people read."""
        return len(self.ratings)

    @property
    def differing(self) -> int:
        """Those of them on which the two differ."""
        return int((self.ratings[:, 0] != self.ratings[:, 1]).sum())

    @property
    def carried(self) -> tuple[int, int] | None:
        """Disagreements and pairs, if there are enough to be carried into intervals."""
        return (self.differing, self.pairs) if self.pairs >= ENOUGH_PAIRS else None


def stream_of(scored: ScoredCases, draws: Sequence[Draw], finding: str) -> PartlyVerified:
    """Return all cases of a finding with why each was verified.

    A case that was drawn to be verified counts as drawn by lot, whatever was typed as the reason
    later. One that was known before it was drawn stands for what it was verified for.
    """
    rows = [i for i, name in enumerate(scored.finding) if name == finding]
    drawn = {(c.case, c.finding) for draw in draws for c in draw.cases if not c.was_known}
    because = []
    for i in rows:
        reason = scored.verified_because[i]
        if reason is not None and (scored.case[i], finding) in drawn:
            reason = VerifiedBecause.RANDOM_AUDIT
        because.append(-1 if reason is None else REASONS.index(reason))
    truth = [scored.y_true[i] for i in rows]
    return PartlyVerified(
        y_true=np.array([-1 if one is None else one for one in truth], np.int64),
        flagged=np.array([scored.y_pred[i] is not Decision.NEGATIVE for i in rows], bool),
        because=np.array(because, np.int64),
        drawn_from=_drawn_from(scored, draws, finding)[rows],
        patients=patient_numbers([scored.patient[i] for i in rows]),
        y_score=np.array([scored.y_score[i] for i in rows], np.float64),
    )


def _drawn_from(scored: ScoredCases, draws: Sequence[Draw], finding: str) -> NDArray[np.int64]:
    """Return the group that each case would have been drawn from, over all draws crossed."""
    designs = [json.loads(draw.design) for draw in draws]
    by = [text for one in designs if finding in one["findings"] for text in one["by"]]
    if not by:
        return np.zeros(len(scored), np.int64)
    (grouping,) = group_by([crossed(tuple(by))], features_of(scored.subject))
    return grouping.codes


def verified_counts_of(finding: str, stream: PartlyVerified) -> tuple[Verified, ...]:
    """Return why the flagged and the cleared of a finding were verified."""
    return tuple(
        Verified(
            finding=finding,
            flagged=flagged,
            because={
                reason.value: int((stream.because[rows] == place).sum())
                for place, reason in enumerate(REASONS)
            },
            unverified=int((stream.because[rows] < 0).sum()),
        )
        for flagged in (True, False)
        for rows in (stream.flagged == flagged,)
    )


def notes_on_verification(result: AuditResult, finding: str, ledger: Path) -> tuple[str, ...]:
    """Return in words how a finding was corrected for who was verified, or why it was refused."""
    cells = {c.metric: c for c in result.overall if c.finding == finding}
    cell = cells.get("sensitivity")
    if cell is None or cell.naive is None:
        return ()
    refused = [
        str(c.group)
        for c in result.by_group
        if c.finding == finding and c.metric == "sensitivity" and c.refused
    ]
    todo = f"`edgefair outcomes next --ledger {ledger} --finding '{finding}'`"
    if cell.refused:
        return (
            f"{finding}: sensitivity, specificity, their errors, npv, prevalence and AUROC are "
            f"refused. {cell.refused.why} The verified cases alone would say a sensitivity of "
            f"{_percent(cell.naive.estimate)}. Do instead: {todo}.",
        )
    said = (
        f"{finding}: rates and AUROC are corrected for who was verified. Within each group and "
        "decision, every case that was drawn counts for those nobody verified, by the inverse of "
        "its chance (Begg and Greenes where all chances are alike); what was verified for a "
        f"reason of its own counts for itself. Sensitivity {_with_limits(cell)}; the verified "
        f"cases alone would say {_percent(cell.naive.estimate)}. Counts of cases are of verified "
        "ones."
    )
    if not refused:
        return (said,)
    return (
        said,
        f"{finding}: refused for {'; '.join(refused)}, where too few of the cleared cases were "
        f"drawn and verified. Do instead: {todo}.",
    )


def notes_on_earlier_draws(scored: ScoredCases, draws: Sequence[Draw]) -> tuple[str, ...]:
    """Return a note if cases were drawn by what another model had said of them.

    Their chances depended on that model's decisions, which the weights do not part cases by.
    """
    others = sum(
        not case.was_known
        for draw in draws
        for case in draw.cases
        if json.loads(draw.design)["bundle_digest"] != scored.bundle_digest
    )
    if not others:
        return ()
    return (
        f"{_cases(others)} drawn when another model read here, more often where it was unsure of "
        "a group; they count as drawn with equal chances within what this model says.",
    )


def second_readings(
    readings: Sequence[Reading], cases: Sequence[str], finding: str
) -> SecondReadings | None:
    """Return what two people said of the same cases; None if no case has two readers."""
    said: dict[str, list[int]] = defaultdict(list)
    wanted = set(cases)
    for one in readings:
        if one.finding == finding and one.case in wanted:
            said[one.case].append(int(one.outcome))
    twice = [outcomes[:2] for outcomes in said.values() if len(outcomes) > 1]
    return SecondReadings(ratings=np.array(twice, np.int64)) if twice else None


def notes_on_readers(finding: str, read: SecondReadings, *, is_carried: bool) -> tuple[str, ...]:
    """Return how far two readers of the same cases agree, and what was made of it."""
    differ = f"{read.pairs:,} case{'' if read.pairs == 1 else 's'} were read by two people"
    said = f"{finding}: {differ}, who differ on {read.differing:,}."
    if read.carried is None:
        return (
            f"{said} That is too few to tell how many labels are wrong (from {ENOUGH_PAIRS} on); "
            "intervals take every label as true.",
        )
    kappa, wrong = agreement(read.ratings).kappa, label_error(*read.carried)
    agreed = (
        f" Kappa {kappa.estimate:.2f} [{kappa.lower:.2f}, {kappa.upper:.2f}]."
        if kappa.is_estimable
        else ""
    )
    made = (
        "intervals and verdicts allow for it."
        if is_carried
        else "intervals are corrected for who was verified, and do not allow for it too."
    )
    return (
        f"{said}{agreed} So {_percent(wrong.estimate)} of labels may be wrong, up to "
        f"{_percent(wrong.upper)}: {made}",
    )


def _cases(n: int) -> str:
    return f"{n:,} case was" if n == 1 else f"{n:,} cases were"


def _with_limits(cell: Cell) -> str:
    value = cell.value
    if not value.is_estimable:
        return "is not estimable"
    return f"is {_percent(value.estimate)} [{_percent(value.lower)}, {_percent(value.upper)}]"


def _percent(share: float) -> str:
    return "n/a" if np.isnan(share) else f"{100 * share:.0f}%"
