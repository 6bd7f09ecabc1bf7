"""One key pair for installers and models: what is believed for what, and what was revoked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edgefair.bundle.revocations import Revocation, RevocationList
from edgefair.bundle.signing import PublicKey, Purpose, SigningKey, new_signing_key
from edgefair.bundle.trust_store import TrustStore
from tests.packaging.tiny import Clinic, new_key, tiny_installer

CHECKOUT = Path(__file__).resolve().parents[2]


def trust_of(clinic: Clinic) -> TrustStore:
    """Return what the clinic trusts for models."""
    return TrustStore(folder=clinic.root / "trust")


def for_models(clinic: Clinic) -> PublicKey:
    """Return the key of the clinic's builder as one that signs models."""
    key = clinic.key.public
    return PublicKey(name=key.name, purpose=Purpose.BUNDLES, raw=key.raw)


def revoke(clinic: Clinic) -> None:
    """Bring a list that revokes the builder's key."""
    root = new_signing_key("ministry-root", Purpose.REVOCATIONS)
    stolen = Revocation(of=clinic.key.public.key_id, name="ministry", reason="It was stolen.")
    trust_of(clinic).add_key(root.public)
    trust_of(clinic).update(RevocationList(sequence=1, keys=(stolen,)).signed(root))


def test_models_of_the_installers_builder_are_trusted_from_the_first_installation_on(
    clinic: Clinic, tmp_path: Path
) -> None:
    code, said = clinic.run(tiny_installer(tmp_path, "1.0", clinic.key))

    assert code == 0, said
    assert trust_of(clinic).trusted_keys() == (for_models(clinic),)
    signer = SigningKey(public=for_models(clinic), private=clinic.key.private)
    assert trust_of(clinic).vouch(b"{}", signer.sign(b"{}").to_json()).signed_by == "ministry"


def test_a_key_that_was_forgotten_stays_so_after_an_update(clinic: Clinic, tmp_path: Path) -> None:
    clinic.run(tiny_installer(tmp_path, "1.0", clinic.key))
    trust_of(clinic).forget_key("ministry")

    assert clinic.run(tiny_installer(tmp_path, "1.1", clinic.key))[0] == 0
    assert trust_of(clinic).trusted_keys() == ()


def test_a_name_that_stands_for_another_key_keeps_it(clinic: Clinic, tmp_path: Path) -> None:
    other = new_signing_key("Ministry", Purpose.BUNDLES).public
    trust_of(clinic).add_key(other)

    assert clinic.run(tiny_installer(tmp_path, "1.0", clinic.key))[0] == 0
    assert trust_of(clinic).trusted_keys() == (other,)


def test_a_key_that_was_trusted_for_models_is_not_believed_for_an_installer(
    clinic: Clinic, tmp_path: Path
) -> None:
    stranger = new_key("stranger")
    clinic.run(tiny_installer(tmp_path, "1.0", clinic.key))
    public = stranger.public
    trust_of(clinic).add_key(PublicKey(name="stranger", purpose=Purpose.BUNDLES, raw=public.raw))

    assert clinic.run(tiny_installer(tmp_path, "1.1", stranger))[0] == 1
    assert clinic.version() == "1.0"


@pytest.mark.parametrize("by_update", [True, False], ids=["update", "started by itself"])
def test_an_installer_that_a_revoked_key_signed_is_refused(
    clinic: Clinic, tmp_path: Path, by_update: bool
) -> None:
    clinic.run(tiny_installer(tmp_path, "1.0", clinic.key))
    revoke(clinic)
    newer = tiny_installer(tmp_path, "1.1", clinic.key)

    code, said = clinic.edgefair("update", str(newer)) if by_update else clinic.run(newer)
    assert code == 1
    assert "has been revoked: It was stolen." in said
    assert clinic.version() == "1.0"


def test_the_builder_takes_the_key_and_name_that_keys_new_wrote(tmp_path: Path) -> None:
    made = [sys.executable, "-m", "edgefair", "keys", "new", "ministry", "-o", str(tmp_path)]
    subprocess.run(made, check=True, capture_output=True, cwd=CHECKOUT)
    from edgefair_build.__main__ import release_key

    key = release_key(tmp_path / "ministry.private.pem", name=None, passphrase=None)

    public = PublicKey.from_json((tmp_path / "ministry.public.json").read_bytes())
    assert (key.public.name, key.public.key_id) == ("ministry", public.key_id)
