"""Adoptions in the ledger: appended whole or not at all, read back as written."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from edgefair.errors import LedgerDamaged
from edgefair.ledger import Adoption, Ledger, NewAdoption

NEW = NewAdoption(
    bundle_digest="ab",
    finding="effusion",
    content='{"rule": null}',
    adopted_by="Dr A. Banda",
    reason="too many were missed",
    adopted_at="2026-11-24T11:00:00+00:00",
)


def test_what_was_adopted_is_read_back_in_its_order(ledger: Ledger) -> None:
    first = ledger.adopt(lambda before: NEW)
    second = ledger.adopt(lambda before: replace(NEW, reason=f"after {len(before)} other"))

    assert ledger.adoptions() == (first, second)
    assert isinstance(first, Adoption)
    assert second.reason == "after 1 other"


def test_a_refusal_leaves_the_ledger_as_it_was(ledger: Ledger) -> None:
    def refuse(before: tuple[Adoption, ...]) -> NewAdoption:
        raise LookupError

    with pytest.raises(LookupError):
        ledger.adopt(refuse)

    assert ledger.adoptions() == ()
    assert ledger.adopt(lambda before: NEW).number == 1


@pytest.mark.parametrize("missing", ["adopted_by", "reason"])
def test_nothing_is_adopted_without_a_name_and_a_reason(missing: str) -> None:
    with pytest.raises(ValueError, match="a name and a reason"):
        replace(NEW, **{missing: " "})


def test_no_adoption_can_be_changed_or_taken_out(ledger: Ledger, path: Path) -> None:
    ledger.adopt(lambda before: NEW)

    with closing(sqlite3.connect(path)) as other:
        for statement in ("DELETE FROM adoption", "UPDATE adoption SET reason = 'none'"):
            with pytest.raises(sqlite3.IntegrityError, match="append only"):
                other.execute(statement)


def test_a_flipped_bit_in_an_adoption_decides_on_nobody(ledger: Ledger, path: Path) -> None:
    ledger.adopt(lambda before: NEW)
    ledger.close()
    with closing(sqlite3.connect(path)) as other:
        trigger = "adoption_keeps_its_values"
        (sql,) = other.execute(
            "SELECT sql FROM sqlite_master WHERE name = ?", [trigger]
        ).fetchone()
        other.executescript(
            f"DROP TRIGGER {trigger}; UPDATE adoption SET finding = 'other'; {sql};"
        )

    with Ledger.open(path) as again, pytest.raises(LedgerDamaged, match="adoption"):
        again.adoptions()


def test_a_process_that_dies_while_adopting_leaves_all_or_nothing(
    ledger: Ledger, path: Path
) -> None:
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom edgefair.ledger import Ledger\n"
        "Ledger.open(Path(sys.argv[1])).adopt(lambda before: os._exit(9))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)

    assert done.returncode == 9
    assert ledger.adoptions() == ()
    assert ledger.adopt(lambda before: NEW).number == 1
