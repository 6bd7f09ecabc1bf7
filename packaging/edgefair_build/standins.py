"""Replaces libraries nobody calls by stand-ins, and removes those nobody is linked to."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from edgefair_build.elf import Library, is_elf, read_library
from edgefair_build.stubs import StandIn

__all__ = ["REPLACED", "libraries_of", "lighten"]

REPLACED: Final = {
    "libaom": "decodes AVIF pictures, for OpenCV",
    "libavcodec": "decodes films, for OpenCV",
    "libavformat": "decodes films, for OpenCV",
    "libavutil": "decodes films, for OpenCV",
    "libswscale": "decodes films, for OpenCV",
    "libopenblasp": "solves systems of equations, for OpenCV",
    "libscipy_openblas": "linear algebra, for parts of scipy that stay out",
}
"""Beginnings of names of libraries, and what each would do."""

_OPENED_BY_NAME: Final = ("libonnxruntime_providers_shared",)
"""Nobody is linked to them, and they are asked for all the same."""


def libraries_of(folder: Path) -> dict[Path, Library]:
    """Return every ELF file below `folder`."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and ".so" in path.name)
    return {path: read_library(path) for path in paths if is_elf(path)}


def lighten(site: Path) -> None:
    """Replace and remove libraries below site-packages."""
    found = libraries_of(site)
    wanted = frozenset[str]().union(*(library.wanted for library in found.values()))
    for path, library in found.items():
        # numpy's own BLAS is called by everything: libscipy_openblas64_, with 64-bit integers
        if path.name.partition("-")[0] in REPLACED and path.parent.name.endswith(".libs"):
            stand_in = StandIn(
                machine=library.machine,
                soname=library.soname,
                symbols=sorted(library.offered & wanted),
                version=(library.versions_offered or ("",))[0],
            )
            path.write_bytes(stand_in.content())
    _remove_unlinked(site)


def _remove_unlinked(site: Path) -> None:
    """Remove libraries that no extension is linked to, however many steps away."""
    found = libraries_of(site)
    alone = {path for path in found if _is_library(path)}
    reached = {path for path in found if path not in alone}
    edge = set(reached)
    while edge:
        # a name counts where the loader finds it: a copy under another name is never opened
        needed = {name for path in edge for name in found[path].needed}
        edge = {path for path in alone - reached if path.name in needed}
        reached |= edge
    for path in alone - reached:
        path.unlink()


def _is_library(path: Path) -> bool:
    if path.name.startswith(_OPENED_BY_NAME):
        return False
    return path.parent.name.endswith(".libs") or path.name.startswith("lib")
