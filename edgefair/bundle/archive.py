"""The bundle on disk: one zip file that is checked before anything in it is used."""

from __future__ import annotations

import hashlib
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import field, replace
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Final

from edgefair.bundle.durable import write_whole
from edgefair.bundle.manifest import (
    Manifest,
    Part,
    manifest_from_json,
    manifest_to_json,
)
from edgefair.bundle.signing import MAX_SIGNATURE_BYTES
from edgefair.bundle.trust import UNSIGNED, Trust, Vouch, notices
from edgefair.errors import BundleAltered, BundleNotFound
from edgefair.records.record import record

__all__ = [
    "MAX_BUNDLE_BYTES",
    "Bundle",
    "PartContent",
    "bundle_bytes",
    "bundle_from_bytes",
    "read_bundle",
    "write_bundle",
]

MANIFEST_NAME: Final = "manifest.json"
SIGNATURE_NAME: Final = "signature.json"
MAX_BUNDLE_BYTES: Final = 200_000_000
"""Of the file, and of all its parts unpacked: both stay in memory while a bundle is opened."""
MAX_MANIFEST_BYTES: Final = 4_000_000
MAX_PARTS: Final = 64
_CORRUPT: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
"""What Python's zipfile raises on bytes that are no sound archive."""
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_END: Final = struct.Struct("<4s4H2LH")
"""End of central directory record, APPNOTE.TXT 4.3.16."""
_END_64_LOCATOR: Final = b"PK\x06\x07"
_MAX_DIRECTORY_BYTES: Final = 64_000


@record(frozen=True, slots=True, kw_only=True)
class PartContent:
    """One file to be packed: where it goes, what it is for, its bytes."""

    path: str
    role: str
    content: bytes = field(repr=False)


@record(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle whose every part was found to be what its manifest names.

    Attributes
    ----------
    manifest : Manifest
    digest : str
        SHA-256 of the manifest's bytes, hexadecimal; it covers every part's own.
    parts : tuple of PartContent
        In the manifest's order.
    trust : Trust
        Who vouches for it; ``unsigned`` where nobody was asked.
    """

    manifest: Manifest
    digest: str
    parts: tuple[PartContent, ...] = field(repr=False)
    trust: Trust = UNSIGNED

    @property
    def label(self) -> str:
        """Name and version, as every result carries it: a bundle nobody vouches for says so."""
        suffix = " (unsigned)" if self.trust.kind == "unsigned" else ""
        return self.manifest.label + suffix

    def notices(self, today: date) -> tuple[str, ...]:
        """Return what whoever reads the results must know of the bundle, in sentences."""
        return notices(self.manifest.label, self.trust, self.manifest.expires, today)

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


def write_bundle(
    path: Path,
    manifest: Manifest,
    contents: Iterable[PartContent],
    *,
    sign: Callable[[bytes], bytes] | None = None,
) -> Bundle:
    """Return the bundle just written: same parts, same bytes, whatever the day.

    The file appears whole or not at all.

    Parameters
    ----------
    path : Path
        Where to write; an existing file is replaced.
    manifest : Manifest
        Its `parts` are filled in here.
    contents : iterable of PartContent
    sign : callable, optional
        Given the manifest's bytes, returns those of ``signature.json``.
    """
    contents = tuple(contents)
    manifest = replace(manifest, parts=tuple(_describe(c) for c in contents))
    manifest_bytes = manifest_to_json(manifest)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        _add(archive, MANIFEST_NAME, manifest_bytes, zipfile.ZIP_DEFLATED)
        if sign is not None:
            _add(archive, SIGNATURE_NAME, sign(manifest_bytes), zipfile.ZIP_DEFLATED)
        for part in contents:
            # INT8 weights shrink by an eighth only, and unpacking them takes as long as
            # loading the session
            is_model = part.role in ("model", "variant")
            method = zipfile.ZIP_STORED if is_model else zipfile.ZIP_DEFLATED
            _add(archive, part.path, part.content, method)
    write_whole(path, packed.getvalue())
    return read_bundle(path)


def read_bundle(path: Path, vouch: Vouch | None = None) -> Bundle:
    """Return the bundle at `path` after checking names, sizes and the SHA-256 of every part.

    Parameters
    ----------
    path : Path
    vouch : callable, optional
        Asked who vouches for the manifest before it is parsed, e.g. `TrustStore.vouch`. Without
        one the bundle counts as unsigned: the way of builders.

    Raises
    ------
    BundleNotFound
        If there is no such file.
    BundleAltered
        If it is no zip, has duplicate, absolute, climbing, linked or surplus members, or one
        whose size or hash is not the manifest's.
    ContractMismatch
        If the manifest is no manifest.
    Untrusted
        If `vouch` refuses it.
    """
    return bundle_from_bytes(bundle_bytes(path), name=path.name, vouch=vouch)


def bundle_bytes(path: Path) -> bytes:
    """Return the bytes of a bundle file: what is checked is then what is used.

    Raises
    ------
    BundleNotFound
        If there is no such file, or it cannot be opened.
    BundleAltered
        If it is larger than any bundle.
    """
    try:
        # a pipe or a device would be waited for without end
        if path.exists() and not path.is_file():
            raise IsADirectoryError
        size = path.stat().st_size
        if size > MAX_BUNDLE_BYTES:
            raise _too_large(path.name)
        with path.open("rb") as file:
            content = file.read(size + 1)  # room for the largest would be slow to come by
            if len(content) > size:  # it grew meanwhile
                content += file.read(MAX_BUNDLE_BYTES - size)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise BundleNotFound(
            f"There is no bundle at {path}.",
            hint="`edgefair model list` lists the bundles at hand.",
        ) from error
    except OSError as error:
        raise BundleNotFound(
            f"The bundle {path} cannot be opened: {error.strerror or error}.",
            hint="Check the file's permissions and the stick or disk it lies on.",
        ) from error
    if len(content) > MAX_BUNDLE_BYTES:
        raise _too_large(path.name)
    return content


def bundle_from_bytes(content: bytes, *, name: str, vouch: Vouch | None = None) -> Bundle:
    """Return the bundle in a file's bytes, checked as by `read_bundle`.

    Parameters
    ----------
    content : bytes
    name : str
        What messages call the file.
    vouch : callable, optional
        As for `read_bundle`.
    """
    _check_end(content, name)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = _checked_members(archive, name)
            return _read(archive, members, name, vouch)
    except _CORRUPT as error:
        raise _altered(name, f"is no whole bundle file ({error})") from error


def _check_end(content: bytes, name: str) -> None:
    """Refuse archives whose table of contents is not the small one at the very end.

    What `zipfile` reads is then what was looked at here: no second table, nothing before or
    behind the archive, no millions of entries.
    """
    end = content[-_END.size :]
    if len(end) < _END.size:
        raise _altered(name, "is no whole bundle file (too short)")
    signature, *_, count, size, offset, comment = _END.unpack(end)
    if signature != b"PK\x05\x06" or comment:
        raise _altered(name, "is no whole bundle file (it does not end as one)")
    if offset + size + _END.size != len(content) or content[-42:-38] == _END_64_LOCATOR:
        raise _altered(name, "is no whole bundle file (something stands before or after it)")
    if count > MAX_PARTS + 2 or size > _MAX_DIRECTORY_BYTES:
        raise _altered(name, f"has {count} parts, more than {MAX_PARTS}")


def _read(
    archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str, vouch: Vouch | None
) -> Bundle:
    if MANIFEST_NAME not in members:
        raise _altered(name, "holds no manifest")
    manifest_bytes = _content(archive, members.pop(MANIFEST_NAME), MAX_MANIFEST_BYTES, name)
    signed = members.pop(SIGNATURE_NAME, None)
    trust = UNSIGNED
    if vouch is not None:
        signature = _content(archive, signed, MAX_SIGNATURE_BYTES, name) if signed else None
        trust = vouch(manifest_bytes, signature)
    manifest = manifest_from_json(manifest_bytes)
    _check_promises(manifest, members, name)
    parts = tuple(
        _checked_part(part, _content(archive, members[part.path], part.size_bytes, name), name)
        for part in manifest.parts
    )
    digest = hashlib.sha256(manifest_bytes).hexdigest()
    return Bundle(manifest=manifest, digest=digest, parts=parts, trust=trust)


def _check_promises(manifest: Manifest, members: dict[str, zipfile.ZipInfo], name: str) -> None:
    promised = [part.path for part in manifest.parts]
    if sorted(promised) != sorted(members):
        odd = sorted(set(promised) ^ set(members)) or promised
        raise _altered(name, f"does not hold exactly the parts it names: {', '.join(odd)}")
    sizes = [part.size_bytes for part in manifest.parts]
    if min(sizes) < 0 or sum(sizes) > MAX_BUNDLE_BYTES:
        raise _altered(name, f"unpacks to more than {MAX_BUNDLE_BYTES // 1_000_000} MB")


def _checked_members(archive: zipfile.ZipFile, file: str) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.orig_filename
        pure = PurePosixPath(name)
        climbs = pure.is_absolute() or ".." in pure.parts or "\\" in name or ":" in name
        if climbs or "\0" in name or str(pure) != name:
            raise _altered(file, f"has a part whose path leaves the bundle: {name!r}")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise _altered(file, f"has a part that is no plain file: {name!r}")
        if name in members:
            raise _altered(file, f"has two parts of one name: {name!r}")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _altered(file, f"has a part that is packed in no way edgefair knows: {name!r}")
        if info.flag_bits & 0x1:
            raise _altered(file, f"has an encrypted part: {name!r}")
        members[name] = info
    return members


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int, file: str) -> bytes:
    with archive.open(info) as member:
        content = member.read(limit + 1)
    if len(content) > limit:
        raise _altered(file, f"has a part that is larger than promised: {info.filename!r}")
    return content


def _checked_part(part: Part, content: bytes, file: str) -> PartContent:
    found = hashlib.sha256(content).hexdigest()
    if len(content) != part.size_bytes or found != part.sha256:
        raise _altered(file, f"has a part that was changed: {part.path!r} does not match its hash")
    return PartContent(path=part.path, role=part.role, content=content)


def _too_large(file: str) -> BundleAltered:
    return _altered(file, f"is larger than {MAX_BUNDLE_BYTES // 1_000_000} MB")


def _altered(file: str, what: str) -> BundleAltered:
    return BundleAltered(
        f"The bundle {file} {what}.",
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
