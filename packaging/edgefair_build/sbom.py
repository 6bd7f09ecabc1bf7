"""The bill of materials: CycloneDX 1.6, plain JSON, no field that varies between two builds."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from edgefair_build.licences import Package

__all__ = ["bill_of_materials"]

_PEDIGREE = {
    "scipy": "Cut down to compiled functions of scipy.special; its __init__ files are ours.",
    "opencv-python-headless": "Libraries for films and linear algebra are stand-ins.",
}


def bill_of_materials(
    *,
    version: str,
    platform: str,
    epoch: int,
    packages: Iterable[Package],
    wheels: Mapping[str, str],
    native: Mapping[str, str],
) -> bytes:
    """Return the bill as bytes.

    Parameters
    ----------
    version, platform : str
    epoch : int
        Seconds since 1970: the commit's time.
    packages : iterable of Package
    wheels : mapping
        SHA-256 of the file that each package came from.
    native : mapping
        Licence of each compiled library inside other packages.
    """
    components = [_component(package, wheels.get(package.name)) for package in packages]
    components += [
        {"type": "library", "name": name, "bom-ref": f"native:{name}", **_licensed(licence)}
        for name, licence in sorted(native.items())
    ]
    tree: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "name": "edgefair",
                "version": version,
                "bom-ref": "edgefair-installer",
                "properties": [{"name": "platform", "value": platform}],
            },
        },
        "components": components,
    }
    content = json.dumps(tree, sort_keys=True).encode()
    number = uuid.UUID(bytes=hashlib.sha256(content).digest()[:16], version=4)
    tree["serialNumber"] = f"urn:uuid:{number}"
    return json.dumps(tree, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _component(package: Package, digest: str | None) -> dict[str, Any]:
    reference = f"pkg:pypi/{package.name}@{package.version}"
    made: dict[str, Any] = {
        "type": "library",
        "name": package.name,
        "version": package.version,
        "bom-ref": reference,
        "purl": reference,
        **_licensed(package.licence),
    }
    if digest:
        made["hashes"] = [{"alg": "SHA-256", "content": digest}]
    if note := _PEDIGREE.get(package.name):
        made["pedigree"] = {"notes": note}
    return made


def _licensed(licence: str) -> dict[str, Any]:
    return {"licenses": [{"license": {"name": licence}}]}
