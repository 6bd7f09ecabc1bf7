"""The installer's command line; `edgefair update`, `rollback`, `releases` and `uninstall`."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from edgefair_installer.desktop import places
from edgefair_installer.faults import Fault
from edgefair_installer.layout import Layout, default_root
from edgefair_installer.payload import Payload
from edgefair_installer.storage import remove_tree, words_for
from edgefair_installer.switching import Wishes, install, roll_back, uninstall
from edgefair_installer.updating import update

__all__ = ["main"]

_BEHIND: Final = 3


def main(arguments: Sequence[str]) -> int:
    """Return the exit code.

    0 done; 1 not done and nothing changed; 2 usage; 3 done, and a ledger is not up to date yet.
    """
    asked, further = _parser().parse_known_args(arguments)
    if further and asked.action != "update":
        sys.stderr.write(f"error: unknown option {further[0]}\n")
        return 2
    layout = Layout(root=asked.root or default_root())
    try:
        return _DO[asked.action](layout, asked, further)
    except Fault as fault:
        return _complain(fault, asked.log)
    except OSError as error:
        return _complain(words_for(error), asked.log)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="edgefair", description="Changes the installation.")
    parser.set_defaults(root=None, log=None)
    actions = parser.add_subparsers(dest="action", required=True)
    one = actions.add_parser("install", help=argparse.SUPPRESS)
    one.add_argument("--root", type=Path)
    one.add_argument("--staged", type=Path, required=True)
    one.add_argument("--payload", type=Path)
    one.add_argument("--offset", type=int, default=0)
    one.add_argument("--log", type=Path, help="Receives what is said, too.")
    one.add_argument("--silent", action="store_true")
    one.add_argument("--allow-unsigned", action="store_true")
    one.add_argument("--no-desktop", action="store_true")
    newer = actions.add_parser("update", help="Install a newer version, once it was checked.")
    newer.add_argument("file", type=Path)
    actions.add_parser("rollback", help="Go back to the version before.")
    actions.add_parser("releases", help="Which versions are here.")
    away = actions.add_parser("uninstall", help="Take edgefair away; ledgers stay.")
    away.add_argument("--with-ledger", action="store_true", help="Remove ledgers as well.")
    away.add_argument("--yes", action="store_true", help="Do not ask.")
    return parser


def _install(layout: Layout, asked: argparse.Namespace, _: Sequence[str]) -> int:
    piece = Payload(file=asked.payload, offset=asked.offset)
    wishes = Wishes(unsigned_allowed=asked.allow_unsigned, desktop=not asked.no_desktop)
    say = _say_nothing if asked.silent else _say
    if asked.log:
        asked.log.write_text("", encoding="utf-8")
        say = partial(_say_and_note, asked.log)
    done = install(layout, asked.staged, piece if asked.payload else None, wishes, say)
    name = done.pointer.current
    _say(f"edgefair {name} is installed. Research use only; not a medical device.")
    if not asked.silent and not asked.no_desktop:
        say(f"Start it by: {places(layout).launcher} --help")
    return _warn_of(done.behind, asked.log)


def _update(layout: Layout, asked: argparse.Namespace, further: Sequence[str]) -> int:
    return update(layout, asked.file, further)


def _rollback(layout: Layout, asked: argparse.Namespace, __: Sequence[str]) -> int:
    done = roll_back(layout, _say)
    _say(f"edgefair {done.pointer.current} is current again; {done.pointer.previous} is kept.")
    return _warn_of(done.behind, asked.log)


def _releases(layout: Layout, _: argparse.Namespace, __: Sequence[str]) -> int:
    pointer = layout.pointer()
    _say(f"current   {pointer.current or 'none'}\nprevious  {pointer.previous or 'none'}")
    return 0


def _uninstall(layout: Layout, asked: argparse.Namespace, _: Sequence[str]) -> int:
    if not layout.root.is_dir():
        raise Fault(f"There is no edgefair in {layout.root}.")
    if not asked.yes and sys.stdin.isatty():
        what = "edgefair AND ALL ITS LEDGERS" if asked.with_ledger else "edgefair"
        sys.stdout.write(f"Remove {what} from {layout.root}? Type yes: ")
        sys.stdout.flush()
        if sys.stdin.readline().strip() != "yes":
            _say("Nothing was removed.")
            return 1
    if sys.platform == "win32":
        return _uninstall_on_windows(layout, asked)
    left = uninstall(layout, with_ledger=asked.with_ledger)
    _say("edgefair is removed." + (" Left:" if left else " Nothing is left."))
    for path in left:
        _say(f"  {path}")
    return 0


def _uninstall_on_windows(layout: Layout, asked: argparse.Namespace) -> int:
    """Hand over to the uninstaller: no program can remove its own file there."""
    if asked.with_ledger:
        remove_tree(layout.data)
    subprocess.Popen([str(layout.root / "uninstall.exe"), "/S"])
    _say("edgefair is being removed.")
    return 0


_DO = {
    "install": _install,
    "update": _update,
    "rollback": _rollback,
    "releases": _releases,
    "uninstall": _uninstall,
}


def _say(sentence: str) -> None:
    sys.stdout.write(sentence + "\n")
    sys.stdout.flush()


def _say_nothing(sentence: str) -> None:
    pass


def _say_and_note(log: Path, sentence: str) -> None:
    _say(sentence)
    with log.open("a", encoding="utf-8") as stream:
        stream.write(sentence + "\n")


def _complain(fault: Fault, log: Path | None) -> int:
    hint = f"hint: {fault.hint}\n" if fault.hint else ""
    _write_and_note(f"error: {fault.message}\n{hint}", log)
    return 1


def _warn_of(behind: str, log: Path | None) -> int:
    """Say, silent or not, which ledgers are not up to date yet; return the exit code."""
    if not behind:
        return 0
    _write_and_note(f"warning: {behind}\n", log)
    return _BEHIND


def _write_and_note(text: str, log: Path | None) -> None:
    sys.stderr.write(text)
    if log:
        with log.open("a", encoding="utf-8") as stream:
            stream.write(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
