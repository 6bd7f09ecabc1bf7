"""Where bundles lie: those the package carries, and those a user names by path."""

from __future__ import annotations

import re
from pathlib import Path

from edgefair.errors import BundleNotFound

__all__ = ["carried_bundles", "find_bundle"]

_PACKAGE = Path(__file__).resolve().parents[1]


def carried_bundles() -> tuple[Path, ...]:
    """Return the bundles that come with edgefair, by name, each name's newest version first."""
    # an installed wheel has models/ inside the package, a checkout beside it
    for folder in (_PACKAGE / "models", _PACKAGE.parent / "models"):
        if folder.is_dir():
            found = sorted(folder.glob("*/*.efb"), key=_version, reverse=True)
            return tuple(sorted(found, key=_name))
    return ()


def find_bundle(path: str | Path) -> Path:
    """Return the bundle file at `path`, or the newest carried bundle of that name.

    Parameters
    ----------
    path : str or Path
        ``some/folder/chest-xray-0.1.0.efb``, ``chest-xray-0.1.0`` or ``chest-xray``.

    Raises
    ------
    BundleNotFound
        If there is neither.

    Examples
    --------
    >>> find_bundle("phantom").suffix
    '.efb'
    """
    if Path(path).is_file():
        return Path(path)
    carried = carried_bundles()
    for bundle in carried:
        if str(path) in (bundle.stem, _name(bundle)):
            return bundle
    raise BundleNotFound(
        f"There is no bundle at {path}, and edgefair carries none of that name.",
        hint="It carries: " + (", ".join(bundle.stem for bundle in carried) or "none") + ".",
    )


def _name(bundle: Path) -> str:
    return bundle.stem.rpartition("-")[0] or bundle.stem


def _version(bundle: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", bundle.stem.rpartition("-")[2]))
