"""`edgefair model show`: the card for eyes, its facts and every part for programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgefair.bundle.archive import PartContent, read_bundle, write_bundle
from edgefair.bundle.manifest import Manifest

CARD = "# Brightness 1.2.3\n\n**For research only.**\n\n| group | n |\n|---|---|\n| sex F | 40 |\n"
FACTS = b'{\n "name": "brightness"\n}\n'


@pytest.fixture
def bundle(tmp_path: Path, manifest: Manifest) -> Path:
    path = tmp_path / "brightness-1.2.3.efb"
    parts = [
        PartContent(path="model.onnx", role="model", content=b"\xff\x00onnx"),
        PartContent(path="card.md", role="card", content=CARD.encode()),
        PartContent(path="facts.json", role="facts", content=FACTS),
        PartContent(path="ml-bom.cdx.json", role="ml_bom", content=b'{"bomFormat": "CycloneDX"}'),
    ]
    write_bundle(path, manifest, parts)
    return path


def show(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    code = "from edgefair.cli.main import main; main()"
    command = [sys.executable, "-c", code, "model", "show", "--allow-unsigned", *arguments]
    return subprocess.run(command, capture_output=True, check=False)


def test_the_card_is_plain_text_away_from_a_terminal(bundle: Path) -> None:
    done = show(str(bundle))

    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().rstrip("\n") == (
        "Brightness 1.2.3\n================\n\nFor research only.\n\n"
        "group   n\n-----  --\nsex F  40"
    )


def test_json_prints_the_facts_to_the_byte(bundle: Path) -> None:
    done = show(str(bundle), "--json")

    assert done.stdout == FACTS
    assert json.loads(done.stdout)["name"] == "brightness"


@pytest.mark.parametrize("name", ["ml_bom", "ml-bom.cdx.json"])
def test_a_part_is_found_by_its_name_or_its_role(name: str, bundle: Path) -> None:
    done = show(str(bundle), "--part", name)

    assert done.stdout == b'{"bomFormat": "CycloneDX"}'


def test_a_part_that_is_no_text_goes_to_a_file_unchanged(bundle: Path) -> None:
    assert show(str(bundle), "--part", "model").stdout == read_bundle(bundle).content("model")


def test_a_part_that_is_not_there_is_told_with_those_that_are(bundle: Path) -> None:
    done = show(str(bundle), "--part", "gate")

    assert done.returncode == 2
    assert b"brightness 1.2.3 has no part gate; it has model.onnx (model)" in done.stderr
    assert done.stdout == b""


def test_two_things_at_once_are_refused(bundle: Path) -> None:
    done = show(str(bundle), "--json", "--part", "card")

    assert done.returncode == 2
    assert b"choose one" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize(("no_color", "is_bold"), [("", True), ("1", False)])
def test_headings_are_bold_on_a_terminal_unless_told_otherwise(
    no_color: str, is_bold: bool, bundle: Path
) -> None:
    shown = _on_a_terminal(str(bundle), no_color=no_color)

    assert (b"\x1b[1mBrightness 1.2.3\x1b[0m" in shown) is is_bold
    assert b"sex F  40" in shown


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_a_terminal_gets_no_bytes_that_are_no_text(bundle: Path) -> None:
    assert b"send it to a file" in _on_a_terminal(str(bundle), "--part", "model")


def _on_a_terminal(*arguments: str, no_color: str = "") -> bytes:
    """Return what `model show` prints on a terminal whose pager prints everything at once."""
    probe = (
        "import os, pty, sys\n"
        "chunks = []\n"
        "def read(fd):\n"
        "    data = os.read(fd, 1024)\n"
        "    chunks.append(data)\n"
        "    return data\n"
        "code = 'from edgefair.cli.main import main; main()'\n"
        "command = ['model', 'show', '--allow-unsigned', *sys.argv[1:]]\n"
        "pty.spawn([sys.executable, '-c', code, *command], read)\n"
    )
    environment = os.environ | {"PAGER": "cat", "NO_COLOR": no_color}
    done = subprocess.run(
        [sys.executable, "-c", probe, *arguments],
        capture_output=True,
        check=True,
        env=environment,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout
