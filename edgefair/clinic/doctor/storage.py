"""Where records lie: room on the disk, a clock that can be right, a ledger that is whole."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from edgefair.clinic.doctor.checks import Area, Check, Result
from edgefair.errors import LedgerError
from edgefair.ledger import Ledger

__all__ = ["check_clock", "check_disk", "examine_ledger", "made_on"]

_FIRST: Final = date(2026, 11, 1)
"""No edgefair is older; what is not installed by an installer tells nothing better."""

_RELEASE: Final = Path(__file__).parents[2].parent.parent
"""The folder that an installer made, in which this package lies below ``site``."""

_MB: Final = 1_000_000
_ROOM: Final = 1000 * _MB
"""An update unpacks beside the version that runs, and both stay."""

_ROOM_LEAST: Final = 100 * _MB
"""Most of a year's ledger: a million rows take 128 MB."""

_BACK: Final = timedelta(minutes=10)
_FAR_BACK: Final = timedelta(days=1)


def check_disk(folder: Path, *, least: int = _ROOM_LEAST, enough: int = _ROOM) -> Check:
    """Judge the free space, in bytes, on the disk of a folder, which may not be there yet."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    told = f"{free / 1e9:.1f} GB free on the disk of {there.absolute()}."
    if free < least:
        hint = f"Free some space: predictions cannot be kept on less than {least // _MB} MB."
        return _check("disk", Result.FAILED, told, hint)
    if free < enough:
        return _check("disk", Result.WARNING, told, f"An update wants {enough // _MB} MB.")
    return _check("disk", Result.OK, told)


def made_on(release: Path = _RELEASE) -> date:
    """Return the day on which this edgefair was made: no computer can have it earlier.

    Parameters
    ----------
    release : Path, optional
        The folder with the ``release.json`` into which the builder writes its commit's time.

    Examples
    --------
    >>> made_on(Path("no", "installation")).isoformat()
    '2026-11-01'
    """
    try:
        told = json.loads((release / "release.json").read_text(encoding="utf-8"))
        return max(_FIRST, datetime.fromtimestamp(told["made_at"], UTC).date())
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return _FIRST


def check_clock(now: datetime, *, newest: datetime | None, released: date) -> Check:
    """Judge whether the clock can be right.

    A clock that lost its battery starts years back; predictions then get wrong dates.

    Parameters
    ----------
    now : datetime
        With its time zone.
    newest : datetime or None
        Of the newest prediction in the ledger; None without one.
    released : date
        When this edgefair, or a bundle, was made.
    """
    told = f"{now:%Y-%m-%d %H:%M} ({now.tzname()})"
    hint = "Set date and time; a battery on the mainboard may be empty."
    if now.date() < released - timedelta(days=1):
        told += f", which is before this edgefair was made ({released})."
        return _check("clock", Result.FAILED, told, hint)
    if newest is not None and now < newest - _BACK:
        told += f", which is before the newest prediction ({newest:%Y-%m-%d %H:%M %Z})."
        is_far = now < newest - _FAR_BACK
        return _check("clock", Result.FAILED if is_far else Result.WARNING, told, hint)
    return _check("clock", Result.OK, f"{told}.")


def examine_ledger(path: Path | None) -> tuple[Check, datetime | None]:
    """Return the check of every page and row of a ledger, and when it last took a prediction.

    Parameters
    ----------
    path : Path or None
        None where nobody named one.
    """
    if path is None:
        told = "No ledger was named; --ledger FILE checks one."
        return _check("ledger", Result.NOT_CHECKED, told), None
    try:
        with Ledger.open(path, read_only=True) as ledger:
            count, newest = 0, ""
            # the whole ledger is checked before the first comes
            for prediction in ledger.predictions():
                count, newest = count + 1, max(newest, prediction.predicted_at)
    except LedgerError as error:
        return _check("ledger", Result.FAILED, error.message, error.hint), None
    told = f"{path} is whole: every page and row as it was written, {count} predictions."
    return _check("ledger", Result.OK, told), datetime.fromisoformat(newest) if newest else None


def _check(name: str, result: Result, sentence: str, hint: str = "") -> Check:
    return Check(area=Area.STORAGE, name=name, result=result, sentence=sentence, hint=hint)
