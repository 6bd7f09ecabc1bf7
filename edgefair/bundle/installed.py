"""Bundles installed on this PC: versions side by side, and one small file that says which counts.

::

    NAME/current.json                    {"current": RELEASE, "previous": RELEASE}
    NAME/VERSION-DIGEST/NAME-VERSION.efb

A version is on disk, whole and synced, before `current.json` names it; that file is exchanged by
one renaming. Whenever the power fails, the old version counts or the new one, never half of one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from edgefair.bundle.archive import Bundle
from edgefair.bundle.durable import make_folder, write_whole
from edgefair.errors import BundleNotFound, ModelError
from edgefair.records.record import record

__all__ = ["Choice", "Installed", "Release"]

_POINTER: Final = "current.json"
_DIGEST_DIGITS: Final = 12


@record(frozen=True, slots=True, kw_only=True)
class Release:
    """One installed version of a model.

    Attributes
    ----------
    name, version : str
    digest : str
        The first digits of the bundle's.
    path : Path
        The bundle file.
    """

    name: str
    version: str
    digest: str
    path: Path

    @property
    def folder_name(self) -> str:
        """What the version's folder is called, and the pointer calls it."""
        return f"{self.version}-{self.digest}"


@record(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which versions of a model count, by their folders' names.

    Attributes
    ----------
    current : str or None
        None for the one that came with edgefair.
    previous : str or None
        What a roll-back goes back to; None for the one that came with edgefair.
    """

    current: str | None = None
    previous: str | None = None


@record(frozen=True, slots=True, kw_only=True)
class Installed:
    """The installed bundles, in a folder that need not exist yet.

    Examples
    --------
    >>> Installed(folder=Path("nowhere")).current("chest-xray") is None
    True
    """

    folder: Path

    def releases(self) -> tuple[Release, ...]:
        """Return every installed version, by name, then by folder."""
        return tuple(
            Release(
                name=path.parent.parent.name,
                version=path.parent.name.rpartition("-")[0],
                digest=path.parent.name.rpartition("-")[2],
                path=path,
            )
            for path in sorted(self.folder.glob("*/*-*/*.efb"))
        )

    def current(self, name: str) -> Release | None:
        """Return the version of a model that counts; None where none was installed.

        Raises
        ------
        BundleNotFound
            If the one that counts is gone.
        """
        return self._release(name, self.choice(name).current)

    def choice(self, name: str) -> Choice:
        """Return which versions of a model count.

        Raises
        ------
        ModelError
            If that was damaged.
        """
        if name in (".", "..") or Path(name).name != name:  # a path, no name
            return Choice()
        path = self.folder / name / _POINTER
        if not path.exists():
            return Choice()
        try:
            tree = json.loads(path.read_bytes())
            return Choice(current=_folder(tree["current"]), previous=_folder(tree["previous"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise ModelError(
                f"{path}, which says what version of {name} counts, is damaged.",
                hint="Install the model again from its stick: edgefair model install FILE",
            ) from error

    def add(self, bundle: Bundle, content: bytes) -> Release:
        """Return the version now on disk beside the others; none of them counts less for it.

        Parameters
        ----------
        bundle : Bundle
            As read from `content`.
        content : bytes
            Of the bundle file.

        Raises
        ------
        EdgefairError
            If the disk is full.
        """
        contract = bundle.manifest.contract
        digest = bundle.digest[:_DIGEST_DIGITS]
        folder = self.folder / contract.name / f"{contract.version}-{digest}"
        path = folder / f"{contract.name}-{contract.version}.efb"
        if not path.exists() or path.read_bytes() != content:
            make_folder(folder)
            write_whole(path, content)
        return Release(name=contract.name, version=contract.version, digest=digest, path=path)

    def switch_to(self, release: Release) -> Choice:
        """Let a version count from now on, and return what counts; the one before is kept.

        Versions before that one are removed.
        """
        name, before = release.name, self.choice_or_none(release.name)
        if before.current == release.folder_name:
            return before
        now = Choice(current=release.folder_name, previous=before.current)
        self._point(name, now)
        for old in self.releases():
            if old.name == name and old.folder_name not in (now.current, now.previous):
                _remove(old)
        return now

    def before(self, name: str, *, carried: bool) -> Release | None:
        """Return the version that `roll_back` goes back to, None for the one from edgefair.

        Parameters
        ----------
        name : str
        carried : bool
            Whether a bundle of that name came with edgefair.

        Raises
        ------
        BundleNotFound
            If there is none to go back to.
        """
        now = self.choice(name)
        if now.previous is None and (now.current is None or not carried):
            raise BundleNotFound(
                f"There is no version of {name} to go back to.",
                hint="`edgefair model list` shows what is installed.",
            )
        return self._release(name, now.previous)

    def roll_back(self, name: str) -> None:
        """Let the version before count again; the one that counted is then the one before."""
        now = self.choice(name)
        self._point(name, Choice(current=now.previous, previous=now.current))

    def _point(self, name: str, choice: Choice) -> None:
        tree = {"current": choice.current, "previous": choice.previous}
        write_whole(self.folder / name / _POINTER, json.dumps(tree).encode() + b"\n")

    def choice_or_none(self, name: str) -> Choice:
        """Return what counts; a damaged pointer is no reason against a new installation."""
        try:
            return self.choice(name)
        except ModelError:
            return Choice()

    def _release(self, name: str, folder_name: str | None) -> Release | None:
        if folder_name is None:
            return None
        for release in self.releases():
            if (release.name, release.folder_name) == (name, folder_name):
                return release
        raise BundleNotFound(
            f"The installed version {folder_name} of {name} is gone.",
            hint=f"Install it again from its stick, or go back: edgefair model rollback {name}",
        )


def _folder(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"expected a folder's name, got {value!r:.40}")
    return value


def _remove(release: Release) -> None:
    """Remove a version that nobody can go back to; if that fails, it only takes up space."""
    try:
        release.path.unlink()
        release.path.parent.rmdir()
    except OSError:
        return
