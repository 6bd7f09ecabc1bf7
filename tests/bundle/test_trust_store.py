"""What a PC trusts: keys by name, revocations that only grow, numbers that only rise."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edgefair.bundle.revocations import Revocation, RevocationList
from edgefair.bundle.shelf import trust_store_in
from edgefair.bundle.signing import Purpose, SigningKey, new_signing_key
from edgefair.bundle.trust import Trust
from edgefair.bundle.trust_store import Seen, TrustStore
from edgefair.errors import (
    BadKey,
    Downgrade,
    EdgefairError,
    ModelError,
    RevokedKey,
    UnknownKey,
    Unsigned,
    Withdrawn,
    WrongSignature,
)

MANIFEST = b"no JSON at all: nothing is parsed before somebody vouches"
DIGEST = "cd" * 32


@pytest.fixture
def store(home: Path) -> TrustStore:
    return trust_store_in(home)


@pytest.fixture
def stranger() -> SigningKey:
    return new_signing_key("ministry", Purpose.BUNDLES)


def signature(key: SigningKey, manifest: bytes = MANIFEST) -> bytes:
    return key.sign(manifest).to_json()


def revoking(key: SigningKey, before: RevocationList | None = None) -> RevocationList:
    entry = Revocation(of=key.public.key_id, name=key.public.name, reason="Its laptop was stolen.")
    return (before or RevocationList()).with_key(entry)


def test_what_a_trusted_key_signed_is_vouched_for_by_its_name(
    store: TrustStore, ministry: SigningKey
) -> None:
    trust = store.vouch(MANIFEST, signature(ministry))

    assert trust == Trust(kind="signed", signed_by="ministry", key_id=ministry.public.key_id)


def test_what_nobody_signed_is_refused_unless_a_builder_allows_it(store: TrustStore) -> None:
    with pytest.raises(Unsigned) as caught:
        store.vouch(MANIFEST, None)

    assert caught.value.exit_code == 4
    assert store.vouch(MANIFEST, None, allow_unsigned=True).kind == "unsigned"


def test_an_unknown_key_of_a_known_name_is_refused(
    store: TrustStore, stranger: SigningKey
) -> None:
    with pytest.raises(UnknownKey, match=stranger.public.key_id):
        store.vouch(MANIFEST, signature(stranger))

    assert store.vouch(MANIFEST, signature(stranger), allow_unsigned=True).kind == "unsigned"


def test_a_signature_over_another_manifest_is_refused_whatever_is_allowed(
    store: TrustStore, ministry: SigningKey
) -> None:
    for allowed in (False, True):
        with pytest.raises(WrongSignature):
            store.vouch(MANIFEST + b" ", signature(ministry), allow_unsigned=allowed)


def test_a_key_for_revocations_signs_no_bundle(store: TrustStore, root: SigningKey) -> None:
    with pytest.raises(UnknownKey):
        store.vouch(MANIFEST, signature(root))


def test_a_revoked_key_is_refused_with_its_reason_whatever_is_allowed(
    store: TrustStore, ministry: SigningKey, root: SigningKey
) -> None:
    store.update(revoking(ministry).signed(root))
    for allowed in (False, True):
        with pytest.raises(RevokedKey, match="laptop was stolen"):
            store.vouch(MANIFEST, signature(ministry), allow_unsigned=allowed)


def test_a_withdrawn_bundle_is_refused_even_if_it_came_with_edgefair(
    home: Path, root: SigningKey
) -> None:
    digest = next(iter(trust_store_in(home).carried))
    entry = Revocation(of=digest, name="phantom 0.1.0", reason="It misses too much.")
    store = trust_store_in(home)
    store.update(RevocationList().with_bundle(entry).signed(root))

    assert store.revocations().of_bundle(digest) == entry
    with pytest.raises(Withdrawn, match="misses too much"):
        _vouch_for_carried(store, digest)


def _vouch_for_carried(store: TrustStore, digest: str) -> None:
    from edgefair.bundle.archive import read_bundle
    from edgefair.bundle.shelf import carried_bundles

    for path in carried_bundles():
        if read_bundle(path).digest == digest:
            read_bundle(path, store.vouch)


def test_a_list_that_a_key_for_bundles_signed_is_refused(
    store: TrustStore, ministry: SigningKey, root: SigningKey
) -> None:
    with pytest.raises(UnknownKey):
        store.update(revoking(root).signed(ministry))

    assert store.revocations() == RevocationList()


def test_a_changed_list_is_refused_at_every_bit(
    store: TrustStore, ministry: SigningKey, root: SigningKey
) -> None:
    file = revoking(ministry).signed(root)
    called = range(file.index(b"ministry-root"), file.index(b"ministry-root") + 13)  # a hint only
    for place in sorted(set(range(0, len(file), 3)) - set(called)):
        changed = file[:place] + bytes([file[place] ^ 1]) + file[place + 1 :]
        with pytest.raises(ModelError):
            store.update(changed)

    assert store.revocations() == RevocationList()


@pytest.fixture
def lists(store: TrustStore, ministry: SigningKey, root: SigningKey) -> tuple[bytes, bytes]:
    """Return the first list and the second, which is in force."""
    first = revoking(new_signing_key("old", Purpose.BUNDLES))
    files = first.signed(root), revoking(ministry, first).signed(root)
    for file in files:
        store.update(file)
    return files


def test_an_older_list_is_refused_and_the_same_may_come_again(
    store: TrustStore, lists: tuple[bytes, bytes]
) -> None:
    with pytest.raises(Downgrade, match="has the number 1; this PC has already seen 2"):
        store.update(lists[0])

    assert store.update(lists[1]).sequence == 2


def test_another_list_of_the_same_number_is_refused(
    store: TrustStore, lists: tuple[bytes, bytes], root: SigningKey
) -> None:
    assert lists
    with pytest.raises(Downgrade):
        store.update(RevocationList(sequence=2).signed(root))


def test_a_list_exchanged_on_the_disk_for_an_older_one_is_found(
    store: TrustStore, lists: tuple[bytes, bytes]
) -> None:
    (store.folder / "revocations.efr").write_bytes(lists[0])

    with pytest.raises(Downgrade):
        store.vouch(MANIFEST, None, allow_unsigned=True)


def test_a_list_removed_from_the_disk_is_missed(
    store: TrustStore, lists: tuple[bytes, bytes]
) -> None:
    (store.folder / "revocations.efr").unlink()
    with pytest.raises(Downgrade, match="is gone"):
        store.vouch(MANIFEST, None, allow_unsigned=True)
    store.update(lists[1])

    assert store.revocations().sequence == 2


def test_a_list_damaged_on_the_disk_is_told_and_mended_by_it_or_a_newer_one(
    store: TrustStore, lists: tuple[bytes, bytes], root: SigningKey
) -> None:
    for newer in (lists[1], RevocationList(sequence=3).signed(root)):
        (store.folder / "revocations.efr").write_bytes(lists[1][:-9])
        with pytest.raises(WrongSignature, match="is damaged") as caught:
            store.vouch(MANIFEST, None, allow_unsigned=True)
        store.update(newer)

        assert caught.value.hint == "Bring it again: edgefair keys update revocations.efr"
    assert store.revocations().sequence == 3


def test_a_revoked_key_extends_no_list(
    store: TrustStore, root: SigningKey, ministry: SigningKey
) -> None:
    last = revoking(root)
    store.update(last.signed(root))

    with pytest.raises(RevokedKey):
        store.update(revoking(ministry, last).signed(root))


def test_a_name_stands_for_one_key(store: TrustStore, stranger: SigningKey) -> None:
    with pytest.raises(BadKey, match="already the name of another key"):
        store.add_key(stranger.public)
    store.forget_key("ministry")
    store.add_key(stranger.public)

    assert stranger.public in store.trusted_keys()


def test_a_revoked_key_is_not_trusted_anew(
    store: TrustStore, lists: tuple[bytes, bytes], ministry: SigningKey
) -> None:
    assert lists
    with pytest.raises(RevokedKey):
        store.add_key(ministry.public)


def test_the_key_that_signed_the_list_in_force_is_not_forgotten(
    store: TrustStore, lists: tuple[bytes, bytes]
) -> None:
    assert lists
    with pytest.raises(BadKey, match="in force"):
        store.forget_key("ministry-root")


def test_a_key_nobody_trusts_cannot_be_forgotten(store: TrustStore) -> None:
    with pytest.raises(BadKey, match="No key is trusted as nobody") as caught:
        store.forget_key("nobody")

    assert caught.value.hint == "Trusted: ministry, ministry-root."


@pytest.mark.parametrize(
    ("sequence", "digest", "passes"),
    [(6, DIGEST, True), (5, "ab", True), (5, DIGEST, False), (4, DIGEST, False), (0, "", False)],
)
def test_a_number_only_rises(store: TrustStore, sequence: int, digest: str, passes: bool) -> None:
    store.note_seen("chest-xray", Seen(sequence=5, digest="ab"))
    now = Seen(sequence=sequence, digest=digest)
    if passes:
        store.refuse_older("chest-xray", now)
        return
    with pytest.raises(Downgrade):
        store.refuse_older("chest-xray", now)


def test_bundles_without_a_number_may_follow_each_other(store: TrustStore) -> None:
    store.note_seen("chest-xray", Seen(sequence=0, digest="ab"))
    store.refuse_older("chest-xray", Seen(sequence=0, digest="cd"))
    store.refuse_older("another", Seen(sequence=0, digest="cd"))

    store.note_seen("chest-xray", Seen(sequence=1, digest="ef"))
    with pytest.raises(Downgrade):  # what has a number is not followed by one without
        store.refuse_older("chest-xray", Seen(sequence=0, digest="ab"))


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a": 1}', b'{"a": ["x", "y"]}', b"[" * 9000])
def test_damaged_numbers_are_told_and_not_begun_anew(store: TrustStore, content: bytes) -> None:
    (store.folder / "seen.json").write_bytes(content)

    with pytest.raises(ModelError, match="is damaged"):
        store.vouch(MANIFEST, None, allow_unsigned=True)


@pytest.mark.parametrize(
    "tree",
    [
        [],
        {},
        {"sequence": True, "keys": [], "bundles": []},
        {"sequence": 1, "keys": [{}], "bundles": []},
        {"sequence": 1, "keys": [{"of": 1, "name": "", "reason": ""}], "bundles": []},
        {"sequence": 1, "keys": [], "bundles": [], "more": 1},
        {"sequence": "1", "keys": [], "bundles": []},
    ],
)
def test_a_list_that_is_none_is_refused_though_it_was_signed(
    store: TrustStore, root: SigningKey, tree: object
) -> None:
    content = json.dumps(tree).encode()
    with pytest.raises(WrongSignature, match="no list"):
        store.update(root.sign(content).to_json() + content)


@pytest.mark.parametrize("file", [b"", b"\n", b"x" * 2_000_000, b"{}\n{}"])
def test_any_other_file_is_no_list(store: TrustStore, file: bytes) -> None:
    with pytest.raises(EdgefairError):
        store.update(file)


def test_what_nobody_was_told_of_is_trusted_by_nobody(
    tmp_path: Path, ministry: SigningKey, make_signed: Callable[..., Path]
) -> None:
    store = trust_store_in(tmp_path / "no-such-folder")

    with pytest.raises(UnknownKey):
        store.vouch(MANIFEST, signature(ministry))
    assert not (tmp_path / "no-such-folder").exists()
