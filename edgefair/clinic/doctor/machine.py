"""The computer: its processor, its memory, its system, and the versions that edgefair runs on."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgefair.clinic.doctor.checks import Area, Check, Result

__all__ = [
    "Processor",
    "check_memory",
    "check_processor",
    "check_system",
    "check_versions",
    "memory_bytes",
    "parse_cpuinfo",
    "processor",
    "versions",
]

_GB: Final = 1e9
_MEMORY_TOTAL: Final = 1.8 * _GB
"""A PC sold with 2 GB, less what its graphics takes."""

_MEMORY_FREE: Final = 0.5 * _GB
_MEMORY_LEAST: Final = 0.25 * _GB
"""A folder of 2048-pixel images peaks at 197 MB (README, How fast)."""

_GLIBC: Final = (2, 28)
"""What the wheels of onnxruntime and numpy are built for (manylinux_2_28)."""

_GLIBC_TRIED: Final = (2, 31)
"""The oldest on which edgefair was tried: Debian 11."""

_WINDOWS_BUILD: Final = 17763
"""Windows 10 1809, the oldest that is still in support anywhere."""

_FLOORS: Final = {
    "Python": (3, 11),
    "onnxruntime": (1, 22),
    "numpy": (2, 1),
    "SQLite": (3, 34),
}
_MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}

# winnt.h, PF_*; there is none for VNNI
_WINDOWS_FEATURES: Final = {38: "sse4_2", 40: "avx2", 43: "asimddp"}
_NAMES: Final = {"sse4_2": "SSE4.2", "avx2": "AVX2", "vnni": "VNNI", "asimddp": "dot products"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Processor:
    """What is known of the processor.

    Attributes
    ----------
    machine : str
        ``x86_64``, ``aarch64``, ...
    name : str
    cores : int
        That this process may use.
    features : frozenset of str or None
        Of ``sse4_2``, ``avx2``, ``vnni`` and ``asimddp`` those it has; None where nobody tells.
    """

    machine: str
    name: str
    cores: int
    features: frozenset[str] | None


def processor() -> Processor:
    """Return what this system tells of its processor."""
    machine = platform.machine().lower()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        name, features = parse_cpuinfo(cpuinfo.read_text(encoding="utf-8", errors="replace"))
    elif sys.platform == "win32":
        name, features = platform.processor(), _windows_features()
    else:
        name, features = platform.processor(), None
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    return Processor(
        machine=_MACHINES.get(machine, machine),
        name=name or "an unnamed processor",
        cores=len(usable) if usable else os.cpu_count() or 1,
        features=features,
    )


def parse_cpuinfo(text: str) -> tuple[str, frozenset[str]]:
    r"""Return name and known features of the first core in the text of ``/proc/cpuinfo``.

    Examples
    --------
    >>> parse_cpuinfo("model name : Intel Core i5-4570\nflags : sse4_2 avx2 bmi2\n")[0]
    'Intel Core i5-4570'
    """
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    flags = set((fields.get("flags") or fields.get("Features") or "").split())
    if flags & {"avx512_vnni", "avx_vnni"}:
        flags.add("vnni")
    return fields.get("model name", ""), frozenset(flags & set(_NAMES))


def check_processor(found: Processor) -> Check:
    """Judge the instruction sets; whether INT8 sums are exact is measured, not read off them."""
    cores = "1 core" if found.cores == 1 else f"{found.cores} cores"
    told = f"{found.name}, {cores}, {found.machine}"
    if found.features is None:
        return _check("processor", Result.NOT_CHECKED, f"{told}; its instructions are not told.")
    named = [label for flag, label in _NAMES.items() if flag in found.features]
    told += f"; {', '.join(named)}." if named else "."
    if found.machine not in ("x86_64", "aarch64"):
        hint = "edgefair runs on x86_64 and aarch64; use another computer."
        return _check("processor", Result.FAILED, told, hint)
    if found.machine == "x86_64" and "sse4_2" not in found.features:
        hint = "SSE4.2 is missing, which processors have had since 2009; use another computer."
        return _check("processor", Result.FAILED, told, hint)
    return _check("processor", Result.OK, told)


def check_memory(total_and_free: tuple[int, int] | None) -> Check:
    """Judge the memory, in bytes: all there is, and what programs can still have."""
    if total_and_free is None:
        return _check("memory", Result.NOT_CHECKED, "This system does not tell its memory.")
    total, free = total_and_free
    told = f"{total / _GB:.1f} GB, {free / _GB:.1f} GB of it free."
    needs = f"edgefair needs {_MEMORY_FREE / _GB:.1f} GB free"
    if free < _MEMORY_LEAST:
        return _check("memory", Result.FAILED, told, f"{needs}: close other programs.")
    if free < _MEMORY_FREE:
        return _check("memory", Result.WARNING, told, f"{needs}: close other programs.")
    if total < _MEMORY_TOTAL:
        return _check("memory", Result.WARNING, told, "Less than 2 GB is slow; add some.")
    return _check("memory", Result.OK, told)


def memory_bytes() -> tuple[int, int] | None:
    """Return total and available memory; None where this system does not tell."""
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        lines = (line.split() for line in meminfo.read_text(encoding="ascii").splitlines())
        kib = {fields[0]: int(fields[1]) for fields in lines}
        return 1024 * kib["MemTotal:"], 1024 * kib.get("MemAvailable:", kib["MemFree:"])
    if sys.platform == "win32":
        return _windows_memory()
    return None


def check_system(
    *, name: str, glibc: tuple[int, ...] | None = None, windows_build: int | None = None
) -> Check:
    """Judge the operating system by its C library, or by Windows' build.

    Parameters
    ----------
    name : str
        For people.
    glibc : tuple of int or None
        Version; None where there is none.
    windows_build : int or None
    """
    if windows_build is not None:
        if windows_build < _WINDOWS_BUILD:
            hint = "edgefair needs Windows 10, version 1809, or a later one."
            return _check("system", Result.FAILED, f"{name}.", hint)
        return _check("system", Result.OK, f"{name}.")
    if glibc is None:
        hint = "edgefair was tried on Linux with glibc and on Windows."
        return _check("system", Result.WARNING, f"{name}, without glibc.", hint)
    told = f"{name}, glibc {'.'.join(map(str, glibc))}."
    if glibc < _GLIBC:
        hint = "edgefair needs glibc 2.28 or later: take Debian 11, Ubuntu 20.04 or a newer one."
        return _check("system", Result.FAILED, told, hint)
    if glibc < _GLIBC_TRIED:
        hint = "edgefair was never tried on one that old; the answers below decide."
        return _check("system", Result.WARNING, told, hint)
    return _check("system", Result.OK, told)


def system() -> Check:
    """Judge this computer's operating system."""
    if sys.platform == "win32":
        build = sys.getwindowsversion().build
        return check_system(name=platform.platform(), windows_build=build)
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = platform.platform()
    library, version = platform.libc_ver()
    return check_system(name=name, glibc=_numbers(version) if library == "glibc" else None)


def check_versions(found: dict[str, str]) -> Check:
    """Judge the versions of what edgefair runs on, by name."""
    told = ", ".join(f"{name} {version}" for name, version in found.items()) + "."
    old = [
        f"{name} {'.'.join(map(str, floor))}"
        for name, floor in _FLOORS.items()
        if name in found and _numbers(found[name]) < floor
    ]
    if old:
        hint = f"edgefair needs at least {' and '.join(old)}: install it again."
        return _check("versions", Result.FAILED, told, hint)
    return _check("versions", Result.OK, told)


def versions() -> dict[str, str]:
    """Return the versions of what this process runs on."""
    import sqlite3

    import numpy as np

    from edgefair import __version__
    from edgefair.runtime.engine import VERSION

    return {
        "edgefair": __version__,
        "Python": platform.python_version(),
        "onnxruntime": VERSION,
        "numpy": np.__version__,
        "SQLite": sqlite3.sqlite_version,
    }


def _numbers(version: str) -> tuple[int, ...]:
    numbers = []
    for piece in version.split("."):
        if not piece.isdecimal():
            break
        numbers.append(int(piece))
    return tuple(numbers)


def _windows_features() -> frozenset[str]:
    import ctypes

    kernel32 = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined,unused-ignore]
    return frozenset(
        name
        for number, name in _WINDOWS_FEATURES.items()
        if kernel32.IsProcessorFeaturePresent(number)
    )


def _windows_memory() -> tuple[int, int]:
    import ctypes

    class Status(ctypes.Structure):  # MEMORYSTATUSEX, sysinfoapi.h
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "a", "b", "c", "d", "e")),
        )

    status = Status(length=ctypes.sizeof(Status))
    kernel32 = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined,unused-ignore]
    kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
    return int(status.total), int(status.free)


def _check(name: str, result: Result, sentence: str, hint: str = "") -> Check:
    return Check(area=Area.MACHINE, name=name, result=result, sentence=sentence, hint=hint)
