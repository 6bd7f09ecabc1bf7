"""Years at a clinic that never was: recorded week by week, re-checked every week."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Final

from edgefair.bundle.archive import Bundle
from edgefair.clinic.monitoring import recheck
from edgefair.ledger import Ledger
from edgefair.phantom.site import Site, weeks
from edgefair.report import MonitoringReport

__all__ = ["live_through"]

_EVENING: Final = time(18, tzinfo=UTC)


def live_through(
    path: Path, site: Site, *, bundle: Bundle | None = None
) -> Iterator[MonitoringReport]:
    """Yield the re-check at the end of every week of a site, on the ledger that it fills.

    Parameters
    ----------
    path : Path
        The ledger; begun where there is none.
    site : Site
    bundle : Bundle, optional
        Of the site's model, if it is none of the carried ones.
    """
    for week in weeks(site):
        with Ledger.open(path, create=True) as ledger:
            ledger.record(week.predictions)
            ledger.add_outcomes(week.outcomes, today=week.ends)
        day = week.ends
        yield recheck(
            path, now=datetime(day.year, day.month, day.day, 18, tzinfo=UTC), bundle=bundle
        )
