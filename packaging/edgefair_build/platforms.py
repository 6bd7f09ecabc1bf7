"""The platforms that installers are made for, and what each asks of a computer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["PLATFORMS", "Platform"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """One kind of computer.

    Attributes
    ----------
    name : str
        ``linux-x86_64``.
    machine : str
        ``x86_64`` or ``aarch64``.
    is_windows : bool
    tags : tuple of str
        Platform tags of the wheels that run there.
    glibc, glibc_tried : tuple of int
        Oldest version that any file asks for, and on which an installation was tried; empty on
        Windows. In between the installer warns and lets its self-test decide.
    cpu_flags : tuple of str
        As in ``/proc/cpuinfo``.
    """

    name: str
    machine: str
    is_windows: bool
    tags: tuple[str, ...]
    glibc: tuple[int, ...]
    glibc_tried: tuple[int, ...]
    cpu_flags: tuple[str, ...]


def _linux(machine: str, cpu_flags: tuple[str, ...]) -> Platform:
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(28, 16, -1)]
    return Platform(
        name=f"linux-{machine}",
        machine=machine,
        is_windows=False,
        tags=(*tags, f"manylinux2014_{machine}"),
        glibc=(2, 28),
        glibc_tried=(2, 31),
        cpu_flags=cpu_flags,
    )


_ALL: Final = (
    # numpy's wheels are compiled for x86-64-v2
    _linux("x86_64", ("ssse3", "sse4_1", "sse4_2", "popcnt")),
    _linux("aarch64", ("fp", "asimd")),
    Platform(
        name="windows-x86_64",
        machine="x86_64",
        is_windows=True,
        tags=("win_amd64",),
        glibc=(),
        glibc_tried=(),
        cpu_flags=(),
    ),
)
PLATFORMS: Final[Mapping[str, Platform]] = MappingProxyType({one.name: one for one in _ALL})
