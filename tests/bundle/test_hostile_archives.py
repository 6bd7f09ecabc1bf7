"""Archives made to do harm: refused, at once, and without being unpacked."""

from __future__ import annotations

import json
import os
import struct
import sys
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgefair.bundle.archive import MAX_BUNDLE_BYTES, bundle_from_bytes, read_bundle
from edgefair.bundle.manifest import Manifest, manifest_from_json, manifest_to_json
from edgefair.errors import BundleAltered, BundleNotFound, ContractMismatch, ModelError

BundleMaker = Callable[..., Path]

GIGABYTE = 10**9


@pytest.fixture
def sound(make_bundle: BundleMaker) -> bytes:
    return make_bundle().read_bytes()


def refusal(content: bytes) -> str:
    with pytest.raises(BundleAltered) as caught:
        bundle_from_bytes(content, name="hostile.efb")
    assert caught.value.exit_code == 4
    return caught.value.message


def one_part_zip(name: bytes, packed: bytes, claimed_size: int) -> bytes:
    """Return an archive of one deflated part that claims a size."""
    sizes = struct.pack("<3L", 0, len(packed), claimed_size)
    names = struct.pack("<2H", len(name), 0)
    head = struct.pack("<5H", 20, 0, zipfile.ZIP_DEFLATED, 0, 33) + sizes + names
    local = b"PK\x03\x04" + head + name
    entry = b"PK\x01\x02\x14\x00" + head + struct.pack("<3H2L", 0, 0, 0, 0, 0) + name
    start = len(local) + len(packed)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(entry), start, 0)
    return local + packed + entry + end


def zeros_packed(size: int) -> bytes:
    """Return so many zeros as a deflate stream, made without unpacking it anywhere."""
    block = 10**6
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    once = packer.compress(bytes(block)) + packer.flush(zlib.Z_FULL_FLUSH)
    end = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    return once * (size // block) + end


@pytest.mark.parametrize("claimed", [GIGABYTE, 100])
def test_a_manifest_of_a_gigabyte_is_refused_in_little_memory(claimed: int) -> None:
    bomb = one_part_zip(b"manifest.json", zeros_packed(GIGABYTE), claimed)
    tracemalloc.start()
    try:
        said = refusal(bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert "larger than promised" in said or "no whole bundle" in said or "no JSON" in said
    assert peak < 30_000_000
    assert len(bomb) < 2_000_000


def test_parts_that_promise_a_terabyte_are_refused_before_any_is_read(
    make_bundle: BundleMaker,
) -> None:
    path = make_bundle()
    with zipfile.ZipFile(path) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    tree = json.loads(parts["manifest.json"])
    tree["parts"][0]["size_bytes"] = 10**12
    parts["manifest.json"] = json.dumps(tree).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)

    assert "unpacks to more than 200 MB" in refusal(path.read_bytes())


def test_a_file_too_large_for_any_bundle_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.efb"
    with path.open("wb") as file:
        file.truncate(MAX_BUNDLE_BYTES + 1)

    with pytest.raises(BundleAltered, match="larger than 200 MB"):
        read_bundle(path)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such files")
def test_a_pipe_and_a_device_are_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.efb"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero"), tmp_path):
        with pytest.raises(BundleNotFound):
            read_bundle(path)


@pytest.mark.parametrize("before", [b"MZ", b"#!/bin/sh\nrm -rf ~\n", b"\x7fELF"])
def test_a_bundle_that_is_a_program_too_is_refused(sound: bytes, before: bytes) -> None:
    assert "before or after" in refusal(before + sound)


@pytest.mark.parametrize("after", [b"\0", b"PK", b"x" * 70_000])
def test_a_bundle_with_anything_behind_it_is_refused(sound: bytes, after: bytes) -> None:
    assert "no whole bundle file" in refusal(sound + after)


def test_two_archives_in_one_file_are_refused(sound: bytes) -> None:
    assert "no whole bundle file" in refusal(sound + sound)


def test_a_second_table_of_contents_is_refused(sound: bytes) -> None:
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)

    assert "no whole bundle file" in refusal(sound[:-22] + locator + sound[-22:])


def test_a_comment_in_the_archive_is_refused(make_bundle: BundleMaker) -> None:
    path = make_bundle()
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"PK\x05\x06" + bytes(18)

    assert "no whole bundle file" in refusal(path.read_bytes())


def test_thousands_of_parts_are_refused_by_their_number(tmp_path: Path) -> None:
    path = tmp_path / "many.efb"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(2000):
            archive.writestr(f"{number}", b"")

    assert "has 2000 parts, more than 64" in refusal(path.read_bytes())


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packing_that_edgefair_never_uses_is_refused(tmp_path: Path, method: int) -> None:
    path = tmp_path / "odd.efb"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("manifest.json", b"{}")

    assert "packed in no way edgefair knows" in refusal(path.read_bytes())


def test_an_encrypted_part_is_refused(sound: bytes) -> None:
    entry = sound.index(b"PK\x01\x02")
    locked = sound[: entry + 8] + b"\x01" + sound[entry + 9 :]

    assert "encrypted" in refusal(locked)


def test_an_overlong_signature_is_refused(make_bundle: BundleMaker) -> None:
    path = make_bundle()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("signature.json", b" " * 5000)

    with pytest.raises(BundleAltered, match="larger than promised"):
        read_bundle(path, lambda *_: pytest.fail("asked to vouch for it"))


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "CON:", "x" * 65, "\x1b[2J", "ü"])
def test_a_model_needs_a_plain_name(manifest: Manifest, name: str) -> None:
    contract = replace(manifest.contract, name=name)
    with pytest.raises(ContractMismatch, match=r"contract\.name"):
        manifest_from_json(manifest_to_json(replace(manifest, contract=contract)))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"sequence": -1}, "sequence must be"),
        ({"sequence": 2**60}, "sequence must be"),
        ({"sequence": True}, "sequence"),
        ({"expires": "soon"}, "expires must be a day"),
        ({"expires": "20301231"}, "expires must be a day"),
    ],
)
def test_a_number_and_an_expiry_are_read_strictly(
    manifest: Manifest, changes: dict[str, object], fault: str
) -> None:
    with pytest.raises(ModelError, match=fault):
        manifest_from_json(manifest_to_json(replace(manifest, **changes)))  # type: ignore[arg-type]


def test_bundles_without_a_number_are_written_as_they_always_were(manifest: Manifest) -> None:
    text = manifest_to_json(manifest)

    assert b"sequence" not in text
    assert b"expires" not in text
