"""Stand-ins for libraries that a package is linked to and that no clinic ever calls.

OpenCV's extension is linked to ffmpeg, an AVIF decoder and a BLAS, 80 MB that edgefair's handful
of resizing and drawing functions never enter; the loader nevertheless refuses to start without
every name. A stand-in has the names, and stops the program at once if one is called: whoever
decodes a film with it shall notice. It is written byte by byte, so that no compiler is needed,
for either processor, and two builds are the same.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["StandIn"]

_PAGE: Final = 0x10000  # aarch64 kernels may have pages of 64 KiB
_TRAPS: Final = {"x86_64": b"\x0f\x0b", "aarch64": struct.pack("<I", 0xD4200000)}
_CODE_AT: Final = 64 + 56 * 4  # right behind the headers: one piece of code for all names
_NUMBERS: Final = {"x86_64": 62, "aarch64": 183}


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """A shared library whose every function is a trap.

    Attributes
    ----------
    machine : str
        ``x86_64`` or ``aarch64``.
    soname : str
    symbols : sequence of str
    version : str
        The version that all symbols carry; empty if they carry none.
    """

    machine: str
    soname: str
    symbols: Sequence[str]
    version: str

    def content(self) -> bytes:
        r"""Return the file's bytes.

        Examples
        --------
        >>> made = StandIn(machine="x86_64", soname="libx.so.1", symbols=["f"], version="")
        >>> made.content()[:4]
        b'\x7fELF'
        """
        names = sorted(self.symbols)
        strings, where = _string_table([self.soname, self.version or self.soname, *names])
        tables: dict[str, tuple[int, bytes]] = {}
        at = _CODE_AT
        for name, content in (
            ("code", _TRAPS[self.machine]),
            ("hash", _hash_table(names)),
            ("symbols", self._symbol_table(names, where)),
            ("strings", strings),
            ("versions", struct.pack("<H", 0) + struct.pack("<H", self._index()) * len(names)),
            ("definitions", self._definitions(where)),
        ):
            at = -(-at // 16) * 16
            tables[name] = (at, content)
            at += len(content)
        text = bytearray(at)
        for start, content in tables.values():
            text[start : start + len(content)] = content
        dynamic = self._dynamic(tables, where)
        data_at = -(-len(text) // 16) * 16
        text += bytes(data_at - len(text))
        text[:_CODE_AT] = self._headers(data_at, len(dynamic))
        return bytes(text) + dynamic

    def _index(self) -> int:
        return 2 if self.version else 1

    def _symbol_table(self, names: Sequence[str], where: dict[str, int]) -> bytes:
        rows = [struct.pack("<IBBHQQ", 0, 0, 0, 0, 0, 0)]
        rows += [struct.pack("<IBBHQQ", where[n], 0x12, 0, 1, _CODE_AT, 4) for n in names]
        return b"".join(rows)

    def _definitions(self, where: dict[str, int]) -> bytes:
        entries = [(1, 1, self.soname)] + ([(0, 2, self.version)] if self.version else [])
        made = b""
        for position, (flags, index, name) in enumerate(entries):
            following = 0 if position == len(entries) - 1 else 28
            made += struct.pack("<HHHHIII", 1, flags, index, 1, _elf_hash(name), 20, following)
            made += struct.pack("<II", where[name], 0)
        return made

    def _dynamic(self, tables: dict[str, tuple[int, bytes]], where: dict[str, int]) -> bytes:
        rows = [
            (14, where[self.soname]),
            (4, tables["hash"][0]),
            (5, tables["strings"][0]),
            (6, tables["symbols"][0]),
            (10, len(tables["strings"][1])),
            (11, 24),
        ]
        if self.version:
            rows += [
                (0x6FFFFFF0, tables["versions"][0]),
                (0x6FFFFFFC, tables["definitions"][0]),
                (0x6FFFFFFD, 2),
            ]
        return b"".join(struct.pack("<QQ", *row) for row in [*rows, (0, 0)])

    def _headers(self, data_at: int, data_bytes: int) -> bytes:
        begin = struct.pack(
            "<16sHHIQQQIHHHHHH",
            b"\x7fELF\x02\x01\x01",
            3,
            _NUMBERS[self.machine],
            1,
            0,
            64,
            0,
            0,
            64,
            56,
            4,
            64,
            0,
            0,
        )
        data = (data_at, data_at + _PAGE, data_at + _PAGE, data_bytes, data_bytes)
        segments = (
            (1, 5, 0, 0, 0, data_at, data_at, _PAGE),  # readable, executable
            (1, 6, *data, _PAGE),  # readable, writable: the loader writes into it
            (2, 6, *data, 8),
            (0x6474E551, 6, 0, 0, 0, 0, 0, 16),  # the stack is not executable
        )
        return begin + b"".join(struct.pack("<IIQQQQQQ", *segment) for segment in segments)


def _string_table(names: Sequence[str]) -> tuple[bytes, dict[str, int]]:
    table, where = bytearray(b"\0"), {}
    for name in names:
        if name not in where:
            where[name] = len(table)
            table += name.encode() + b"\0"
    return bytes(table), where


def _elf_hash(name: str) -> int:
    value = 0
    for byte in name.encode():
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ (high >> 24)) & ~high & 0xFFFFFFFF
    return value


def _hash_table(names: Sequence[str]) -> bytes:
    buckets = [0] * max(1, len(names))
    chains = [0] * (len(names) + 1)
    for number, name in enumerate(names, start=1):
        bucket = _elf_hash(name) % len(buckets)
        chains[number], buckets[bucket] = buckets[bucket], number
    return struct.pack(
        f"<II{len(buckets)}I{len(chains)}I", len(buckets), len(chains), *buckets, *chains
    )
