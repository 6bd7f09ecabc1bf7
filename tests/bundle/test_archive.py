"""The bundle on disk: written whole, read only if nothing in it was touched."""

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from edgefair.bundle.archive import PartContent, bundle_bytes, read_bundle, write_bundle
from edgefair.bundle.manifest import Manifest
from edgefair.errors import BundleAltered, BundleNotFound, ContractMismatch, ModelError

Repack = Callable[[zipfile.ZipFile, zipfile.ZipFile], None]


@pytest.fixture
def bundle_path(make_bundle: Callable[..., Path]) -> Path:
    return make_bundle()


def copy_but(
    path: Path, change: Callable[[zipfile.ZipInfo, bytes], bytes | None]
) -> zipfile.ZipFile:
    """Return a rewritten archive, open for more; `change` gives each part's new bytes."""
    with zipfile.ZipFile(path) as old:
        parts = [(info, old.read(info)) for info in old.infolist()]
    new = zipfile.ZipFile(path, "w")
    for info, content in parts:
        changed = change(info, content)
        if changed is not None:
            new.writestr(info, changed)
    return new


def test_a_bundle_comes_back_as_it_was_written(bundle_path: Path) -> None:
    bundle = read_bundle(bundle_path)

    assert bundle.manifest.label == "brightness 1.2.3"
    assert bundle.content("card") == b"# Brightness\n"


def test_the_same_parts_make_the_same_file_byte_for_byte(
    tmp_path: Path, manifest: Manifest
) -> None:
    part = PartContent(path="m.onnx", role="model", content=b"abc")
    first = write_bundle(tmp_path / "a.efb", manifest, [part])
    second = write_bundle(tmp_path / "b.efb", manifest, [part])

    assert first.digest == second.digest
    assert (tmp_path / "a.efb").read_bytes() == (tmp_path / "b.efb").read_bytes()


def test_a_missing_bundle_is_told_as_missing(tmp_path: Path) -> None:
    with pytest.raises(BundleNotFound, match="no bundle at"):
        read_bundle(tmp_path / "none.efb")


def test_a_part_with_one_flipped_bit_is_refused(bundle_path: Path) -> None:
    def flip(info: zipfile.ZipInfo, content: bytes) -> bytes:
        return content[:-1] + bytes([content[-1] ^ 1]) if info.filename == "m.onnx" else content

    copy_but(bundle_path, flip).close()

    with pytest.raises(BundleAltered, match=r"'m\.onnx' does not match its hash"):
        read_bundle(bundle_path)


def test_any_flipped_bit_of_the_file_changes_nothing_or_is_refused(bundle_path: Path) -> None:
    whole = read_bundle(bundle_path)
    original = bundle_path.read_bytes()
    for position in range(0, len(original), 7):
        damaged = bytearray(original)
        damaged[position] ^= 0x10
        bundle_path.write_bytes(damaged)
        try:
            found = read_bundle(bundle_path)
        except ModelError:
            continue

        assert found == whole


@pytest.mark.parametrize(
    "name", ["/etc/cron.d/x", "../x", "a/../../x", "a\\..\\x", "C:x", "a//b", "./x"]
)
def test_a_path_that_leaves_the_bundle_is_refused(bundle_path: Path, name: str) -> None:
    with copy_but(bundle_path, lambda _, content: content) as archive:
        archive.writestr(name, b"x")

    with pytest.raises(BundleAltered, match="path leaves the bundle"):
        read_bundle(bundle_path)


def test_a_link_is_refused(bundle_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with copy_but(bundle_path, lambda _, content: content) as archive:
        archive.writestr(link, b"/etc/passwd")

    with pytest.raises(BundleAltered, match="no plain file"):
        read_bundle(bundle_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_parts_of_one_name_are_refused(bundle_path: Path) -> None:
    with copy_but(bundle_path, lambda _, content: content) as archive:
        archive.writestr("card.md", b"another")

    with pytest.raises(BundleAltered, match="two parts of one name"):
        read_bundle(bundle_path)


def test_a_surplus_part_is_refused(bundle_path: Path) -> None:
    with copy_but(bundle_path, lambda _, content: content) as archive:
        archive.writestr("weights.bin", b"x")

    with pytest.raises(BundleAltered, match=r"weights\.bin"):
        read_bundle(bundle_path)


def test_a_part_larger_than_promised_is_refused_without_being_unpacked(bundle_path: Path) -> None:
    def swell(info: zipfile.ZipInfo, content: bytes) -> bytes:
        info.compress_type = zipfile.ZIP_DEFLATED
        return b"\0" * 50_000_000 if info.filename == "card.md" else content

    copy_but(bundle_path, swell).close()

    with pytest.raises(BundleAltered, match="larger than promised"):
        read_bundle(bundle_path)


def test_a_bundle_without_manifest_is_refused(bundle_path: Path) -> None:
    copy_but(bundle_path, lambda i, c: None if i.filename == "manifest.json" else c).close()

    with pytest.raises(BundleAltered, match="holds no manifest"):
        read_bundle(bundle_path)


def test_a_truncated_bundle_is_refused_at_every_length(bundle_path: Path) -> None:
    whole = bundle_path.read_bytes()
    for length in range(0, len(whole), 97):
        bundle_path.write_bytes(whole[:length])

        with pytest.raises((BundleAltered, ContractMismatch)):
            read_bundle(bundle_path)


@pytest.mark.skipif(not Path("/proc/version").is_file(), reason="Linux has such files")
def test_a_file_longer_than_the_system_says_is_read_to_its_end() -> None:
    version = Path("/proc/version")

    assert version.stat().st_size == 0
    assert bundle_bytes(version) == version.read_bytes() != b""
