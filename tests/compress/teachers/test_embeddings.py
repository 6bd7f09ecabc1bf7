"""Embeddings on disk: computed once, found again, whole after a kill, a bit flip, a full disk."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edgefair.bundle.manifest import Accepts
from edgefair.compress.teachers import embeddings
from edgefair.compress.teachers.embeddings import embed_images, open_embeddings
from edgefair.errors import EdgefairError, InputError

ACCEPTS = Accepts(modalities=(), body_parts=(), min_side_px=8)
COUNT = 150
"""One whole shard and a part of another."""


@dataclass
class Averages:
    """A teacher that embeds an image as the means of its four quarters."""

    digest: str = "ab" * 32
    seen: int = 0
    name: str = field(default="averages", init=False)
    side_px: int = field(default=16, init=False)
    embedding_size: int = field(default=4, init=False)
    size_bytes: int = field(default=0, init=False)

    def one_thread_ms(self) -> float:
        return 0.0

    def embed(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        self.seen += len(images)
        half = images.shape[1] // 2
        quarters = [images[:, r : r + half, c : c + half] for r in (0, half) for c in (0, half)]
        return np.stack([quarter.mean(axis=(1, 2)) for quarter in quarters], axis=1)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(4)
    for number in range(COUNT):
        pixels = rng.integers(0, 256, (16, 16), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.png")
    return tuple(sorted(folder.iterdir()))


@pytest.fixture(scope="module")
def expected(paths: tuple[Path, ...]) -> NDArray[np.float32]:
    pixels = np.stack([np.asarray(Image.open(path), np.float32) for path in paths])
    pixels /= np.float32(255)
    return Averages().embed(pixels)


def test_rows_are_those_of_the_images_in_their_order(
    tmp_path: Path, paths: tuple[Path, ...], expected: NDArray[np.float32]
) -> None:
    done: list[int] = []

    rows = embed_images(Averages(), paths, ACCEPTS, tmp_path, on_image=done.append)

    assert rows == pytest.approx(expected, abs=1e-6)
    assert rows.dtype == np.float32
    assert done == list(range(COUNT + 1))


def test_a_second_call_asks_the_teacher_nothing(tmp_path: Path, paths: tuple[Path, ...]) -> None:
    teacher = Averages()
    first = embed_images(teacher, paths, ACCEPTS, tmp_path / "new" / "folder")

    second = embed_images(teacher, paths, ACCEPTS, tmp_path / "new" / "folder")

    assert teacher.seen == COUNT
    assert second.tobytes() == first.tobytes()


def test_only_new_images_are_computed_and_equal_ones_once(
    tmp_path: Path, paths: tuple[Path, ...]
) -> None:
    teacher = Averages()
    images = tmp_path / "images"
    images.mkdir()
    twin = Path(shutil.copy(paths[0], images / "twin.png"))
    embed_images(teacher, paths[5:20], ACCEPTS, tmp_path)

    rows = embed_images(teacher, (twin, *paths[:30]), ACCEPTS, tmp_path)

    assert teacher.seen == 30
    assert rows[0].tolist() == rows[1].tolist()
    assert rows.shape == (31, 4)


def test_two_teachers_share_a_folder(tmp_path: Path, paths: tuple[Path, ...]) -> None:
    first, second = Averages(), Averages(digest="cd" * 32)
    embed_images(first, paths[:9], ACCEPTS, tmp_path)

    embed_images(second, paths[:9], ACCEPTS, tmp_path)
    embed_images(first, paths[:9], ACCEPTS, tmp_path)

    assert (first.seen, second.seen) == (9, 9)


def test_finished_embeddings_are_opened_in_any_order(
    tmp_path: Path, paths: tuple[Path, ...]
) -> None:
    rows = embed_images(Averages(), paths, ACCEPTS, tmp_path)

    opened = open_embeddings(tmp_path, paths[::-1], teacher=Averages().digest)

    assert opened.tobytes() == rows[::-1].tobytes()


def test_unfinished_embeddings_are_not_opened(tmp_path: Path, paths: tuple[Path, ...]) -> None:
    embed_images(Averages(), paths[:4], ACCEPTS, tmp_path)

    with pytest.raises(InputError, match=r"2 of 6 images .* the first of them 004\.png"):
        open_embeddings(tmp_path, paths[:6], teacher=Averages().digest)
    with pytest.raises(InputError, match="4 of 4 images"):
        open_embeddings(tmp_path, paths[:4], teacher="ef" * 32)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


def _blank(path: Path) -> None:
    path.write_bytes(b"")


def _foreign(path: Path) -> None:
    index = json.loads(path.read_bytes())
    path.write_text(json.dumps({**index, "teacher": "ef" * 32}), encoding="utf-8")


def _shortened(path: Path) -> None:
    index = json.loads(path.read_bytes())
    path.write_text(json.dumps({**index, "images": index["images"][1:]}), encoding="utf-8")


@pytest.mark.parametrize(
    ("suffix", "damage", "said"),
    [
        pytest.param("npy", _flip, "not what its index says", id="flipped bit"),
        pytest.param("npy", _cut, "not what its index says", id="cut array"),
        pytest.param("npy", _blank, "not what its index says", id="empty array"),
        pytest.param("json", _cut, "index is damaged", id="cut index"),
        pytest.param("json", _blank, "index is damaged", id="empty index"),
        pytest.param("json", Path.unlink, "was not finished", id="no index"),
        pytest.param("json", _foreign, "of another teacher", id="foreign"),
        pytest.param("json", _shortened, "another number of images", id="shortened"),
    ],
)
def test_a_shard_that_does_not_hold_is_told_and_computed_again(
    tmp_path: Path, paths: tuple[Path, ...], suffix: str, damage: object, said: str
) -> None:
    teacher = Averages()
    first = embed_images(teacher, paths, ACCEPTS, tmp_path)
    assert callable(damage)
    damage(tmp_path / f"{teacher.digest[:16]}-00000.{suffix}")
    told: list[str] = []

    again = embed_images(teacher, paths, ACCEPTS, tmp_path, on_fault=told.append)
    third = embed_images(teacher, paths, ACCEPTS, tmp_path, on_fault=told.append)

    assert again.tobytes() == third.tobytes() == first.tobytes()
    assert teacher.seen == COUNT + embeddings.SHARD_IMAGES
    assert len(told) == 1
    assert said in told[0]


KILLED = """
import sys, time
from pathlib import Path
from edgefair.compress.teachers import embeddings
from test_embeddings import ACCEPTS, Averages

embeddings.SHARD_IMAGES = 8

class Slow(Averages):
    def embed(self, images):
        time.sleep(0.005)
        return super().embed(images)

paths = tuple(sorted(Path(sys.argv[1]).iterdir()))
said = lambda done: print(done, flush=True)
embeddings.embed_images(Slow(), paths, ACCEPTS, Path(sys.argv[2]), on_image=said)
"""


def test_killed_at_any_moment_the_same_call_ends_with_the_same_bits(
    tmp_path: Path, paths: tuple[Path, ...]
) -> None:
    whole = embed_images(Averages(), paths, ACCEPTS, tmp_path / "whole")
    killed, folder = 0, tmp_path / "killed"
    environment = {**os.environ, "PYTHONPATH": f"{Path(__file__).parent}:{Path.cwd()}"}
    command = [sys.executable, "-c", KILLED, str(paths[0].parent), str(folder)]
    for moment in (25, 70):
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            while int(process.stdout.readline()) < moment:
                pass
            process.send_signal(signal.SIGKILL)
        killed += process.returncode == -signal.SIGKILL
    teacher = Averages()

    rows = embed_images(teacher, paths, ACCEPTS, folder)

    assert killed == 2
    assert rows.tobytes() == whole.tobytes()
    assert teacher.seen <= COUNT - 64
    assert not list(folder.glob(".*"))


FULL = """
import resource, sys
from pathlib import Path
from edgefair.compress.teachers.embeddings import embed_images
from edgefair.errors import EdgefairError
from test_embeddings import ACCEPTS, Averages

resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
paths = tuple(sorted(Path(sys.argv[1]).iterdir()))[:100]
try:
    embed_images(Averages(), paths, ACCEPTS, Path(sys.argv[2]))
except EdgefairError as error:
    print(error.exit_code, error.message, sep="|")
"""


def test_a_full_disk_is_one_sentence_and_leaves_no_half(
    tmp_path: Path, paths: tuple[Path, ...]
) -> None:
    folder = tmp_path / "full"
    environment = {**os.environ, "PYTHONPATH": f"{Path(__file__).parent}:{Path.cwd()}"}
    command = [sys.executable, "-c", FULL, str(paths[0].parent), str(folder)]

    run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)

    code, message = run.stdout.strip().split("|")
    assert code == "1"
    assert message.startswith("The teacher's embeddings cannot be kept in ")
    assert not list(folder.iterdir())


def test_a_folder_that_is_a_file_is_said(tmp_path: Path, paths: tuple[Path, ...]) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(EdgefairError, match="cannot be kept in"):
        embed_images(Averages(), paths[:2], ACCEPTS, tmp_path / "file")


def test_an_image_that_cannot_be_read_is_said_and_the_rest_kept(
    tmp_path: Path, paths: tuple[Path, ...]
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(paths[0].read_bytes()[:80])
    teacher = Averages()

    with pytest.raises(InputError, match=r"broken\.png"):
        embed_images(teacher, (*paths, broken), ACCEPTS, tmp_path / "kept")
    embed_images(teacher, paths, ACCEPTS, tmp_path / "kept")

    with pytest.raises(InputError, match=r"none\.png cannot be read: No such file"):
        embed_images(teacher, (tmp_path / "none.png",), ACCEPTS, tmp_path / "kept")
    assert teacher.seen == COUNT


def test_no_images_have_no_rows(tmp_path: Path) -> None:
    assert embed_images(Averages(), (), ACCEPTS, tmp_path).shape == (0, 4)
