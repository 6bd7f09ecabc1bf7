"""Which bundle a name means, and whether it may be opened here."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edgefair.bundle.archive import Bundle, bundle_bytes, read_bundle
from edgefair.bundle.sealing import sign_bundle
from edgefair.bundle.shelf import (
    carried_bundles,
    carried_digests,
    find_bundle,
    installed_in,
    open_bundle,
    seen_of,
    trust_store_in,
)
from edgefair.bundle.signing import SigningKey
from edgefair.errors import BundleAltered, BundleNotFound, Downgrade, ModelError, Unsigned

BundleMaker = Callable[..., Path]


def installed(path: Path, home: Path) -> Bundle:
    """Install a bundle without trying it."""
    bundle = read_bundle(path)
    trust_store_in(home).note_seen(bundle.manifest.contract.name, seen_of(bundle))
    place = installed_in(home)
    place.switch_to(place.add(bundle, bundle_bytes(path)))
    return bundle


def test_exactly_the_bundles_that_the_package_carries_are_pinned() -> None:
    digests = [read_bundle(path).digest for path in carried_bundles()]

    assert carried_digests() == set(digests), "run: python packaging/pin_bundles.py"


def test_a_copy_of_a_carried_bundle_is_as_good_as_the_original(home: Path, tmp_path: Path) -> None:
    copy = shutil.copy(find_bundle("phantom"), tmp_path / "copy.efb")

    assert open_bundle(copy, home).trust.kind == "carried"


def test_a_bundle_that_only_bears_the_name_of_a_carried_one_is_unsigned(
    home: Path, tmp_path: Path, make_bundle: BundleMaker
) -> None:
    folder = tmp_path / "phantom"
    folder.mkdir()
    copy = shutil.copy(make_bundle(), folder / "phantom-0.1.0.efb")

    with pytest.raises(Unsigned):
        open_bundle(copy, home)


def test_the_installed_version_counts_before_the_carried_one(
    home: Path, tmp_path: Path, ministry: SigningKey
) -> None:
    carried = find_bundle("phantom")
    signed = sign_bundle(read_bundle(carried), tmp_path / "new.efb", ministry, sequence=1)
    before = open_bundle("phantom", home)
    installed(tmp_path / "new.efb", home)

    assert before.trust.kind == "carried"
    assert open_bundle("phantom", home).digest == signed.digest
    assert open_bundle(carried.stem, home).digest == signed.digest
    assert open_bundle(carried, home).digest == before.digest
    assert str(open_bundle("phantom", home).trust) == "signed by ministry"


def test_an_older_bundle_on_a_stick_is_refused_and_the_installed_one_before_is_not(
    home: Path, make_signed: BundleMaker
) -> None:
    older, newer = make_signed(1), make_signed(2)
    first = installed(older, home)
    installed(newer, home)
    with pytest.raises(Downgrade, match="number 1; this PC has already seen 2") as caught:
        open_bundle(older, home)
    installed_in(home).roll_back("brightness")

    assert caught.value.exit_code == 4
    assert open_bundle("brightness", home).digest == first.digest


def test_a_flipped_bit_on_the_disk_is_found_at_the_next_load(
    home: Path, make_signed: BundleMaker
) -> None:
    bundle = installed(make_signed(), home)
    (release,) = installed_in(home).releases()
    content = bytearray(release.path.read_bytes())
    content[content.index(bundle.content("model")) + 20] ^= 1
    release.path.write_bytes(content)

    with pytest.raises(BundleAltered):
        open_bundle("brightness", home)


def test_another_bundle_in_the_place_of_an_installed_one_is_found(
    home: Path, make_signed: BundleMaker
) -> None:
    first, second = make_signed(1), make_signed(2)
    installed(second, home)
    (release,) = installed_in(home).releases()
    shutil.copy(first, release.path)

    with pytest.raises(BundleAltered, match="lies another bundle"):
        open_bundle("brightness", home)


def test_an_installed_version_that_is_gone_is_told_with_the_way_back(
    home: Path, make_signed: BundleMaker
) -> None:
    installed(make_signed(), home)
    (release,) = installed_in(home).releases()
    release.path.unlink()

    with pytest.raises(BundleNotFound, match="is gone") as caught:
        open_bundle("brightness", home)
    assert "rollback brightness" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"current": 1, "previous": null}'])
def test_a_damaged_pointer_is_told(home: Path, make_signed: BundleMaker, content: bytes) -> None:
    installed(make_signed(), home)
    (home / "models" / "brightness" / "current.json").write_bytes(content)

    with pytest.raises(ModelError, match="is damaged"):
        open_bundle("brightness", home)


@pytest.mark.parametrize("name", ["..", ".", "../trust", "/etc", "", "no-such-model"])
def test_a_name_leads_nowhere_but_to_models(home: Path, name: str) -> None:
    with pytest.raises(BundleNotFound):
        open_bundle(name, home)
