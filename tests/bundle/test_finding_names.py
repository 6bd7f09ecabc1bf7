"""Names of findings in other languages: carried where there are any, absent where not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgefair.bundle.manifest import (
    FindingName,
    Manifest,
    Part,
    manifest_from_json,
    manifest_to_json,
)
from edgefair.errors import ContractMismatch

PARTS = (Part(path="m.onnx", role="model", sha256="0" * 64, size_bytes=3),)


def test_names_survive_writing_and_reading(manifest: Manifest) -> None:
    names = (FindingName(finding="bright", language="fr", name="clair"),)
    named = replace(manifest, parts=PARTS, finding_names=names)

    assert manifest_from_json(manifest_to_json(named)) == named


def test_a_manifest_without_names_is_as_it_was_before_there_were_any(manifest: Manifest) -> None:
    assert b"finding_names" not in manifest_to_json(replace(manifest, parts=PARTS))


def test_a_name_for_no_finding_is_refused(manifest: Manifest) -> None:
    names = (FindingName(finding="dark", language="fr", name="sombre"),)
    text = manifest_to_json(replace(manifest, parts=PARTS, finding_names=names))

    with pytest.raises(ContractMismatch, match="names dark, which is no finding"):
        manifest_from_json(text)
