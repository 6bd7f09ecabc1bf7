"""The rows of `edgefair model list`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgefair.bundle.archive import read_bundle
from edgefair.bundle.home import default_home
from edgefair.bundle.shelf import carried_bundles, installed_in, trust_store_in
from edgefair.errors import ModelError

if TYPE_CHECKING:
    from edgefair.bundle.trust import Vouch

__all__ = ["listed"]


def listed() -> Iterator[tuple[str, str, bool, str, str, float, str]]:
    """Yield every bundle at hand: name, version, current, trust, findings, size in MB, path.

    One that is refused is listed with its reason in the place of its trust.
    """
    home = default_home()
    installed = installed_in(home)
    vouch: Vouch = partial(trust_store_in(home).vouch, allow_unsigned=True)
    for release in installed.releases():
        is_current = installed.choice(release.name).current == release.folder_name
        yield _row(release.path, release.name, release.version, is_current, vouch)
    seen = {r.name for r in installed.releases() if installed.choice(r.name).current}
    for path in carried_bundles():
        name, _, version = path.stem.rpartition("-")
        yield _row(path, name, version, name not in seen, vouch)
        seen.add(name)


def _row(
    path: Path, name: str, version: str, is_current: bool, vouch: Vouch
) -> tuple[str, str, bool, str, str, float, str]:
    size_mb = path.stat().st_size / 1e6
    try:
        bundle = read_bundle(path, vouch)
    except ModelError as error:
        return name, version, is_current, f"refused: {error.message}", "", size_mb, str(path)
    findings = ", ".join(bundle.manifest.contract.findings)
    return name, version, is_current, str(bundle.trust), findings, size_mb, str(path)
