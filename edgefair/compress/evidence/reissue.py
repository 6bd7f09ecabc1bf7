"""A finished bundle issued again with golden answers: the same model under a new version."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import onnx

from edgefair.bundle.archive import Bundle, PartContent, write_bundle
from edgefair.bundle.manifest import Manifest
from edgefair.compress.evidence.golden import golden_parts, without_golden
from edgefair.compress.evidence.ml_bom import relisted
from edgefair.compress.export import with_contract
from edgefair.errors import EdgefairError

__all__ = ["with_golden_answers"]

_SECTION: Final = """
## Golden answers

{new} is {old} with golden answers added: synthetic images,
and the logits that its builder's machine had for them. `edgefair doctor` compares a clinic's with
these. Weights, thresholds and everything measured are those of {old}.
"""


def with_golden_answers(bundle: Bundle, *, version: str, out: Path) -> Bundle:
    """Return the bundle written to `out`: the model as it was, with golden answers.

    Every part that names the version or another part's hash names the new one.

    Parameters
    ----------
    bundle : Bundle
        Golden answers that it has already are made anew.
    version : str
        Three numbers; another one than the bundle's.
    out : Path
        A file that exists is replaced.

    Raises
    ------
    EdgefairError
        If the version is the old one, or `out` cannot be written.
    """
    old = bundle.manifest
    if version == old.contract.version:
        raise EdgefairError(
            f"{old.label} with other parts needs another version.",
            hint="Leave out --version, and the last number rises by one.",
        )
    manifest = replace(old, contract=replace(old.contract, version=version), parts=())
    kept = without_golden(bundle.parts)
    renewed = tuple(_renewed(part, old, manifest) for part in kept)
    hashes = {_sha256(before): _sha256(after) for before, after in zip(kept, renewed, strict=True)}
    # card and facts name the recipe's hash
    parts = tuple(_rehashed(part, hashes) for part in renewed if part.role != "ml_bom")
    parts += golden_parts(manifest, parts)
    bills = tuple(
        replace(part, content=relisted(part.content, parts, version=version))
        for part in (_rehashed(part, hashes) for part in renewed if part.role == "ml_bom")
    )
    try:
        return write_bundle(out, manifest, (*parts, *bills))
    except OSError as error:
        raise EdgefairError(
            f"{out} cannot be written: {error.strerror or error}.",
            hint="Name another file with --output, and check the free space.",
        ) from error


def _renewed(part: PartContent, old: Manifest, new: Manifest) -> PartContent:
    match part.role:
        case "model" | "variant":
            content = with_contract(onnx.load_from_string(part.content), new.contract)
        case "recipe":
            line = 'version = "{}"\n'
            content = part.content.replace(
                line.format(old.contract.version).encode(),
                line.format(new.contract.version).encode(),
                1,
            )
        case "card":
            content = _card(part.content.decode(), old, new).encode()
        case "facts":
            content = _facts(json.loads(part.content), new.contract.version)
        case _:
            content = part.content
    return replace(part, content=content)


def _card(text: str, old: Manifest, new: Manifest) -> str:
    name, before, after = old.contract.name, old.contract.version, new.contract.version
    for form in ("# {1} {0}\n", "{1}-{0}.efb", "ReleaseVersion: {0}\n"):
        text = text.replace(form.format(before, name), form.format(after, name))
    return text.rstrip("\n") + "\n" + _SECTION.format(old=old.label, new=new.label)


def _facts(tree: dict[str, Any], version: str) -> bytes:
    tree["version"] = version
    for field in tree["applied_model_card"]:
        if field["path"].endswith("/ReleaseVersion"):
            field["answer"] = version
    text = json.dumps(tree, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def _rehashed(part: PartContent, hashes: dict[str, str]) -> PartContent:
    if part.role not in ("card", "facts", "ml_bom"):
        return part
    content = part.content
    for before, after in hashes.items():
        content = content.replace(before.encode(), after.encode())
    return replace(part, content=content)


def _sha256(part: PartContent) -> str:
    return hashlib.sha256(part.content).hexdigest()
