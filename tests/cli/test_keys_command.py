"""`edgefair keys` and `edgefair model install`: from the builder's key to the clinic's model."""

from __future__ import annotations

import csv
import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from edgefair.cli.main import cli, main
from edgefair.errors import BadKey

BundleMaker = Callable[..., Path]


class Edgefair:
    """The command line, in this process, at one home."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self.capfd = capfd

    def __call__(self, *arguments: object) -> tuple[int, str]:
        """Return the exit code, and what was said on either stream."""
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        said = self.capfd.readouterr()
        return int(end.value.code or 0), said.out + said.err


@pytest.fixture
def edgefair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Edgefair:
    monkeypatch.setenv("EDGEFAIR_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return Edgefair(capfd)


@pytest.fixture
def keys(edgefair: Edgefair, tmp_path: Path) -> Path:
    """Return the folder with the keys that the builder made."""
    folder = tmp_path / "keys"
    assert edgefair("keys", "new", "ministry", "-o", folder)[0] == 0
    assert edgefair("keys", "new", "root", "-o", folder, "--for", "revocations")[0] == 0
    return folder


def signed(edgefair: Edgefair, keys: Path, bundle: Path, sequence: int) -> Path:
    out = keys.parent / f"stick-{sequence}.efb"
    key = keys / "ministry.private.pem"
    code, said = edgefair("model", "sign", bundle, "--key", key, "--sequence", sequence, "-o", out)
    assert code == 0, said
    return out


def test_a_model_goes_from_the_builder_to_the_clinic(
    edgefair: Edgefair, keys: Path, make_bundle: BundleMaker
) -> None:
    first = signed(edgefair, keys, make_bundle(), 1)
    second = signed(edgefair, keys, make_bundle(), 2)
    refused = edgefair("model", "install", first)
    trusted = edgefair("keys", "trust", "--yes", keys / "ministry.public.json")
    installed = [edgefair("model", "install", path) for path in (first, second, second, first)]
    listed = json.loads(edgefair("model", "list", "--json")[1])
    back = edgefair("model", "rollback", "brightness")

    assert refused[0] == 4
    assert "a key that this PC does not trust: ministry" in refused[1]
    assert trusted[1].endswith("Trusted as ministry.\n")
    assert [code for code, _ in installed] == [0, 0, 0, 4]
    assert "is signed by ministry, and passed its test on this PC" in installed[1][1]
    assert "installed already" in installed[2][1]
    assert "number 1; this PC has already seen 2" in installed[3][1]
    assert [row["current"] for row in listed if row["name"] == "brightness"].count(True) == 1
    assert back == (0, "brightness 1.2.3 counts again: it is signed by ministry.\n")


def test_a_revocation_travels_on_the_stick(
    edgefair: Edgefair, keys: Path, make_bundle: BundleMaker
) -> None:
    path = signed(edgefair, keys, make_bundle(), 1)
    for name in ("ministry", "root"):
        edgefair("keys", "trust", "--yes", keys / f"{name}.public.json")
    root = keys / "root.private.pem"
    withdrawn = edgefair(
        "keys", "withdraw", path, "--reason", "It misses children.", "--key", root
    )
    first = edgefair("model", "install", path)
    revoked = edgefair(
        "keys",
        "revoke",
        keys / "ministry.public.json",
        "--reason",
        "The laptop was stolen.",
        "--key",
        root,
    )
    shown = edgefair("keys", "show", "revocations.efr")
    updated = edgefair("keys", "update", "revocations.efr")
    listed = json.loads(edgefair("keys", "list", "--json")[1])

    assert (withdrawn[0], revoked[0], shown[0], updated[0]) == (0, 0, 0, 0)
    assert first[0] == 4
    assert "has been withdrawn: It misses children." in first[1]
    assert "number   2, signed by root" in shown[1]
    assert updated[1] == "List number 2 is in force: 1 keys revoked, 1 bundles withdrawn.\n"
    assert [row["revoked"] for row in listed] == ["The laptop was stolen.", None]


def test_a_private_key_is_for_its_owner_alone_and_never_overwritten(
    edgefair: Edgefair, keys: Path
) -> None:
    path = keys / "ministry.private.pem"
    before = path.read_bytes()
    code, said = edgefair("keys", "new", "ministry", "-o", keys)

    assert code == 3
    assert "is there already" in said
    assert path.read_bytes() == before
    assert sys.platform == "win32" or stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_with_a_passphrase_asks_for_it(
    tmp_path: Path, make_bundle: BundleMaker, edgefair: Edgefair
) -> None:
    key, out = tmp_path / "ministry.private.pem", tmp_path / "signed.efb"
    sign = ["model", "sign", str(make_bundle()), "--key", str(key), "--sequence", "1"]
    typing = CliRunner().invoke
    new = ["keys", "new", "ministry", "-o", str(tmp_path), "--passphrase"]
    made = typing(cli, new, input="correct horse\ncorrect horse\n")
    right = typing(cli, [*sign, "-o", str(out)], input="correct horse\n")
    wrong = typing(cli, [*sign, "-o", str(tmp_path / "x.efb")], input="battery staple\n")

    assert b"ENCRYPTED" in key.read_bytes()
    assert (made.exit_code, right.exit_code) == (0, 0)
    assert isinstance(wrong.exception, BadKey)
    assert edgefair("model", "verify", out, "--allow-unsigned")[0] == 0


def test_a_key_for_one_purpose_does_not_serve_the_other(
    edgefair: Edgefair, keys: Path, make_bundle: BundleMaker, tmp_path: Path
) -> None:
    bundle, out = make_bundle(), tmp_path / "x.efb"
    root, ministry = keys / "root.private.pem", keys / "ministry.private.pem"
    sign = edgefair("model", "sign", bundle, "--key", root, "--sequence", 1, "-o", out)
    revoke = edgefair("keys", "revoke", "ab" * 16, "--reason", "x", "--key", ministry)

    assert (sign[0], revoke[0]) == (3, 3)
    assert "is for revocations, not for bundles" in sign[1]
    assert "is for bundles, not for revocations" in revoke[1]
    assert not out.exists()
    assert not Path("revocations.efr").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("keys", "trust", "--yes", "x.json"), 3, "no public key"),
        (("keys", "forget", "nobody"), 3, "No key is trusted as nobody"),
        (("keys", "update", "x.json"), 4, "none that edgefair knows"),
        (("keys", "show", "x.json"), 3, "no public key"),
        (("keys", "revoke", "beef", "--reason", "x", "--key", "keys/root.private.pem"), 2, "32"),
        (("keys", "withdraw", "beef", "--reason", "x", "--key", "keys/root.private.pem"), 2, "64"),
        (("keys", "new", "../x", "-o", "keys"), 3, "no name for a key"),
        (("model", "rollback", "phantom"), 4, "no version of phantom"),
        (("model", "install", "x.json"), 4, "no whole bundle file"),
    ],
)
def test_what_cannot_be_is_told_in_words(
    edgefair: Edgefair, keys: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    Path("x.json").write_text("{}")
    done = edgefair(*arguments)

    assert keys.exists()
    assert done[0] == code, done[1]
    assert told in done[1]


def test_a_bundle_without_a_number_is_not_signed(
    edgefair: Edgefair, keys: Path, make_bundle: BundleMaker, tmp_path: Path
) -> None:
    key = keys / "ministry.private.pem"
    code, said = edgefair("model", "sign", make_bundle(), "--key", key, "-o", tmp_path / "x.efb")

    assert code == 2
    assert "--sequence" in said


def test_a_signed_bundle_is_the_same_bytes_each_time(
    edgefair: Edgefair, keys: Path, make_bundle: BundleMaker
) -> None:
    bundle = make_bundle()
    first = signed(edgefair, keys, bundle, 1).read_bytes()

    assert signed(edgefair, keys, bundle, 1).read_bytes() == first


def test_an_unsigned_bundle_is_refused_and_with_leave_says_so_in_every_row(
    edgefair: Edgefair, make_bundle: BundleMaker, tmp_path: Path
) -> None:
    bundle = make_bundle()
    Image.fromarray(np.tile(np.arange(0, 160, 10, dtype=np.uint8), (16, 1))).save("a.png")
    refused = [
        edgefair(*command)
        for command in (
            ("predict", "a.png", "-m", bundle),
            ("model", "verify", bundle),
            ("model", "show", bundle),
            ("model", "install", bundle),
        )
    ]
    allowed = edgefair(
        "predict", "a.png", "-m", bundle, "--allow-unsigned", "--csv", "--ledger", "clinic.ledger"
    )

    assert [code for code, _ in refused] == [4, 4, 4, 4]
    assert all("not signed, and did not come with edgefair" in said for _, said in refused)
    assert allowed[0] == 0
    assert "brightness 1.2.3 (unsigned)" in allowed[1]
    assert "nobody vouches for it" in allowed[1]
    assert not (tmp_path / "home/trust").exists()
    assert not (tmp_path / "home/models").exists()


@pytest.mark.skipif(os.name == "nt", reason="there are no such file names")
def test_file_names_and_groups_that_are_formulas_stay_text_in_csv(
    edgefair: Edgefair, tmp_path: Path
) -> None:
    name = '=HYPERLINK("http:x","y").png'
    pixels = np.random.default_rng(0).integers(0, 255, (300, 300), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "plain.png")
    (tmp_path / "plain.png").rename(tmp_path / name)
    with Path("who.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("image", "patient_id", "sex", "ward"), (name, "@SUM(1)", "F", "+cmd|' /C calc'!A0")]
        )
    arguments = ("-m", "phantom", "--demographics", "who.csv", "-o", "found.csv")
    code, said = edgefair("predict", name, *arguments)
    with Path("found.csv").open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]

    assert code == 0, said
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))]
    assert "'" + name in cells


def test_an_error_cannot_steer_the_terminal(edgefair: Edgefair) -> None:
    code, said = edgefair("model", "verify", "\x1b[2Jx\udcff.efb")

    assert code == 4
    assert "\x1b" not in said
