"""Reads what a Linux library needs and offers, without tools that a builder may not have."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Library", "is_elf", "read_library"]

MACHINES: Final = {62: "x86_64", 183: "aarch64"}
_DYNAMIC, _NEEDED, _STRTAB, _SYMTAB, _SONAME, _HASH, _GNU_HASH = 2, 1, 5, 6, 14, 4, 0x6FFFFEF5
_VERSYM, _VERDEF, _VERDEFNUM, _VERNEED, _VERNEEDNUM = (
    0x6FFFFFF0,
    0x6FFFFFFC,
    0x6FFFFFFD,
    0x6FFFFFFE,
    0x6FFFFFFF,
)
_SYMBOL_BYTES: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """What a 64-bit little-endian ELF file says of itself.

    Attributes
    ----------
    machine : str
        ``x86_64`` or ``aarch64``.
    soname : str
        Empty if it has none.
    needed : tuple of str
        Names of the libraries that the loader looks for.
    versions_needed : tuple of (str, str)
        Library and symbol version, e.g. ``("libc.so.6", "GLIBC_2.17")``.
    wanted, offered : frozenset of str
        Names of the symbols that it takes from others, and that others may take from it.
    versions_offered : tuple of str
        Symbol versions that it defines, its own name left out.
    """

    machine: str
    soname: str
    needed: tuple[str, ...]
    versions_needed: tuple[tuple[str, str], ...]
    wanted: frozenset[str]
    offered: frozenset[str]
    versions_offered: tuple[str, ...]


def is_elf(path: Path) -> bool:
    """Return whether the file begins as an ELF file does."""
    with path.open("rb") as stream:
        return stream.read(4) == b"\x7fELF"


def read_library(path: Path) -> Library:
    """Return what the ELF file at `path` needs and offers.

    Raises
    ------
    ValueError
        If it is none, or not for 64-bit little-endian machines.
    """
    return _Reader(path.read_bytes(), path).library()


class _Reader:
    def __init__(self, content: bytes, path: Path) -> None:
        if content[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"{path} is no 64-bit little-endian ELF file")
        self._content = content
        self._segments = tuple(self._read_segments())
        self._dynamic = tuple(self._read_dynamic())
        self._by_tag = dict(self._dynamic)
        self._strings = self._offset(self._by_tag[_STRTAB]) if _STRTAB in self._by_tag else 0

    def library(self) -> Library:
        symbols = tuple(self._symbols())
        return Library(
            machine=MACHINES.get(self._unpack("H", 18)[0], "other"),
            soname=self._string(self._by_tag[_SONAME]) if _SONAME in self._by_tag else "",
            needed=tuple(self._string(value) for tag, value in self._dynamic if tag == _NEEDED),
            versions_needed=tuple(self._versions_needed()),
            wanted=frozenset(name for name, defined in symbols if not defined),
            offered=frozenset(name for name, defined in symbols if defined),
            versions_offered=tuple(self._versions_offered()),
        )

    def _unpack(self, form: str, offset: int) -> tuple[int, ...]:
        return struct.unpack_from("<" + form, self._content, offset)

    def _read_segments(self) -> Iterator[tuple[int, int, int, int]]:
        (start,) = self._unpack("Q", 32)
        size, count = self._unpack("HH", 54)
        for number in range(count):
            kind, _, offset, address, _, length = self._unpack("IIQQQQ", start + number * size)
            yield kind, offset, address, length

    def _read_dynamic(self) -> Iterator[tuple[int, int]]:
        for kind, offset, _, length in self._segments:
            if kind == _DYNAMIC:
                for at in range(offset, offset + length, 16):
                    tag, value = self._unpack("QQ", at)
                    if tag == 0:
                        return
                    yield tag, value

    def _offset(self, address: int) -> int:
        for kind, offset, start, length in self._segments:
            if kind == 1 and start <= address < start + length:
                return address - start + offset
        raise ValueError("an address lies outside of what is loaded")

    def _string(self, number: int) -> str:
        start = self._strings + number
        return self._content[start : self._content.index(b"\0", start)].decode("ascii", "replace")

    def _symbols(self) -> Iterator[tuple[str, bool]]:
        if _SYMTAB not in self._by_tag:
            return
        start = self._offset(self._by_tag[_SYMTAB])
        for number in range(1, self._symbol_count()):
            name, info, _, section = self._unpack("IBBH", start + number * _SYMBOL_BYTES)
            if info >> 4 in (1, 2, 10) and name:  # global, weak or unique
                yield self._string(name), section != 0

    def _symbol_count(self) -> int:
        if _HASH in self._by_tag:
            return self._unpack("II", self._offset(self._by_tag[_HASH]))[1]
        if _GNU_HASH not in self._by_tag:
            return 0
        table = self._offset(self._by_tag[_GNU_HASH])
        buckets, first, bloom, _ = self._unpack("IIII", table)
        heads = table + 16 + 8 * bloom
        last = max(self._unpack(f"{buckets}I", heads), default=0)
        if last < first:
            return first
        chains = heads + 4 * buckets
        while not self._unpack("I", chains + 4 * (last - first))[0] & 1:
            last += 1
        return last + 1

    def _versions_needed(self) -> Iterator[tuple[str, str]]:
        if _VERNEED not in self._by_tag:
            return
        at = self._offset(self._by_tag[_VERNEED])
        for _ in range(self._by_tag[_VERNEEDNUM]):
            _, count, file, first, following = self._unpack("HHIII", at)
            detail = at + first
            for _ in range(count):
                _, _, _, name, step = self._unpack("IHHII", detail)
                yield self._string(file), self._string(name)
                detail += step
            at += following

    def _versions_offered(self) -> Iterator[str]:
        if _VERDEF not in self._by_tag:
            return
        at = self._offset(self._by_tag[_VERDEF])
        for _ in range(self._by_tag[_VERDEFNUM]):
            _, flags, _, _, _, first, following = self._unpack("HHHHIII", at)
            if not flags & 1:  # the base is the library's own name
                yield self._string(self._unpack("I", at + first)[0])
            at += following
