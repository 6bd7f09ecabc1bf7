"""What each package costs: as its wheel has it, as it is installed, and compressed."""

from __future__ import annotations

import lzma
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from edgefair_build.release import Release
from edgefair_build.sources import Sources

__all__ = ["table_of_sizes"]


def table_of_sizes(release: Release, sources: Sources) -> str:
    """Return a Markdown table; sizes in MB of 1,000,000 bytes.

    The compressed size is each package's alone; all together compress a little better.
    """
    owners = {name: set(_tops(path)) for name, path in sources.wheels.items()}
    rows: list[tuple[str, int, int, int]] = []
    taken = set[str]()
    for package, tops in sorted(owners.items()):
        names = [name for name in release.names if _top(name) in tops]
        taken |= set(names)
        with zipfile.ZipFile(sources.wheels[package]) as archive:
            whole = sum(entry.file_size for entry in archive.infolist())
        rows.append((package, whole, *_weight(release.folder, names)))
    rest = [name for name in release.names if name not in taken]
    python = [name for name in rest if name.startswith(("python/", "freeze_core.libs/"))]
    rows.append(("Python itself", 0, *_weight(release.folder, python)))
    other = sorted(set(rest) - set(python))
    rows.append(("installer, licences, lists", 0, *_weight(release.folder, other)))
    rows.sort(key=lambda row: -row[2])
    sums = (sum(row[1] for row in rows), sum(row[2] for row in rows), sum(row[3] for row in rows))
    rows.append(("together", *sums))
    return "".join(_lines(rows))


def _lines(rows: Iterable[tuple[str, int, int, int]]) -> Iterator[str]:
    yield "| package | its wheel, unpacked | installed | compressed |\n|---|---:|---:|---:|\n"
    for name, whole, installed, compressed in rows:
        before = f"{whole / 1e6:.1f}" if whole else ""
        yield f"| {name} | {before} | {installed / 1e6:.1f} | {compressed / 1e6:.1f} |\n"


def _weight(folder: Path, names: Iterable[str]) -> tuple[int, int]:
    content = b"".join((folder / name).read_bytes() for name in names)
    return len(content), len(lzma.compress(content, preset=6))


def _tops(wheel: Path) -> Iterator[str]:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            top = name.partition("/")[0]
            yield top
            yield top.removesuffix(".py") + ".pyc"


def _top(name: str) -> str:
    return name.split("/")[1] if name.startswith("site/") else ""
