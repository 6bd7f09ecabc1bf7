"""The licences of everything inside, gathered from where each package keeps them."""

from __future__ import annotations

import email
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["NATIVE", "Package", "gather_licences", "packages_in"]

NATIVE: Final = {
    "libaom": "BSD-2-Clause",
    "libavif": "BSD-2-Clause",
    "libbrotlicommon": "MIT",
    "libbrotlidec": "MIT",
    "libcrypto": "Apache-2.0 (3.x), OpenSSL (1.1)",
    "libffi": "MIT",
    "libgfortran": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libjpeg": "IJG AND BSD-3-Clause",
    "liblcms2": "MIT",
    "liblzma": "0BSD",
    "libmpdec": "BSD-2-Clause",
    "libopenjp2": "BSD-2-Clause",
    "libpng16": "libpng-2.0",
    "libquadmath": "LGPL-2.1-or-later",
    "libscipy_openblas64_": "BSD-3-Clause",
    "libsharpyuv": "BSD-3-Clause",
    "libsqlite3": "blessing",
    "libssl": "Apache-2.0 (3.x), OpenSSL (1.1)",
    "libtiff": "libtiff",
    "libXau": "MIT",
    "libxcb": "MIT",
    "libz": "Zlib",
    "libzstd": "BSD-3-Clause",
}
"""Compiled libraries that come inside other packages."""

_TEXTS: Final = re.compile(r"(licen[cs]e|copying|notice|authors)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package of site-packages.

    Attributes
    ----------
    name, version, licence : str
    """

    name: str
    version: str
    licence: str


def packages_in(site: Path) -> tuple[Package, ...]:
    """Return the packages by name, as their own metadata tells."""
    return tuple(_package(path) for path in sorted(site.glob("*.dist-info/METADATA")))


def _package(metadata: Path) -> Package:
    told = email.message_from_string(metadata.read_text(encoding="utf-8"))
    licence = told["License-Expression"] or _from_classifiers(told.get_all("Classifier") or [])
    if not licence:
        first = (told["License"] or "").strip().splitlines()
        licence = first[0][:80] if first else "see its file"
    return Package(name=told["Name"].lower(), version=told["Version"], licence=licence)


def _from_classifiers(classifiers: list[str]) -> str:
    found = [c.rpartition(" :: ")[2] for c in classifiers if c.startswith("License :: OSI")]
    return ", ".join(found)


def gather_licences(site: Path, target: Path, native: Mapping[str, str]) -> None:
    """Move every licence below `site` to `target`, and write a table of them all.

    Parameters
    ----------
    site, target : Path
    native : mapping
        Licence of each compiled library that came inside another package.
    """
    packages = packages_in(site)
    for path in sorted(_texts(site)):
        place = target / path.relative_to(site).as_posix().replace(".dist-info", "")
        place = place.with_name(place.name + ("" if place.suffix else ".txt"))
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, place)
    rows = [f"{one.name} {one.version}: {one.licence}" for one in packages]
    rows += [f"{name} (inside another package): {licence}" for name, licence in native.items()]
    rows.append("scipy's __init__ files were replaced; the rest of it is unchanged or left out.")
    (target / "INDEX.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _texts(site: Path) -> Iterator[Path]:
    for path in site.rglob("*"):
        if path.is_file() and _TEXTS.search(path.name) and path.suffix not in (".py", ".so"):
            parts = path.relative_to(site).parts
            if parts[0] != "edgefair":
                yield path
