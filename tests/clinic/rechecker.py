"""A process that re-checks a ledger, and prints a line once it is done: ``rechecker.py LEDGER``.

Its parent kills it.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import scipy.special  # noqa: F401 - imported before the line below: what comes next is the work

from edgefair.clinic.monitoring import recheck


def main() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    recheck(Path(sys.argv[1]), now=datetime(2026, 3, 1, tzinfo=UTC))
    sys.stdout.write("done\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
