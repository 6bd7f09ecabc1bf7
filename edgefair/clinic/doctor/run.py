"""All checks, in the order in which people read them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from edgefair import __version__
from edgefair.clinic.doctor.checks import Examination
from edgefair.clinic.doctor.machine import (
    check_memory,
    check_processor,
    check_versions,
    memory_bytes,
    processor,
    system,
    versions,
)
from edgefair.clinic.doctor.model import examine_model
from edgefair.clinic.doctor.privacy import (
    check_sockets,
    check_telemetry,
    listening_ports,
    telemetry_folder,
)
from edgefair.clinic.doctor.storage import (
    check_clock,
    check_disk,
    examine_ledger,
    made_on,
)

__all__ = ["examine"]


def examine(model: str, *, ledger: Path | None, now: datetime) -> Examination:
    """Return what there is to say of this computer, the model on it, and the ledger.

    Parameters
    ----------
    model : str
        Bundle file, or the name of one that edgefair carries.
    ledger : Path or None
        None checks none, and the room on the disk of the current folder.
    now : datetime
        By this computer's clock, with its time zone.
    """
    ledger_check, newest = examine_ledger(ledger)
    model_checks = examine_model(model)
    return Examination(
        made_at=now.isoformat(timespec="seconds"),
        edgefair_version=__version__,
        checks=(
            check_processor(processor()),
            check_memory(memory_bytes()),
            system(),
            check_versions(versions()),
            check_disk(ledger.parent if ledger else Path.cwd()),
            check_clock(now, newest=newest, released=made_on()),
            ledger_check,
            *model_checks,
            # last: what the model's own libraries did is seen here
            check_telemetry(telemetry_folder()),
            check_sockets(listening_ports()),
        ),
    )
