"""Why a bundle may be used, as a record that travels with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Literal, TypeAlias

from edgefair.records.record import record

__all__ = ["UNSIGNED", "Trust", "Vouch", "notices"]


@record(frozen=True, slots=True, kw_only=True)
class Trust:
    """Who vouches for a bundle.

    Attributes
    ----------
    kind : str
        ``signed`` by a key that this PC trusts; ``carried``, that is, it came with edgefair,
        whose list of digests names it; ``unsigned``: nobody does.
    signed_by : str
        The name under which this PC trusts the key; empty where nobody signed.
    key_id : str
        The key's own, hexadecimal; empty where nobody signed.
    """

    kind: Literal["signed", "carried", "unsigned"]
    signed_by: str = ""
    key_id: str = ""

    def __str__(self) -> str:
        if self.kind == "signed":
            return f"signed by {self.signed_by}"
        return "came with edgefair" if self.kind == "carried" else "unsigned"


UNSIGNED = Trust(kind="unsigned")

Vouch: TypeAlias = Callable[[bytes, bytes | None], Trust]
"""Manifest bytes, and those of its signature if there is one, to trust; refuses by an error.

It is asked before either is parsed as anything.
"""


def notices(label: str, trust: Trust, expires: str, today: date) -> tuple[str, ...]:
    """Return what whoever reads a bundle's results must know of it, in sentences.

    Parameters
    ----------
    label : str
        The bundle's name and version.
    trust : Trust
    expires : str
        Day after which the builder no longer stands for it, ISO 8601; empty for none.
    today : date
        By this PC's clock, which may be wrong: an expiry warns and stops nothing.

    Examples
    --------
    >>> notices("chest-xray 0.2.0", Trust(kind="carried"), "2026-01-31", date(2026, 2, 1))
    ('chest-xray 0.2.0 expired on 2026-01-31: ask its builder for a newer one.',)
    """
    found = []
    if trust.kind == "unsigned":
        found.append(f"{label} is unsigned: nobody vouches for it. Every result says so.")
    if expires and today > date.fromisoformat(expires):
        found.append(f"{label} expired on {expires}: ask its builder for a newer one.")
    return tuple(found)
