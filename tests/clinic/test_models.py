"""A model arrives on a stick: installed and counting, or refused and nothing changed."""

from __future__ import annotations

import threading
import time
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgefair.bundle.archive import Bundle
from edgefair.bundle.revocations import Revocation, RevocationList
from edgefair.bundle.sealing import sign_bundle
from edgefair.bundle.shelf import installed_in, open_bundle, trust_store_in
from edgefair.bundle.signing import Purpose, SigningKey, new_signing_key
from edgefair.clinic.models import install_model, roll_back_model
from edgefair.errors import (
    BundleNotFound,
    Downgrade,
    ModelError,
    RevokedKey,
    UnknownKey,
    UnsafeModel,
    Unsigned,
    Withdrawn,
)
from edgefair.runtime.pipeline import load

BundleMaker = Callable[..., Path]


def everything_in(folder: Path) -> dict[str, bytes]:
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.suffix != ".lock")
    return {str(p): p.read_bytes() for p in files}


def current(home: Path) -> int:
    return open_bundle("brightness", home).manifest.sequence


def revoking(key: SigningKey, root: SigningKey) -> bytes:
    entry = Revocation(of=key.public.key_id, name=key.public.name, reason="Its laptop was stolen.")
    return RevocationList().with_key(entry).signed(root)


def test_a_new_model_counts_and_the_one_before_is_a_step_away(
    home: Path, make_signed: BundleMaker
) -> None:
    install_model(make_signed(1), home)
    done = install_model(make_signed(2), home)
    steps = [current(home)]
    for _ in range(2):
        roll_back_model("brightness", home)
        steps.append(current(home))

    assert not done.was_current
    assert steps == [2, 1, 2]


def test_predictions_of_a_signed_model_bear_its_plain_name(
    home: Path, make_signed: BundleMaker
) -> None:
    install_model(make_signed(), home)
    model = load("brightness", threads=1, home=home)
    picture = np.tile(np.arange(0, 160, 10, dtype=np.uint8), (16, 1))
    (prediction,) = model.predict(picture)

    assert prediction.model == "brightness 1.2.3"
    assert str(model.trust) == "signed by ministry"


def test_the_same_model_again_changes_nothing(home: Path, make_signed: BundleMaker) -> None:
    path = make_signed()
    install_model(path, home)
    before = everything_in(home)
    again = install_model(path, home)

    assert again.was_current
    assert everything_in(home) == before


def test_only_the_version_before_is_kept(home: Path, make_signed: BundleMaker) -> None:
    for number in (1, 2, 3):
        install_model(make_signed(number), home)

    assert len(installed_in(home).releases()) == 2
    assert current(home) == 3


def refuse(_: Bundle) -> None:
    raise UnsafeModel("This PC and the model do not go together.")


def test_a_model_that_fails_its_test_changes_nothing(home: Path, make_signed: BundleMaker) -> None:
    install_model(make_signed(1), home)
    before = everything_in(home)
    with pytest.raises(UnsafeModel):
        install_model(make_signed(2), home, test=refuse)

    assert everything_in(home) == before


def test_a_model_that_answers_no_numbers_fails_its_test(
    home: Path, make_signed: BundleMaker, graph: onnx.ModelProto
) -> None:
    weight = numpy_helper.from_array(np.full((1, 1, 1, 1), np.nan, np.float32), "weight")
    graph.graph.initializer[0].CopyFrom(weight)
    path = make_signed(model=graph.SerializeToString())

    with pytest.raises(UnsafeModel, match="no numbers"):
        install_model(path, home)


def test_an_older_model_is_refused_and_changes_nothing(
    home: Path, make_signed: BundleMaker
) -> None:
    older = make_signed(1)
    install_model(make_signed(2), home)
    before = everything_in(home)
    with pytest.raises(Downgrade):
        install_model(older, home)

    assert everything_in(home) == before


def test_going_back_does_not_open_the_door_to_older_models(
    home: Path, make_signed: BundleMaker
) -> None:
    paths = [make_signed(number) for number in (1, 2, 3)]
    for path in paths[1:]:
        install_model(path, home)
    roll_back_model("brightness", home)

    with pytest.raises(Downgrade):
        install_model(paths[0], home)


def test_what_a_stranger_signed_is_refused_and_changes_nothing(
    home: Path, make_signed: BundleMaker
) -> None:
    before = everything_in(home)
    with pytest.raises(UnknownKey):
        install_model(make_signed(key=new_signing_key("ministry", Purpose.BUNDLES)), home)

    assert everything_in(home) == before


def test_an_unsigned_model_must_be_allowed_to_install_and_at_every_load(
    home: Path, make_bundle: BundleMaker
) -> None:
    path = make_bundle()
    with pytest.raises(Unsigned):
        install_model(path, home)
    install_model(path, home, allow_unsigned=True)
    with pytest.raises(Unsigned):
        load("brightness", home=home)

    assert open_bundle("brightness", home, allow_unsigned=True).label.endswith("(unsigned)")


def test_an_unsigned_model_raises_no_number(
    home: Path, make_bundle: BundleMaker, make_signed: BundleMaker
) -> None:
    install_model(make_bundle(sequence=10**9), home, allow_unsigned=True)
    install_model(make_signed(1), home)

    assert current(home) == 1


def test_a_list_of_revoked_keys_beside_the_bundle_comes_first(
    home: Path, make_signed: BundleMaker, ministry: SigningKey, root: SigningKey
) -> None:
    path = make_signed()
    path.with_name("revocations.efr").write_bytes(revoking(ministry, root))
    with pytest.raises(RevokedKey, match="laptop was stolen"):
        install_model(path, home)

    assert trust_store_in(home).revocations().sequence == 1


def test_a_revoked_key_is_refused_at_the_next_load_of_what_it_signed(
    home: Path, make_signed: BundleMaker, ministry: SigningKey, root: SigningKey
) -> None:
    install_model(make_signed(), home)
    trust_store_in(home).update(revoking(ministry, root))

    with pytest.raises(RevokedKey):
        load("brightness", home=home)


@pytest.mark.parametrize("content", [b"", b"rubbish", b"{}\n{}"])
def test_a_list_that_is_not_to_be_believed_is_told_and_not_taken(
    home: Path, make_signed: BundleMaker, content: bytes
) -> None:
    path = make_signed()
    path.with_name("revocations.efr").write_bytes(content)
    done = install_model(path, home)

    assert "was not taken" in done.notes[0]
    assert trust_store_in(home).revocations() == RevocationList()


def test_a_newer_list_is_told_once(home: Path, make_signed: BundleMaker, root: SigningKey) -> None:
    path = make_signed()
    lost = new_signing_key("old", Purpose.BUNDLES)
    path.with_name("revocations.efr").write_bytes(revoking(lost, root))

    assert install_model(path, home).notes == (
        "The list of revoked keys, number 1, is now in force.",
    )
    assert install_model(path, home).notes == ()


def test_what_was_checked_is_what_is_installed_though_the_stick_changes_meanwhile(
    home: Path, make_signed: BundleMaker
) -> None:
    path = make_signed()
    checked = path.read_bytes()

    def exchange(_: Bundle) -> None:
        path.write_bytes(b"another model")

    install_model(path, home, test=exchange)
    (release,) = installed_in(home).releases()

    assert release.path.read_bytes() == checked


def test_a_damaged_pointer_is_mended_by_installing_again(
    home: Path, make_signed: BundleMaker
) -> None:
    path = make_signed()
    install_model(path, home)
    (home / "models" / "brightness" / "current.json").write_bytes(b"{")
    install_model(path, home)

    assert current(home) == 1


def test_a_damaged_installed_bundle_is_mended_by_installing_again(
    home: Path, make_signed: BundleMaker
) -> None:
    path = make_signed()
    install_model(path, home)
    (release,) = installed_in(home).releases()
    release.path.write_bytes(b"")
    with pytest.raises(ModelError):
        current(home)
    install_model(path, home)

    assert current(home) == 1


def test_nobody_goes_back_to_what_was_withdrawn(
    home: Path, make_signed: BundleMaker, root: SigningKey
) -> None:
    first = install_model(make_signed(1), home)
    install_model(make_signed(2), home)
    entry = Revocation(of=first.bundle.digest, name="brightness", reason="It misses too much.")
    trust_store_in(home).update(RevocationList().with_bundle(entry).signed(root))
    with pytest.raises(Withdrawn, match="misses too much"):
        roll_back_model("brightness", home)

    assert current(home) == 2


def test_going_back_before_anything_was_installed_is_told(home: Path) -> None:
    with pytest.raises(BundleNotFound, match="no version of phantom to go back to"):
        roll_back_model("phantom", home)


def test_the_carried_model_is_the_one_before_the_first_that_was_installed(
    home: Path, tmp_path: Path, ministry: SigningKey
) -> None:
    carried = open_bundle("phantom", home)
    sign_bundle(carried, tmp_path / "new.efb", ministry, sequence=1)
    install_model(tmp_path / "new.efb", home)
    back = roll_back_model("phantom", home)

    assert back.digest == open_bundle("phantom", home).digest == carried.digest


def test_an_expired_model_works_and_says_so(home: Path, make_signed: BundleMaker) -> None:
    install_model(make_signed(expires="2026-01-31"), home)
    model = load("brightness", home=home)

    assert model.notices(date(2026, 1, 31)) == ()
    assert "expired on 2026-01-31" in model.notices(date(2026, 2, 1))[0]


def test_a_manifest_signed_for_another_model_does_not_cover_this_one(
    home: Path, make_signed: BundleMaker, tmp_path: Path
) -> None:
    with zipfile.ZipFile(make_signed(1)) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(make_signed(2, intended_use="everything")) as archive:
        parts["manifest.json"] = archive.read("manifest.json")
    mixed = tmp_path / "mixed.efb"
    with zipfile.ZipFile(mixed, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)

    with pytest.raises(ModelError, match="has been changed"):
        install_model(mixed, home)


def test_two_installations_at_once_follow_one_another(
    home: Path, make_signed: BundleMaker
) -> None:
    first, second = make_signed(1), make_signed(2)
    order: list[str] = []
    other = threading.Thread(
        target=install_model,
        args=(second, home),
        kwargs={"test": lambda _: order.append("second")},
    )

    def slow(_: Bundle) -> None:
        other.start()
        time.sleep(0.3)
        order.append("first")

    install_model(first, home, test=slow)
    other.join()

    assert order == ["first", "second"]
    assert current(home) == 2
    roll_back_model("brightness", home)
    assert current(home) == 1
