"""What a proposal is made from: all that a model said of a finding, and what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.groups import By, Grouping, Term, group_by
from edgefair.audit.logistic import logit
from edgefair.bundle.site import Adopted, Condition, SiteRule, SiteSetting
from edgefair.clinic.adopting import Change, adopted_so_far, site_decisions
from edgefair.errors import InputError, NotEnoughData
from edgefair.ledger import Ledger, ScreenedCases
from edgefair.records import UNKNOWN, Decision, Group, Subject, VerifiedBecause

__all__ = ["Material", "conditions_of", "from_ledger"]

_Floats: TypeAlias = NDArray[np.float64]
_Bools: TypeAlias = NDArray[np.bool_]

_EXACTLY = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """All cases of one finding that one model gave a score for.

    Attributes
    ----------
    model, bundle_digest : str
        Both empty where a table is all there is.
    finding : str
    operating_point : str
        What decides now.
    in_force : SiteRule
        The same as a rule, so that it can be kept where only something else is to change.
    probability : ndarray of float64, shape (n,)
        The bundle's own, whatever was shown; of a table, the score.
    flagged_then : ndarray of bool, shape (n,)
        Whether the model wanted somebody to look when it read the image: by this people were
        chosen to be verified.
    current : ndarray of float64, shape (n,)
        From which probability on somebody is to look at this case now.
    outcome : ndarray of int64, shape (n,)
        1, 0, or -1 where nobody has verified it.
    because : tuple of (VerifiedBecause or None)
        Empty where nobody recorded why.
    drawn_with : ndarray of float64, shape (n,)
        Chance with which a case was drawn to be verified; nan if it was not drawn.
    grouping : Grouping
    conditions : tuple of (tuple of Condition)
        What puts a patient into each group; empty for one that is not known.
    patients : ndarray of int64, shape (n,), or None
    can_recalibrate : bool
        Whether each probability follows from its own score alone.
    """

    model: str
    bundle_digest: str
    finding: str
    operating_point: str
    in_force: SiteRule
    probability: _Floats
    flagged_then: _Bools
    current: _Floats
    outcome: NDArray[np.int64]
    because: tuple[VerifiedBecause | None, ...]
    drawn_with: _Floats
    grouping: Grouping
    conditions: tuple[tuple[Condition, ...], ...]
    patients: NDArray[np.int64] | None
    can_recalibrate: bool

    def __len__(self) -> int:
        return len(self.probability)


def from_ledger(ledger: Ledger, *, finding: str | None, by: str) -> Material:
    """Return what a ledger holds of one finding.

    Parameters
    ----------
    ledger : Ledger
    finding : str or None
        May be None where the model has only one.
    by : str
        How everybody is parted, e.g. ``sex`` or ``age:0,18,60``.

    Raises
    ------
    NotEnoughData
        If nothing is recorded of the finding.
    InputError
        If several findings could be meant, or `by` names what is not recorded.
    """
    screened = ledger.screened()
    chosen = _finding(screened, finding)
    past = adopted_so_far(ledger)
    now = site_decisions(ledger, screened.bundle_digest).of(chosen)
    rows = np.flatnonzero(np.array([name == chosen for name in screened.finding]))
    return _of_rows(screened, rows, past, now, By.parse(by))


def conditions_of(by: By, groups: Sequence[Group]) -> tuple[tuple[Condition, ...], ...]:
    """Return what puts a patient into each group; nothing can put anybody into an unknown one.

    Examples
    --------
    >>> by = By.parse("age:0,18,60")
    >>> (found,) = group_by([by], {"age": np.array([70.0])})
    >>> conditions_of(by, found.groups)[2][0].lower
    60.0
    """
    bounds = {term.name: _bounds(term) for term in by.terms}
    return tuple(
        ()
        if any(attribute.value == UNKNOWN for attribute in group.attributes)
        else tuple(
            bounds[attribute.name].get(
                attribute.value, Condition(name=attribute.name, value=attribute.value)
            )
            for attribute in group.attributes
        )
        for group in groups
    )


def _bounds(term: Term) -> dict[str, Condition]:
    """Return the bounds of each bin, by its label; none for an attribute without bins."""
    if not term.edges:
        return {}
    below = term.edges[0] - 1
    inside = np.array([below, *term.edges])
    (bins,) = group_by([By(terms=(term,))], {term.name: inside})
    ends: list[float | None] = [None, *term.edges, None]
    return {
        bins.groups[code].attributes[0].value: Condition(
            name=term.name, lower=ends[place], upper=ends[place + 1]
        )
        for place, code in enumerate(bins.codes.tolist())
    }


def _finding(screened: ScreenedCases, finding: str | None) -> str:
    findings = tuple(dict.fromkeys(screened.finding))
    if finding is None and len(findings) > 1:
        raise InputError(
            "The model looks for several findings, and each is decided on by itself.",
            hint=f"Say which with --finding: {', '.join(findings)}.",
        )
    if not findings or finding not in (None, *findings):
        raise NotEnoughData(
            f"The ledger holds no score{f' of {finding}' if finding else ''} yet.",
            hint=f"There are scores of: {', '.join(findings)}."
            if findings
            else "`edgefair predict IMAGES --ledger FILE` records them.",
        )
    return finding or findings[0]


def _of_rows(
    screened: ScreenedCases,
    rows: NDArray[np.int64],
    past: Sequence[Change],
    now: Adopted | None,
    by: By,
) -> Material:
    def of(column: Sequence[object]) -> NDArray[np.object_]:
        taken = np.empty(len(rows), dtype=object)
        taken[:] = [column[i] for i in rows.tolist()]
        return taken

    names, decision = of(screened.operating_point), of(screened.decision)
    subjects: list[Subject] = of(screened.subject).tolist()
    of_site = np.isin(names, [change.name for change in past if change.name])
    probability, fits = _own_probabilities(
        of(screened.logit).astype(np.float64),
        of(screened.probability).astype(np.float64),
        recalibrated=np.isin(names, [c.name for c in past if c.rule and c.rule.recalibrates]),
    )
    flagged = decision != Decision.NEGATIVE
    if now:
        name, rule = now.name, now.rule
    else:
        name, rule = _of_bundle(
            names[~of_site], of(screened.threshold)[~of_site], probability[~of_site],
            decision[~of_site],
        )  # fmt: skip
    (grouping,) = group_by([by], _features(subjects))
    return Material(
        model=screened.model,
        bundle_digest=screened.bundle_digest,
        finding=screened.finding[int(rows[0])],
        operating_point=name,
        in_force=rule,
        probability=probability,
        flagged_then=flagged,
        current=np.array([rule.setting_for(subject).threshold for subject in subjects]),
        outcome=of(screened.outcome).astype(np.int64),
        because=tuple(of(screened.verified_because).tolist()),
        drawn_with=np.array([nan if d is None else d for d in of(screened.drawn_with)], float),
        grouping=grouping,
        conditions=conditions_of(by, grouping.groups),
        patients=_patients(of(screened.patient).tolist()),
        can_recalibrate=fits,
    )


def _own_probabilities(
    logits: _Floats, shown: _Floats, *, recalibrated: _Bools
) -> tuple[_Floats, bool]:
    """Return the bundle's own probabilities, and whether each follows from its logit alone.

    Where the site had put them right, they follow from the raw logits by the line that the
    others lie on.
    """
    x = logit(shown)
    plain = ~recalibrated & (np.abs(x) < 10)  # away from where probabilities are cut off
    if np.ptp(logits[plain]) > 0 if plain.any() else False:
        ends = np.flatnonzero(plain)[[np.argmin(logits[plain]), np.argmax(logits[plain])]]
        slope = float(np.ptp(x[ends]) / np.ptp(logits[ends]))
        line = x[ends[0]] + slope * (logits - logits[ends[0]])
        fits = bool(np.all(np.abs(line - x)[plain] < _EXACTLY))
    else:
        line, fits = x, False
    if not recalibrated.any():
        return shown, fits
    if not fits:
        raise NotEnoughData(
            "Every score here was put right by a rule of the site, so that the model's own are "
            "not known.",
            hint="Read some images with `edgefair predict --operating-point`, naming one of the "
            "bundle's, and try again.",
        )
    own = 0.5 * (1 + np.tanh(0.5 * line))
    return np.where(recalibrated, own, shown), fits


def _of_bundle(
    names: NDArray[np.object_],
    thresholds: NDArray[np.object_],
    probability: _Floats,
    decision: NDArray[np.object_],
) -> tuple[str, SiteRule]:
    """Return name and rule of the bundle's operating point that decided last."""
    if not len(names):
        raise NotEnoughData(
            "The bundle's own operating point has decided on nobody in this ledger.",
            hint="Read some images with `edgefair predict --operating-point` naming it.",
        )
    name, threshold = str(names[-1]), float(thresholds[-1])
    referred = (names == name) & (decision == Decision.REFER)
    half_width = float(np.abs(probability[referred] - threshold).max(initial=0.0))
    setting = SiteSetting(
        group=Group(),
        threshold=max(0.0, threshold - half_width),
        refer_up_to=min(1.0, threshold + half_width) if half_width else None,
    )
    return name, SiteRule(chosen_for=name, chosen_on="the bundle's", settings=(setting,))


def _features(subjects: Sequence[Subject]) -> dict[str, NDArray[np.generic]]:
    known = [{a.name: a.value for a in subject.attributes} for subject in subjects]
    further = dict.fromkeys(name for attributes in known for name in attributes)
    ages = [nan if s.age_years is None else s.age_years for s in subjects]
    return {
        **{name: np.array([a.get(name, UNKNOWN) for a in known], object) for name in further},
        "sex": np.array([subject.sex for subject in subjects], object),
        "age": np.array(ages, np.float64),
    }


def _patients(pseudonyms: Sequence[str]) -> NDArray[np.int64] | None:
    """Return a number for each patient; whoever is not known is a patient of his own."""
    names = [name or f"\0{i}" for i, name in enumerate(pseudonyms)]
    if len(set(names)) == len(names):
        return None
    return np.unique(names, return_inverse=True)[1].astype(np.int64)
