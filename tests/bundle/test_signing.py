"""Keys and signatures: strict to read, good for one purpose and one sequence of bytes."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefair.bundle.signing import (
    PublicKey,
    Purpose,
    Signature,
    SigningKey,
    new_signing_key,
    signing_key_from_pem,
)
from edgefair.errors import BadKey, WrongSignature

KEY = new_signing_key("ministry", Purpose.BUNDLES)
FIELDS = json.loads(KEY.sign(b"manifest").to_json())
KEY_FIELDS = json.loads(KEY.public.to_json())


@given(st.binary(max_size=100))
def test_a_signature_holds_for_its_own_bytes_and_is_always_the_same(content: bytes) -> None:
    signature = KEY.sign(content)
    KEY.public.check(signature, content)

    assert KEY.sign(content) == signature


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_a_signature_over_other_bytes_is_refused(signed: bytes, found: bytes) -> None:
    if signed == found:
        return
    with pytest.raises(WrongSignature, match="has been changed"):
        KEY.public.check(KEY.sign(signed), found)


def test_a_signature_with_any_flipped_bit_is_refused() -> None:
    signature = KEY.sign(b"manifest")
    for bit in range(8 * len(signature.value)):
        value = bytearray(signature.value)
        value[bit // 8] ^= 1 << bit % 8
        flipped = Signature(key_id="", key_name="", value=bytes(value))

        with pytest.raises(WrongSignature):
            KEY.public.check(flipped, b"manifest")


def test_a_signature_over_a_bundle_is_none_over_a_list_of_revocations() -> None:
    same_key = PublicKey(name="ministry", purpose=Purpose.REVOCATIONS, raw=KEY.public.raw)

    with pytest.raises(WrongSignature):
        same_key.check(KEY.sign(b"content"), b"content")


def changed(fields: dict[str, str], **changes: object) -> bytes:
    return json.dumps({k: v for k, v in (fields | changes).items() if v is not None}).encode()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b'["algorithm"]',
        b"\xff",
        b"[" * 1000,
        b"{" * 1000,
        KEY.sign(b"").to_json() * 2,
        KEY.sign(b"").to_json() + b" " * 1024,
        changed(FIELDS, algorithm="none"),
        changed(FIELDS, algorithm=None),
        changed(FIELDS, extra="x"),
        changed(FIELDS, key_id=7),
        changed(FIELDS, key_id="AB" * 16),
        changed(FIELDS, key_name="\x1b[2J"),
        changed(FIELDS, key_name=".."),
        changed(FIELDS, signature="00" * 63),
        changed(FIELDS, signature={"a": "b"}),
        b'{"algorithm": "ed25519", ' + changed(FIELDS)[1:],
    ],
    ids=lambda text: text[:20].decode(errors="replace"),
)
def test_what_is_no_signature_is_refused(text: bytes) -> None:
    with pytest.raises(WrongSignature, match="none that edgefair knows"):
        Signature.from_json(text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        changed(KEY_FIELDS, name="../../etc/x"),
        changed(KEY_FIELDS, name="x" * 65),
        changed(KEY_FIELDS, purpose="everything"),
        changed(KEY_FIELDS, public_key="00"),
        changed(KEY_FIELDS, public_key=None),
        b"-----BEGIN PUBLIC KEY-----\n",
    ],
)
def test_what_is_no_public_key_is_refused(text: bytes) -> None:
    with pytest.raises(BadKey, match="no public key"):
        PublicKey.from_json(text)


@pytest.mark.parametrize("passphrase", [None, "correct horse"])
def test_a_private_key_comes_back_from_its_file(passphrase: str | None) -> None:
    pem = KEY.to_pem(passphrase)
    again = signing_key_from_pem(pem, KEY.public, passphrase)

    assert again.sign(b"x") == KEY.sign(b"x")
    assert (b"ENCRYPTED" in pem) is (passphrase is not None)


@pytest.mark.parametrize("passphrase", [None, "wrong"])
def test_a_missing_or_wrong_passphrase_is_told(passphrase: str | None) -> None:
    with pytest.raises(BadKey, match="cannot be opened") as caught:
        signing_key_from_pem(KEY.to_pem("right"), KEY.public, passphrase)

    assert caught.value.exit_code == 3


def test_a_private_key_that_belongs_to_another_public_one_is_refused() -> None:
    other: SigningKey = new_signing_key("other", Purpose.BUNDLES)
    with pytest.raises(BadKey, match="not the one that belongs"):
        signing_key_from_pem(KEY.to_pem(None), other.public)


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b", "ü", "x" * 65])
def test_a_key_needs_a_plain_name(name: str) -> None:
    with pytest.raises(BadKey, match="no name for a key"):
        new_signing_key(name, Purpose.BUNDLES)


def test_a_bundle_that_came_with_edgefair_needs_no_cryptography() -> None:
    code = (
        "import sys, edgefair; edgefair.load('phantom'); "
        "print([name for name in sys.modules if name.partition('.')[0] == 'cryptography'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert done.stdout.strip() == b"[]"
