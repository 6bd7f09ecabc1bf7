"""Bundle and key to signed bundle: the builder's last step before a stick is written."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from edgefair.bundle.archive import Bundle, read_bundle, write_bundle
from edgefair.bundle.signing import Purpose, Signature, SigningKey
from edgefair.bundle.trust import Trust
from edgefair.errors import BadKey

__all__ = ["sign_bundle"]


def sign_bundle(
    bundle: Bundle, path: Path, key: SigningKey, *, sequence: int, expires: str = ""
) -> Bundle:
    """Return the signed bundle, written to `path`: the same parts under a signed manifest.

    Parameters
    ----------
    bundle : Bundle
    path : Path
    key : SigningKey
    sequence : int
        Higher than in every bundle of this name before.
    expires : str, optional
        Day after which clinics are warned, ISO 8601.

    Raises
    ------
    BadKey
        If the key is not one for bundles.

    Examples
    --------
    >>> import tempfile
    >>> from edgefair.bundle.shelf import find_bundle
    >>> from edgefair.bundle.signing import new_signing_key
    >>> key = new_signing_key("ministry", Purpose.BUNDLES)
    >>> folder = Path(tempfile.mkdtemp())
    >>> phantom = read_bundle(find_bundle("phantom"))
    >>> sign_bundle(phantom, folder / "phantom.efb", key, sequence=1).manifest.sequence
    1
    """
    if key.public.purpose is not Purpose.BUNDLES:
        raise BadKey(
            f"The key {key.public.name} is for {key.public.purpose}, not for bundles.",
            hint="edgefair keys new NAME -o FOLDER",
        )
    manifest = replace(bundle.manifest, sequence=sequence, expires=expires)
    write_bundle(path, manifest, bundle.parts, sign=lambda text: key.sign(text).to_json())
    return read_bundle(path, partial(_own, key))


def _own(key: SigningKey, manifest: bytes, signature: bytes | None) -> Trust:
    """Vouch for what was just signed, by the signature that stands in the file."""
    key.public.check(Signature.from_json(signature or b""), manifest)
    return Trust(kind="signed", signed_by=key.public.name, key_id=key.public.key_id)
