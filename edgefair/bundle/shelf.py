"""Where bundles lie: those the package carries, those installed here, those named by path."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Final

from edgefair.bundle.archive import Bundle, read_bundle
from edgefair.bundle.installed import Installed, Release
from edgefair.bundle.trust_store import Seen, TrustStore
from edgefair.errors import BundleAltered, BundleNotFound

__all__ = [
    "carried_bundles",
    "carried_digests",
    "find_bundle",
    "installed_in",
    "open_bundle",
    "seen_of",
    "trust_store_in",
]

_PACKAGE = Path(__file__).resolve().parents[1]
_DIGESTS: Final = "DIGESTS"


def carried_bundles() -> tuple[Path, ...]:
    """Return the bundles that come with edgefair, by name, each name's newest version first."""
    folder = _models()
    if folder is None:
        return ()
    found = sorted(folder.glob("*/*.efb"), key=_version, reverse=True)
    return tuple(sorted(found, key=_name))


def carried_digests() -> frozenset[str]:
    """Return the digests of the bundles that come with edgefair.

    They stand in the file ``DIGESTS`` beside them, which the installer's own signature covers;
    a bundle in their place that is not listed is no better than any other.

    Examples
    --------
    >>> {len(digest) for digest in carried_digests()}
    {64}
    """
    folder = _models()
    if folder is None or not (folder / _DIGESTS).is_file():
        return frozenset()
    lines = (folder / _DIGESTS).read_text(encoding="ascii").splitlines()
    return frozenset(line.split()[0] for line in lines if line)


def installed_in(home: Path) -> Installed:
    """Return the bundles that were installed under `home`."""
    return Installed(folder=home / "models")


def trust_store_in(home: Path) -> TrustStore:
    """Return what is trusted under `home`, and what came with edgefair."""
    return TrustStore(folder=home / "trust", carried=carried_digests())


def find_bundle(path: str | Path, installed: Installed | None = None) -> Path:
    """Return the bundle file at `path`, or else the one of that name.

    A name means the version that is installed as the current one; without one, the newest that
    edgefair carries. A name with a version means an installed bundle of that version before a
    carried one. So an update of edgefair exchanges no model that a clinic has chosen.

    Parameters
    ----------
    path : str or Path
        ``some/folder/chest-xray-0.1.0.efb``, ``chest-xray-0.1.0`` or ``chest-xray``.
    installed : Installed, optional
        By default only what edgefair carries is looked through.

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
    release = _installed_release(str(path), installed) if installed else None
    if release is not None:
        return release.path
    carried = carried_bundles()
    for bundle in carried:
        if str(path) in (bundle.stem, _name(bundle)):
            return bundle
    raise BundleNotFound(
        f"There is no bundle at {path}, and edgefair carries none of that name.",
        hint="It carries: " + (", ".join(bundle.stem for bundle in carried) or "none") + ".",
    )


def open_bundle(path: str | Path, home: Path, *, allow_unsigned: bool = False) -> Bundle:
    """Return the bundle at `path` or of that name, if somebody whom this PC trusts vouches for it.

    Parameters
    ----------
    path : str or Path
        As for `find_bundle`.
    home : Path
        Where this PC keeps its models and what it trusts; see `default_home`.
    allow_unsigned : bool, optional
        Let bundles through that nobody vouches for: for builders. Their results say so.

    Raises
    ------
    BundleNotFound, BundleAltered, ContractMismatch
        If there is none, or it is not what it promises.
    Untrusted
        If it is unsigned, or signed by an unknown or revoked key, or withdrawn.
    Downgrade
        If it lies elsewhere and is older than one that was installed here.

    Examples
    --------
    >>> str(open_bundle("phantom", Path("nowhere")).trust)
    'came with edgefair'
    """
    installed, store = installed_in(home), trust_store_in(home)
    place = find_bundle(path, installed)
    bundle = read_bundle(place, partial(store.vouch, allow_unsigned=allow_unsigned))
    release = next((r for r in installed.releases() if r.path == place), None)
    if release is not None:
        if not bundle.digest.startswith(release.digest):
            raise BundleAltered(
                f"In the place of {release.name} {release.version} lies another bundle.",
                hint=f"Install it again, or go back: edgefair model rollback {release.name}",
            )
    elif bundle.trust.kind == "signed":
        store.refuse_older(bundle.manifest.contract.name, seen_of(bundle))
    return bundle


def seen_of(bundle: Bundle) -> Seen:
    """Return the number of a bundle in its series, as a trust store keeps it."""
    return Seen(sequence=bundle.manifest.sequence, digest=bundle.digest)


def _installed_release(wanted: str, installed: Installed) -> Release | None:
    current = installed.current(wanted)
    if current is not None:
        return current
    same = [r for r in installed.releases() if wanted == f"{r.name}-{r.version}"]
    # of two bundles that bear one version, that which counts
    return min(same, key=lambda r: installed.choice(r.name).current != r.folder_name, default=None)


def _models() -> Path | None:
    # an installed wheel has models/ inside the package, a checkout beside it
    places = (_PACKAGE / "models", _PACKAGE.parent / "models")
    return next((folder for folder in places if folder.is_dir()), None)


def _name(bundle: Path) -> str:
    return bundle.stem.rpartition("-")[0] or bundle.stem


def _version(bundle: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", bundle.stem.rpartition("-")[2]))
