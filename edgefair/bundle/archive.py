"""The bundle on disk: one zip file that is checked before anything in it is used."""

from __future__ import annotations

import hashlib
import os
import stat
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Final

from edgefair.bundle.manifest import (
    Manifest,
    Part,
    manifest_from_json,
    manifest_to_json,
)
from edgefair.errors import BundleAltered, BundleNotFound

__all__ = ["Bundle", "PartContent", "read_bundle", "write_bundle"]

MANIFEST_NAME: Final = "manifest.json"
MAX_MANIFEST_BYTES: Final = 4_000_000
MAX_PART_BYTES: Final = 1_000_000_000
MAX_PARTS: Final = 64
_CORRUPT: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartContent:
    """One file to be packed: where it goes, what it is for, its bytes."""

    path: str
    role: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle whose every part was found to be what its manifest names.

    Attributes
    ----------
    manifest : Manifest
    digest : str
        SHA-256 of the manifest's bytes, hexadecimal; it covers every part's own.
    parts : tuple of PartContent
        In the manifest's order.
    """

    manifest: Manifest
    digest: str
    parts: tuple[PartContent, ...] = field(repr=False)

    def content(self, role: str) -> bytes:
        """Return the bytes of the first part with that role.

        Raises
        ------
        BundleAltered
            If there is none.
        """
        for part in self.parts:
            if part.role == role:
                return part.content
        raise BundleAltered(
            f"The bundle {self.manifest.label} holds no {role}.", hint="Get the bundle again."
        )

    def at(self, path: str) -> bytes:
        """Return the bytes of the part at that path, which the manifest names."""
        return next(part.content for part in self.parts if part.path == path)


def write_bundle(path: Path, manifest: Manifest, contents: Iterable[PartContent]) -> Bundle:
    """Return the bundle just written: same parts, same bytes, whatever the day.

    The file appears whole or not at all.

    Parameters
    ----------
    path : Path
        Where to write; an existing file is replaced.
    manifest : Manifest
        Its `parts` are filled in here.
    contents : iterable of PartContent
    """
    contents = tuple(contents)
    manifest = replace(manifest, parts=tuple(_describe(c) for c in contents))
    manifest_bytes = manifest_to_json(manifest)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        with zipfile.ZipFile(file, "w") as archive:
            _add(archive, MANIFEST_NAME, manifest_bytes, zipfile.ZIP_DEFLATED)
            for part in contents:
                # INT8 weights shrink by an eighth only, and unpacking them takes as long as
                # loading the session
                is_model = part.role in ("model", "variant")
                method = zipfile.ZIP_STORED if is_model else zipfile.ZIP_DEFLATED
                _add(archive, part.path, part.content, method)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return read_bundle(path)


def read_bundle(path: Path) -> Bundle:
    """Return the bundle at `path` after checking names, sizes and the SHA-256 of every part.

    Raises
    ------
    BundleNotFound
        If there is no such file.
    BundleAltered
        If it is no zip, has duplicate, absolute, climbing, linked or surplus members, or one
        whose size or hash is not the manifest's.
    ContractMismatch
        If the manifest is no manifest.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            return _read(archive, path)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise BundleNotFound(
            f"There is no bundle at {path}.",
            hint="`edgefair model show` lists the bundles at hand.",
        ) from error
    except OSError as error:
        raise BundleNotFound(
            f"The bundle {path} cannot be opened: {error.strerror or error}.",
            hint="Check the file's permissions and the stick or disk it lies on.",
        ) from error
    except _CORRUPT as error:
        raise _altered(path, f"is no whole bundle file ({error})") from error


def _read(archive: zipfile.ZipFile, path: Path) -> Bundle:
    members = _checked_members(archive, path)
    if MANIFEST_NAME not in members:
        raise _altered(path, "holds no manifest")
    manifest_bytes = _content(archive, members.pop(MANIFEST_NAME), MAX_MANIFEST_BYTES, path)
    manifest = manifest_from_json(manifest_bytes)
    promised = [part.path for part in manifest.parts]
    if sorted(promised) != sorted(members):
        odd = sorted(set(promised) ^ set(members)) or promised
        raise _altered(path, f"does not hold exactly the parts it names: {', '.join(odd)}")
    parts = tuple(
        _checked_part(part, _content(archive, members[part.path], part.size_bytes, path), path)
        for part in manifest.parts
    )
    digest = hashlib.sha256(manifest_bytes).hexdigest()
    return Bundle(manifest=manifest, digest=digest, parts=parts)


def _checked_members(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.orig_filename
        pure = PurePosixPath(name)
        climbs = pure.is_absolute() or ".." in pure.parts or "\\" in name or ":" in name
        if climbs or "\0" in name or str(pure) != name:
            raise _altered(path, f"has a part whose path leaves the bundle: {name!r}")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise _altered(path, f"has a part that is no plain file: {name!r}")
        if name in members:
            raise _altered(path, f"has two parts of one name: {name!r}")
        members[name] = info
    if len(members) > MAX_PARTS:
        raise _altered(path, f"has {len(members)} parts, more than {MAX_PARTS}")
    return members


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int, path: Path) -> bytes:
    limit = min(limit, MAX_PART_BYTES)
    if info.flag_bits & 0x1:
        raise _altered(path, f"has an encrypted part: {info.filename!r}")
    with archive.open(info) as member:
        content = member.read(limit + 1)
    if len(content) > limit:
        raise _altered(path, f"has a part that is larger than promised: {info.filename!r}")
    return content


def _checked_part(part: Part, content: bytes, path: Path) -> PartContent:
    found = hashlib.sha256(content).hexdigest()
    if len(content) != part.size_bytes or found != part.sha256:
        raise _altered(path, f"has a part that was changed: {part.path!r} does not match its hash")
    return PartContent(path=part.path, role=part.role, content=content)


def _altered(path: Path, what: str) -> BundleAltered:
    return BundleAltered(
        f"The bundle {path.name} {what}.",
        hint="Do not use it. Copy it again from where it came, or ask its builder.",
    )


def _describe(part: PartContent) -> Part:
    return Part(
        path=part.path,
        role=part.role,
        sha256=hashlib.sha256(part.content).hexdigest(),
        size_bytes=len(part.content),
    )


def _add(archive: zipfile.ZipFile, name: str, content: bytes, method: int) -> None:
    info = zipfile.ZipInfo(name, date_time=_EPOCH)
    info.compress_type = method
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    archive.writestr(info, content)
