"""A site's own decisions: put in force by a named person, on record, and taken back again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from edgefair.bundle.site import (
    Adopted,
    Proposal,
    SiteDecisions,
    SiteRule,
    proposal_digest,
    rule_from_tree,
    rule_to_tree,
)
from edgefair.errors import ContractMismatch, InputError, NotEnoughData
from edgefair.ledger import Adoption, Ledger, NewAdoption

__all__ = [
    "Change",
    "Signature",
    "adopt",
    "adopted_so_far",
    "changes_to_json",
    "revert",
    "site_decisions",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who decides, why, and when.

    Attributes
    ----------
    by, reason : str
        In words; neither may be empty.
    at : datetime
        With a time zone.

    Raises
    ------
    InputError
        If a name or a reason is missing.
    """

    by: str
    reason: str
    at: datetime

    def __post_init__(self) -> None:
        if not self.by.strip():
            raise InputError(
                "Nobody's name is given.", hint="Only a person can put decisions in force."
            )
        if not self.reason.strip():
            raise InputError(
                "No reason is given.", hint="Say why in words: it stays on record with the name."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One adoption, or its revocation.

    Attributes
    ----------
    number : int
        Rises.
    bundle_digest, finding : str
    name : str
        Of the operating point that decides from then on; empty where the bundle's does again.
    instead_of : str
        The one that decided before; empty for the bundle's.
    by, reason, at : str
        Who, why, when (UTC, ISO 8601).
    rule : SiteRule or None
        None where the bundle decides again.
    proposal : str
        Digest of the proposal; empty where the bundle decides again.
    """

    number: int
    bundle_digest: str
    finding: str
    name: str
    instead_of: str
    by: str
    reason: str
    at: str
    rule: SiteRule | None
    proposal: str


def adopt(ledger: Ledger, proposal: Proposal, signature: Signature) -> Change:
    """Return the change, in force and on the disk: from now on the proposal decides.

    What was predicted before keeps its decision. One transaction; a power cut leaves all of it or
    nothing.

    Raises
    ------
    ContractMismatch
        If the proposal was made for another model than the one that read last, or while other
        decisions were in force than now.
    """
    latest = ledger.latest_model()
    _check_model(proposal, latest)

    def decide(before: tuple[Adoption, ...]) -> NewAdoption:
        past = tuple(_changes(before))
        now = _in_force(past, proposal.bundle_digest, proposal.finding)
        _check_still_compared(proposal, past, now)
        content = {
            "name": _name(past, signature),
            "instead_of": now.name if now else "",
            "proposal": proposal_digest(proposal),
            "rule": rule_to_tree(proposal.rule),
        }
        return _new(proposal.bundle_digest, proposal.finding, content, signature)

    return _change(ledger.adopt(decide))


def revert(ledger: Ledger, finding: str | None, signature: Signature) -> Change:
    """Return the change, in force and on the disk: from now on the bundle decides again.

    Parameters
    ----------
    ledger : Ledger
    finding : str or None
        May be None where only one is decided on otherwise.
    signature : Signature

    Raises
    ------
    NotEnoughData
        If nothing is in force that could be taken back.
    InputError
        If several findings could be meant.
    """
    latest = ledger.latest_model()
    digest = latest[1] if latest else ""

    def decide(before: tuple[Adoption, ...]) -> NewAdoption:
        past = tuple(_changes(before))
        in_force = [
            change
            for name in dict.fromkeys(change.finding for change in past)
            if finding in (None, name)
            for change in (_in_force(past, digest, name),)
            if change
        ]
        if not in_force:
            raise NotEnoughData(
                f"Nothing that was adopted is in force{f' for {finding}' if finding else ''}.",
                hint="The bundle decides already; `edgefair plan adopted` shows what was.",
            )
        if len(in_force) > 1:
            raise InputError(
                "Several findings are decided on otherwise than by the bundle.",
                hint="Say which with --finding: "
                + ", ".join(change.finding for change in in_force)
                + ".",
            )
        content = {"name": "", "instead_of": in_force[0].name, "proposal": "", "rule": None}
        return _new(digest, in_force[0].finding, content, signature)

    return _change(ledger.adopt(decide))


def adopted_so_far(ledger: Ledger) -> tuple[Change, ...]:
    """Return every change, the oldest first."""
    return tuple(_changes(ledger.adoptions()))


def site_decisions(ledger: Ledger, bundle_digest: str) -> SiteDecisions:
    """Return what is in force for a model."""
    past = adopted_so_far(ledger)
    findings = dict.fromkeys(change.finding for change in past)
    return SiteDecisions(
        bundle_digest=bundle_digest,
        adopted=tuple(
            Adopted(finding=finding, name=now.name, reason=now.reason, rule=now.rule)
            for finding in findings
            for now in (_in_force(past, bundle_digest, finding),)
            if now and now.rule
        ),
    )


def _check_model(proposal: Proposal, latest: tuple[str, str] | None) -> None:
    if not proposal.bundle_digest:
        raise ContractMismatch(
            "This proposal was made from a table of scores, which no model can be told by.",
            hint="Make one with `edgefair propose --ledger`.",
        )
    if latest is None or latest[1] != proposal.bundle_digest:
        known = latest[0] if latest else "none yet"
        raise ContractMismatch(
            f"This proposal was made for {proposal.model}, bundle "
            f"{proposal.bundle_digest[:12]}; the model in use here is {known}"
            + (f", bundle {latest[1][:12]}." if latest else "."),
            hint="Thresholds hold for the one model that they were chosen with: make a new "
            "proposal with `edgefair propose --ledger`.",
        )


def _check_still_compared(proposal: Proposal, past: Sequence[Change], now: Change | None) -> None:
    names = {change.name for change in past if change.name}
    of_site = proposal.instead_of if proposal.instead_of in names else ""
    if of_site != (now.name if now else ""):
        raise ContractMismatch(
            f"This proposal was compared with {proposal.instead_of}, but "
            f"{now.name if now else 'the operating point of the bundle'} decides now.",
            hint="Make a new proposal, which is compared with what is in force.",
        )


def _name(past: Sequence[Change], signature: Signature) -> str:
    """Return a name that no operating point of the site has had yet."""
    name = f"site {signature.at.date().isoformat()} (by {signature.by.strip()})"
    before = sum(change.name.startswith(name) for change in past)
    return f"{name}, no. {before + 1}" if before else name


def _new(
    bundle_digest: str, finding: str, content: Mapping[str, object], signature: Signature
) -> NewAdoption:
    return NewAdoption(
        bundle_digest=bundle_digest,
        finding=finding,
        content=json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False),
        adopted_by=signature.by.strip(),
        reason=signature.reason.strip(),
        adopted_at=signature.at.isoformat(timespec="seconds"),
    )


def _in_force(past: Sequence[Change], bundle_digest: str, finding: str) -> Change | None:
    of_it = [c for c in past if (c.bundle_digest, c.finding) == (bundle_digest, finding)]
    return of_it[-1] if of_it and of_it[-1].rule else None


def _changes(adoptions: Sequence[Adoption]) -> Iterator[Change]:
    return (_change(adoption) for adoption in adoptions)


def _change(adoption: Adoption) -> Change:
    content = json.loads(adoption.content)
    return Change(
        number=adoption.number,
        bundle_digest=adoption.bundle_digest,
        finding=adoption.finding,
        name=content["name"],
        instead_of=content["instead_of"],
        by=adoption.adopted_by,
        reason=adoption.reason,
        at=adoption.adopted_at,
        rule=None if content["rule"] is None else rule_from_tree(content["rule"]),
        proposal=content["proposal"],
    )


def changes_to_json(changes: Sequence[Change]) -> str:
    """Return the changes as a JSON array, the oldest first."""
    trees = [
        {
            name: getattr(change, name)
            for name in (
                "number", "bundle_digest", "finding", "name", "instead_of", "by", "reason", "at",
                "proposal",
            )
        }
        | {"rule": None if change.rule is None else rule_to_tree(change.rule)}
        for change in changes
    ]  # fmt: skip
    return json.dumps(trees, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
