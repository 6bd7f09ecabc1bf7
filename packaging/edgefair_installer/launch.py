"""What the launcher starts: edgefair's own commands, and those that change the installation."""

from __future__ import annotations

import sys
from typing import Final

from edgefair_installer.__main__ import main as manage

__all__ = ["main"]

_MANAGING: Final = ("update", "rollback", "uninstall", "releases")
_HELP: Final = """
This installation:
  edgefair update FILE   Install a newer version from a stick, once its signature was checked.
  edgefair rollback      Go back to the version before.
  edgefair releases      Which versions are here.
  edgefair uninstall     Take edgefair away; ledgers stay.
"""


def main() -> None:
    """Run the command line."""
    arguments = sys.argv[1:]
    if arguments[:1] and arguments[0] in _MANAGING:
        sys.exit(manage(arguments))
    from edgefair.cli.main import main as run

    try:
        run(arguments)
    finally:
        if arguments in ([], ["-h"], ["--help"]):
            sys.stdout.write(_HELP)


if __name__ == "__main__":
    main()
