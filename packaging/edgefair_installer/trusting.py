"""What an installer's signature means for the models here: one key pair may sign both.

Whoever makes the programs could bring any model inside them, so that believing the same key for
models gives nothing away. The other way round it would: a key that `edgefair keys trust` took for
models is never believed for an installer. What is signed begins with what it is for.
"""

from __future__ import annotations

from pathlib import Path

from edgefair_installer.faults import Fault
from edgefair_installer.layout import Layout
from edgefair_installer.signature import PublicKey
from edgefair_installer.storage import write_whole

__all__ = ["believe_for_models", "refuse_revoked"]


def believe_for_models(layout: Layout, key: PublicKey) -> Path | None:
    """Return where the key is now believed for models; None if its name is taken there.

    Called once, when an installer's key is first met: who forgets it later is not overruled.
    """
    folder = layout.trust / "keys"
    if key.name.casefold() in {path.stem.casefold() for path in folder.glob("*.json")}:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{key.name}.json"
    write_whole(path, key.to_json(purpose="bundles"))
    return path


def refuse_revoked(layout: Layout, key: PublicKey) -> None:
    """Return if the list of revoked keys that is in force here does not name the key.

    Raises
    ------
    Fault
        If it does, or cannot be read.
    """
    # the list is edgefair's, which is there once the version was unpacked
    from edgefair.bundle.trust_store import TrustStore
    from edgefair.errors import EdgefairError

    try:
        revoked = TrustStore(folder=layout.trust).revocations().of_key(key.key_id)
    except EdgefairError as error:
        raise Fault(error.message, hint=error.hint or "") from error
    if revoked:
        raise Fault(
            f"The key {key.name}, which signed this installer, has been revoked: {revoked.reason}",
            hint="Ask the builder for an installer that is signed by its new key.",
        )
