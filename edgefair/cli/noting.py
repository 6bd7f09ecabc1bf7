"""Opens ledgers to be written to, and notes where they lie, for a change of version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from edgefair.ledger import Ledger

__all__ = ["note_ledger", "open_to_write"]


def open_to_write(path: Path, *, create: bool = False) -> Ledger:
    """Return the ledger at `path`, open and noted.

    Raises
    ------
    LedgerError
        As for `Ledger.open`.
    """
    from edgefair.ledger import Ledger

    # before it is opened, which may bring it to a schema that the version before cannot read
    note_ledger(path)
    opened = Ledger.open(path, create=create)
    note_ledger(path)
    return opened


def note_ledger(path: Path) -> None:
    """Note a ledger in the home folder; where that takes no file, say so and go on.

    What is no ledger is not noted: it would stand in the way of every change of version.
    """
    from edgefair.bundle.home import default_home
    from edgefair.errors import EdgefairError
    from edgefair.ledger.known import known_in, looks_like_a_ledger

    if not looks_like_a_ledger(path):
        return
    try:
        known_in(default_home()).note(path)
    except EdgefairError as error:
        click.echo(
            f"{path} is not on this computer's list of ledgers ({error.message}) An older "
            "edgefair may not open it: `edgefair ledger downgrade` before you go back to one.",
            err=True,
        )
