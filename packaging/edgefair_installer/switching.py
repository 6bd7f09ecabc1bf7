"""Installing beside what runs, switching at once, going back, and taking everything away.

The order is what makes it safe: check, unpack beside, check again, let the new version test
itself, wait for the disk, rename, wait for the disk, switch the pointer. Whatever stops it on the
way, the pointer names a version that is whole.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import count as count_from
from pathlib import Path

from edgefair_installer.desktop import place_all, places, remove_all
from edgefair_installer.faults import Fault
from edgefair_installer.layout import STAGED, Layout, Pointer
from edgefair_installer.ledgers import take_back, take_forth
from edgefair_installer.machine import check_machine, read_facts
from edgefair_installer.payload import Payload
from edgefair_installer.selftest import run_version, self_test
from edgefair_installer.signature import PublicKey, check_release, known_keys, remember
from edgefair_installer.storage import (
    discard,
    locked,
    remove_tree,
    sync_folder,
    sync_tree,
)
from edgefair_installer.sums import SUMS, check_tree
from edgefair_installer.trusting import believe_for_models, refuse_revoked

__all__ = ["Switched", "Wishes", "install", "release_name", "roll_back", "uninstall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What whoever installs has asked for.

    Attributes
    ----------
    unsigned_allowed : bool
        For builders: take a version that nobody signed.
    desktop : bool
        Write launcher, menu entry and completions.
    """

    unsigned_allowed: bool
    desktop: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """What is current now.

    Attributes
    ----------
    pointer : Pointer
    behind : str
        Ledgers that the current version could not bring up to date, in sentences; empty if none.
    """

    pointer: Pointer
    behind: str


def release_name(folder: Path) -> str:
    """Return the name of a version's folder: its version, and what its files are."""
    digest = sha256((folder / SUMS).read_bytes()).hexdigest()
    return f"{read_facts(folder).version}-{digest[:8]}"


def install(
    layout: Layout,
    staged: Path,
    payload: Payload | None,
    wishes: Wishes,
    say: Callable[[str], None],
) -> Switched:
    """Return what is current once the version was installed.

    Parameters
    ----------
    layout : Layout
    staged : Path
        Folder in ``releases``, gone afterwards. On Linux its name begins with ``.tmp-``; on
        Windows it keeps its name and place if all went well.
    payload : Payload or None
        The rest of the version, unless everything is unpacked.
    wishes : Wishes
    say : callable
        Receives what happens, a sentence each.

    Raises
    ------
    Fault
        If anything is wrong; what was installed before is as it was.
    """
    try:
        with locked(layout.lock_file):
            _forget_leftovers(layout, staged)
            return _install(layout, staged, payload, wishes, say)
    finally:
        if layout.pointer().current != staged.name:
            remove_tree(staged)


def _install(
    layout: Layout,
    staged: Path,
    payload: Payload | None,
    wishes: Wishes,
    say: Callable[[str], None],
) -> Switched:
    signer = _signer(layout, staged, wishes, say)
    check_machine(read_facts(staged), layout.root)
    if payload:
        say("Unpacking ...")
        payload.unpack(staged)
    count = check_tree(staged)
    say(f"All {count} files are as their builder made them.")
    if signer:
        refuse_revoked(layout, signer)
    say("The new version tests itself ...")
    say(self_test(staged) + " works on this computer.")
    name = _keep(layout, staged, release_name(staged))
    if wishes.desktop:
        place_all(layout, layout.release(name), places(layout))
    if signer:
        _believe(layout, signer, say)
    pointer = layout.pointer().switched_to(name)
    switched = _switch(layout, pointer, say)
    _forget_others(layout, pointer)
    return switched


def _switch(layout: Layout, pointer: Pointer, say: Callable[[str], None]) -> Switched:
    """Exchange the versions, the ledgers with them: back before, forth after it."""
    before, after = layout.pointer().current, pointer.current
    if before and before != after:
        take_back(layout.release(before), layout.release(after), say)
    layout.set_pointer(pointer)
    behind = ""
    if before and before != after:
        behind = take_forth(layout.release(before), layout.release(after), say)
    return Switched(pointer=pointer, behind=behind)


def _signer(
    layout: Layout, staged: Path, wishes: Wishes, say: Callable[[str], None]
) -> PublicKey | None:
    known = known_keys(layout.keys)
    signer = check_release(staged, known)
    if signer is None:
        if not wishes.unsigned_allowed:
            raise Fault(
                "Nobody has signed this installer.",
                hint="Ask its builder for a signed one. Builders may try theirs by "
                "--allow-unsigned.",
            )
        say("WARNING: nobody has signed this installer, and you asked for it all the same.")
    elif known:
        say(f"Signed by {signer.name}, whose key this computer knows.")
    else:
        say(
            f"Signed by {signer.name}, whose key this computer has not seen before:\n"
            f"    {signer.fingerprint}\n"
            "  Compare it with what the builder told you by another way (telephone, letter).\n"
            "  From now on only this key's versions are accepted."
        )
    return signer


def _believe(layout: Layout, signer: PublicKey, say: Callable[[str], None]) -> None:
    """Believe who signed from now on; the first time for models as well."""
    if not known_keys(layout.keys) and believe_for_models(layout, signer):
        say(
            f"Models that {signer.name} signs may be installed from now on as well. "
            f"To end that: edgefair keys forget {signer.name}"
        )
    remember(layout.keys, signer)


def _keep(layout: Layout, staged: Path, name: str) -> str:
    """Return the name under which the version is kept, once all of it is on the disk."""
    if sys.platform == "win32":
        # a folder whose programs run cannot be renamed; it has a name of its own from the start,
        # and is no version before the pointer names it
        sync_tree(staged)
        return staged.name
    for number in count_from(1):
        kept = name if number == 1 else f"{name}-{number}"
        release = layout.release(kept)
        if not release.exists():
            sync_tree(staged)
            staged.rename(release)
            sync_folder(layout.releases)
            return kept
        if _is_whole(release):  # the same build again
            return kept
        # damaged, but it may be the one that runs: it is not touched, a sound one stands beside
    raise AssertionError("numbers do not end")


def _is_whole(release: Path) -> bool:
    try:
        check_tree(release)
    except (Fault, OSError):
        return False
    return True


def _forget_leftovers(layout: Layout, staged: Path) -> None:
    """Remove what installers left that were killed."""
    if not layout.releases.is_dir():
        raise Fault("There is nothing to install.", hint="Start the installer again.")
    for folder in layout.releases.glob(f"{STAGED}*"):
        if folder != staged and not _is_at_work(folder.name.removeprefix(STAGED)):
            remove_tree(folder)


def _is_at_work(name: str) -> bool:
    if sys.platform == "win32":
        return False
    process = name.partition("-")[0]
    return process.isdecimal() and Path("/proc", process).exists()


def _forget_others(layout: Layout, pointer: Pointer) -> None:
    """Remove versions before the previous one."""
    for folder in layout.releases.iterdir():
        if folder.name not in (pointer.current, pointer.previous) and folder.is_dir():
            if folder.name.startswith(STAGED):
                continue
            doomed = folder.with_name(f"{STAGED}0-{folder.name}")
            with suppress(OSError):  # on Windows a version that still runs stays until next time
                folder.rename(doomed)
                remove_tree(doomed)


def roll_back(layout: Layout, say: Callable[[str], None]) -> Switched:
    """Return what is current after both versions changed places.

    Parameters
    ----------
    layout : Layout
    say : callable
        Receives what becomes of ledgers, a sentence each.

    Raises
    ------
    Fault
        If there is none, it does not start, or a ledger cannot go back with it.
    """
    with locked(layout.lock_file):
        pointer = layout.pointer()
        release = layout.release(pointer.previous)
        if not pointer.previous or not release.is_dir():
            raise Fault(
                "There is no version to go back to.",
                hint="Start the installer of the version that you want.",
            )
        check_tree(release)
        done = run_version(release, ["--version"], release)
        if done.returncode:
            raise Fault(
                f"The previous version does not start: {done.stderr.strip()}",
                hint="Start its installer again.",
            )
        return _switch(layout, pointer.rolled_back(), say)


def uninstall(layout: Layout, *, with_ledger: bool) -> tuple[Path, ...]:
    """Return what was left on the disk, having removed everything of edgefair's.

    Parameters
    ----------
    layout : Layout
    with_ledger : bool
        Remove ledgers and their keys below the root as well. Those elsewhere are never touched.
    """
    with locked(layout.lock_file):
        # without a pointer the launcher says that nothing is installed, wherever this stops
        discard(layout.pointer_file)
        sync_folder(layout.root)
        remove_all(places(layout))
        for path in layout.root.iterdir():
            if path not in (layout.data, layout.lock_file):
                _remove_but_ledgers(path, with_ledger=with_ledger)
        if with_ledger:
            remove_tree(layout.data)
        discard(layout.lock_file)
    with suppress(OSError):
        layout.data.rmdir()
    with suppress(OSError):
        layout.root.rmdir()
    return tuple(sorted(path for path in layout.root.rglob("*") if path.is_file()))


def _remove_but_ledgers(path: Path, *, with_ledger: bool) -> None:
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    elif with_ledger or ".ledger" not in path.name:
        path.unlink()
