"""Damaged and made-up bundles, manifests, signatures, lists: an answer or a refusal, no more.

    python -m tests.benchmarks.fuzz --inputs 100000 [--seed 0]

Each input is a sound file, mutated: bits, bytes, blocks, numbers of the zip's tables, values of
the manifest's tree; half of the bundles are packed again after it, so that hashes hold and the
mutation reaches the graph's reader. Worker processes read them under a limit of address space. A
refusal is an error of edgefair's own tree; anything else is counted as a crash, what takes over
five seconds as a hang, and a worker that needs over 500 MB fails the run.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import random
import resource
import signal
import sys
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from edgefair.bundle.archive import MANIFEST_NAME, bundle_from_bytes, read_bundle
from edgefair.bundle.graph import inspect_graph
from edgefair.bundle.manifest import manifest_from_json, manifest_to_json
from edgefair.bundle.revocations import Revocation, RevocationList, SignedList
from edgefair.bundle.shelf import find_bundle
from edgefair.bundle.signing import PublicKey, Purpose, Signature, new_signing_key
from edgefair.errors import EdgefairError

MAX_S: Final = 5
MAX_BYTES: Final = 500_000_000
_AT_ONCE: Final = 200

Chance = random.Random
Reader = Callable[[bytes], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What became of one input.

    Attributes
    ----------
    kind : str
        Which reader it went to.
    ending : str
        ``read``, the name of the refusal, or ``CRASH ...`` or ``HANG``.
    took_s : float
    peak_bytes : int
        Of the worker so far.
    """

    kind: str
    ending: str
    took_s: float
    peak_bytes: int


def _read_bundle(content: bytes) -> object:
    bundle = bundle_from_bytes(content, name="fuzzed.efb")
    return inspect_graph(bundle.content("model"))


def _read_list(content: bytes) -> object:
    # as if the signature held: what is signed by a trusted key is parsed too
    return SignedList.from_bytes(content).parsed()


READERS: Final[dict[str, Reader]] = {
    "bundle": _read_bundle,
    "manifest": manifest_from_json,
    "graph": inspect_graph,
    "signature": Signature.from_json,
    "public key": PublicKey.from_json,
    "revocations": _read_list,
}
_SHARES: Final = (40, 30, 15, 5, 5, 5)


@cache
def seeds() -> dict[str, bytes]:
    """Return a sound file of each kind."""
    path = find_bundle("phantom")
    bundle = read_bundle(path)
    key = new_signing_key("ministry", Purpose.BUNDLES)
    entry = Revocation(of=key.public.key_id, name="ministry", reason="The laptop was stolen.")
    return {
        "bundle": path.read_bytes(),
        "manifest": _brief(manifest_to_json(bundle.manifest)),
        "graph": bundle.content("model"),
        "signature": key.sign(b"").to_json(),
        "public key": key.public.to_json(),
        "revocations": RevocationList().with_key(entry).signed(key),
    }


def _brief(manifest: bytes) -> bytes:
    """Return a manifest with few entries of each long list: mutations meet the rest more often."""
    tree = json.loads(manifest)
    reference = tree["reference"]
    for name in ("embedding_mean", "embedding_std", "cells"):
        del reference[name][3:]
    for histogram in reference["score_histograms"]:
        del histogram["positives"][3:], histogram["negatives"][3:]
    return json.dumps(tree).encode()


def mutated(kind: str, chance: Chance) -> bytes:
    """Return a mutated file of that kind."""
    content = seeds()[kind]
    if kind == "manifest" and chance.random() < 0.7:
        return _tree_mutated(content, chance)
    if kind == "bundle" and chance.random() < 0.5:
        return _packed_again(content, chance)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        content = chance.choice(_MUTATIONS)(content, chance)
    return content


def tried(kind: str, content: bytes) -> Found:
    """Return what became of one input."""
    began, ending = time.perf_counter(), "read"
    signal.setitimer(signal.ITIMER_REAL, MAX_S)
    try:
        READERS[kind](content)
    except EdgefairError as error:
        ending = type(error).__name__
    except TimeoutError:
        ending = "HANG"
    except BaseException as error:  # noqa: BLE001 - that is what is looked for
        where = traceback.extract_tb(error.__traceback__)[-1]
        ending = f"CRASH {type(error).__name__} at {Path(where.filename).name}:{where.lineno}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Found(kind=kind, ending=ending, took_s=time.perf_counter() - began, peak_bytes=peak)


def tried_many(first: int, count: int, seed: int) -> list[Found]:
    """Return what became of some inputs, each drawn from its own number."""
    found = []
    for number in range(first, first + count):
        chance = Chance(f"{seed} {number}")
        (kind,) = chance.choices(tuple(READERS), _SHARES)
        found.append(tried(kind, mutated(kind, chance)))
    return found


def limited() -> None:
    """Set up a worker: little address space, and an alarm for what hangs."""
    resource.setrlimit(resource.RLIMIT_AS, (4 * MAX_BYTES, 4 * MAX_BYTES))
    signal.signal(signal.SIGALRM, _too_long)


def _too_long(*_: object) -> None:
    raise TimeoutError


def _flip(content: bytes, chance: Chance) -> bytes:
    return _put(content, chance, lambda byte: bytes([byte ^ (1 << chance.randrange(8))]))


def _overwrite(content: bytes, chance: Chance) -> bytes:
    return _put(content, chance, lambda _: chance.choice((b"\0", b"\xff", chance.randbytes(4))))


def _put(content: bytes, chance: Chance, new: Callable[[int], bytes]) -> bytes:
    if not content:
        return content
    # tables of contents lie at the ends: look there more often
    reach = chance.choice((len(content), min(len(content), 400)))
    place = chance.randrange(reach)
    place = chance.choice((place, len(content) - 1 - place))
    value = new(content[place])
    return content[:place] + value + content[place + len(value) :]


def _cut(content: bytes, chance: Chance) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _repeat(content: bytes, chance: Chance) -> bytes:
    start = chance.randrange(len(content) + 1)
    block = content[start : start + chance.choice((1, 16, 500))]
    return content[:start] + block * chance.choice((2, 50)) + content[start:]


def _drop(content: bytes, chance: Chance) -> bytes:
    start = chance.randrange(len(content) + 1)
    return content[:start] + content[start + chance.choice((1, 16, 500)) :]


def _number(content: bytes, chance: Chance) -> bytes:
    value = chance.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1))
    raw = (value & (2**32 - 1)).to_bytes(4, "little")
    return _put(content, chance, lambda _: chance.choice((raw, raw[:2])))


_MUTATIONS: Final = (_flip, _flip, _overwrite, _cut, _repeat, _drop, _number)


def _odd(chance: Chance) -> Any:
    deep: Any = 1
    for _ in range(chance.choice((3, 900))):
        deep = [deep]
    numbers = (-1, 0, 0.5, 10**30, 1e308, float("nan"), float("inf"))
    texts = ("", "x" * 5000, "\0", "../x", "\ud800", "\x1b[2J", "2030-12-31", "model")
    trees: tuple[Any, ...] = ([], {}, deep, [None] * 1000, {"step": "exec"})
    return chance.choice((None, True, *numbers, *texts, *trees))


def _tree_mutated(content: bytes, chance: Chance) -> bytes:
    tree = json.loads(content)
    for _ in range(chance.choice((1, 1, 2, 5))):
        _change(tree, chance)
    return json.dumps(tree).encode()


def _change(tree: Any, chance: Chance) -> None:
    """Change one place of a tree: another value, none, one more, or one taken from elsewhere."""
    node = tree
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = chance.choice(keys)
        if isinstance(node[key], dict | list) and chance.random() < 0.8:
            node = node[key]
            continue
        break
    what = chance.randrange(4)
    if what == 0 and isinstance(node, dict):
        node[chance.choice(("extra", "parts", "format", "name"))] = node.pop(key)
    elif what == 1:
        del node[key]
    else:
        node[key] = _odd(chance)


def _packed_again(content: bytes, chance: Chance) -> bytes:
    """Return a bundle whose manifest or model was mutated and whose sums hold all the same."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    tree = json.loads(parts[MANIFEST_NAME])
    model = next(part for part in tree["parts"] if part["role"] == "model")
    if chance.random() < 0.5:
        _change(tree, chance)
    else:
        changed = chance.choice(_MUTATIONS)(parts[model["path"]], chance)
        parts[model["path"]] = changed
        model["sha256"], model["size_bytes"] = sha256(changed).hexdigest(), len(changed)
    parts[MANIFEST_NAME] = json.dumps(tree).encode()
    return _zipped(parts, chance)


def _zipped(parts: dict[str, bytes], chance: Chance) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", chance.choice((0, 8, 8, 12, 14))) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
        if chance.random() < 0.1:
            name = chance.choice(("../x", "/x", "x\\y", "signature.json", "link", "bomb"))
            archive.writestr(name, bytes(chance.choice((0, 10, 3_000_000))))
    return packed.getvalue()


def main() -> None:
    """Try all inputs and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    began = time.perf_counter()
    found: list[Found] = []
    jobs = [
        (first, min(_AT_ONCE, asked.inputs - first), asked.seed)
        for first in range(0, asked.inputs, _AT_ONCE)
    ]
    seeds()
    with multiprocessing.get_context("fork").Pool(asked.workers, limited) as pool:
        for some in pool.starmap(tried_many, jobs, chunksize=4):
            found += some
    print(f"{len(found)} inputs in {time.perf_counter() - began:.0f} s, seed {asked.seed}")
    _row("reader", "inputs", "read", "refused", "crash", "hang", "slowest", "peak memory")
    for kind in (*READERS, "all"):
        _row(kind, *_cells([f for f in found if kind in (f.kind, "all")]))
    refusals = Counter(f.ending for f in found if f.ending != "read")
    print("; ".join(f"{ending} {count}" for ending, count in refusals.most_common()))
    is_sound = all(not f.ending.startswith(("CRASH", "HANG")) for f in found)
    sys.exit(0 if is_sound and max(f.peak_bytes for f in found) < MAX_BYTES else 1)


def _cells(found: list[Found]) -> tuple[str, ...]:
    endings = Counter(f.ending.partition(" ")[0] for f in found)
    refused = sum(n for ending, n in endings.items() if ending not in ("read", "CRASH", "HANG"))
    return (
        str(len(found)),
        str(endings["read"]),
        str(refused),
        str(endings["CRASH"]),
        str(endings["HANG"]),
        f"{1000 * max((f.took_s for f in found), default=0):.0f} ms",
        f"{max((f.peak_bytes for f in found), default=0) / 1e6:.0f} MB",
    )


def _row(*cells: str) -> None:
    print(cells[0].ljust(12) + "".join(cell.rjust(12) for cell in cells[1:]))


if __name__ == "__main__":
    main()
