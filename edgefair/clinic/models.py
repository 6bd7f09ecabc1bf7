"""A new model arrives on a stick: checked, tried, put beside the old one, and then exchanged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np

from edgefair.bundle.archive import Bundle, bundle_bytes, bundle_from_bytes
from edgefair.bundle.embedding_reference import embedding_reference_of
from edgefair.bundle.installed import Release
from edgefair.bundle.locking import alone_in
from edgefair.bundle.revocations import LIST_NAME, MAX_LIST_BYTES
from edgefair.bundle.shelf import (
    carried_bundles,
    find_bundle,
    installed_in,
    open_bundle,
    seen_of,
    trust_store_in,
)
from edgefair.bundle.trust_store import TrustStore
from edgefair.clinic.doctor.checks import Result
from edgefair.clinic.doctor.model import check_answers
from edgefair.errors import ModelError, UnsafeModel
from edgefair.runtime.pipeline import Model
from edgefair.runtime.session import Session

__all__ = ["Installation", "SelfTest", "install_model", "roll_back_model", "self_test"]

SelfTest: TypeAlias = Callable[[Bundle], None]
"""Raises a `ModelError` if this PC and the bundle do not go together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What became of a bundle that was brought.

    Attributes
    ----------
    bundle : Bundle
    release : Release
        Where it lies.
    was_current : bool
        Whether it counted already, so that nothing was changed.
    notes : tuple of str
        What else there is to say, in sentences.
    """

    bundle: Bundle
    release: Release
    was_current: bool
    notes: tuple[str, ...]


def self_test(bundle: Bundle) -> None:
    """Load the bundle's graph, run a black image through it, and hold it to its golden answers.

    What it tells of its reference's embeddings is read too, before images are held against it.

    Raises
    ------
    UnsafeModel, ContractMismatch
        If it cannot be loaded, answers with what are no numbers, or answers the synthetic images
        that it carries otherwise than on its builder's machine.
    """
    embedding_reference_of(bundle)
    given = bundle.manifest.contract.input
    black = np.zeros((1, given.channels, given.height_px, given.width_px), np.float32)
    outputs = Session(bundle, threads=1).run(black)
    if not all(np.isfinite(o).all() for o in (outputs.logits, outputs.embedding)):
        raise UnsafeModel(
            f"{bundle.manifest.label} answers a black image with what are no numbers.",
            hint="Ask the bundle's builder for another one.",
        )
    check = check_answers(bundle, Model(bundle, threads=1))
    if check.result is Result.FAILED:
        raise UnsafeModel(check.sentence, hint=check.hint)


def install_model(
    path: Path, home: Path, *, allow_unsigned: bool = False, test: SelfTest = self_test
) -> Installation:
    """Return what was installed: when this returns, it counts, and outlasts a power cut.

    Until then the old version counts, whatever happens. A list ``revocations.efr`` that lies
    beside the bundle is put in force first.

    Parameters
    ----------
    path : Path
        The bundle, on a stick that may be pulled out: it is read once.
    home : Path
        Where this PC keeps its models and what it trusts; see `default_home`.
    allow_unsigned : bool, optional
        Let bundles through that nobody vouches for: for builders.
    test : callable, optional
        What the bundle must pass on this PC.

    Raises
    ------
    ModelError
        If it is refused; its subclass says why.
    EdgefairError
        If the disk is full, or another process is installing and does not end within seconds.
    """
    content = bundle_bytes(path)
    with alone_in(home):
        return _install(path, content, home, test, allow_unsigned=allow_unsigned)


def _install(
    path: Path, content: bytes, home: Path, test: SelfTest, *, allow_unsigned: bool
) -> Installation:
    installed, store = installed_in(home), trust_store_in(home)
    notes = _take_revocations(path.with_name(LIST_NAME), store)
    vouch = partial(store.vouch, allow_unsigned=allow_unsigned)
    bundle = bundle_from_bytes(content, name=path.name, vouch=vouch)
    name = bundle.manifest.contract.name
    is_signed = bundle.trust.kind == "signed"
    if is_signed:
        store.refuse_older(name, seen_of(bundle))
    test(bundle)
    release = installed.add(bundle, content)
    if is_signed:  # before it counts: should the power fail in between, it can be tried again
        store.note_seen(name, seen_of(bundle))
    was_current = installed.choice_or_none(name).current == release.folder_name
    installed.switch_to(release)
    return Installation(bundle=bundle, release=release, was_current=was_current, notes=notes)


def roll_back_model(name: str, home: Path, *, allow_unsigned: bool = False) -> Bundle:
    """Return the bundle that counts again, after it was checked like at every load.

    Raises
    ------
    BundleNotFound
        If there is none to go back to.
    ModelError
        If the version before is refused; the current one then goes on counting.
    EdgefairError
        If another process is installing and does not end within seconds.
    """
    with alone_in(home):
        return _roll_back(name, home, allow_unsigned=allow_unsigned)


def _roll_back(name: str, home: Path, *, allow_unsigned: bool) -> Bundle:
    installed = installed_in(home)
    is_carried = any(path.parent.name == name for path in carried_bundles())
    release = installed.before(name, carried=is_carried)
    place = release.path if release else find_bundle(name)
    bundle = open_bundle(place, home, allow_unsigned=allow_unsigned)
    installed.roll_back(name)
    return bundle


def _take_revocations(path: Path, store: TrustStore) -> tuple[str, ...]:
    """Put the list on the stick in force; one that is not to be believed is as good as none."""
    if not path.is_file():
        return ()
    try:
        with path.open("rb") as file:
            before, found = store.seen_list(), store.update(file.read(MAX_LIST_BYTES + 1))
    except OSError as error:
        return (f"{path} cannot be read: {error.strerror or error}.",)
    except ModelError as error:
        return (f"{path.name} beside the bundle was not taken: {error.message}",)
    if found.sequence == before:
        return ()
    return (f"The list of revoked keys, number {found.sequence}, is now in force.",)
