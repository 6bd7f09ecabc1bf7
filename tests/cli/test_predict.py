"""`edgefair predict` as a user runs it: files in, rows out, the right exit code."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from edgefair.ledger import Ledger

Edgefair = Callable[..., subprocess.CompletedProcess[bytes]]
BundleMaker = Callable[..., Path]


@pytest.fixture
def edgefair(tmp_path: Path) -> Edgefair:
    """Return a function that runs the command line in a process of its own."""

    def run(
        *arguments: object, stdin: bytes = b"", under: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[bytes]:
        code = "from edgefair.cli.main import main; main()"
        command = [*under, sys.executable, "-c", code, *(str(a) for a in arguments)]
        return subprocess.run(command, input=stdin, capture_output=True, cwd=tmp_path, check=False)

    return run


@pytest.fixture
def bundle(make_bundle: BundleMaker) -> Path:
    return make_bundle()


def picture(path: Path, brightest: int = 200) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.tile(np.linspace(0, brightest, 64).astype(np.uint8), (64, 1))
    Image.fromarray(pixels).save(path)
    return path


def rows_of(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(done.stdout.decode())))


def test_a_folder_is_read_to_its_last_corner_in_sorted_order(
    edgefair: Edgefair, bundle: Path, tmp_path: Path
) -> None:
    for name in ("b.png", "a/z.jpg", "a/y/x.bmp", "spaces and ünïcode/ö ç.tiff"):
        picture(tmp_path / "scans" / name)
    (tmp_path / "scans" / "notes.txt").write_text("no image")
    done = edgefair("predict", "scans", "-m", bundle, "--allow-unsigned")
    names = [row["image"] for row in rows_of(done)]

    assert done.returncode == 0, done.stderr
    assert names == [
        "scans/b.png",
        "scans/a/z.jpg",
        "scans/a/y/x.bmp",
        "scans/spaces and ünïcode/ö ç.tiff",
    ]
    assert b"5 read: 4 ok, 1 passed over" in done.stderr


def test_what_ran_is_in_every_row_read_or_refused(
    edgefair: Edgefair, bundle: Path, tmp_path: Path
) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no image")
    done = edgefair("predict", "a.png", "b.png", "-m", bundle, "--allow-unsigned", "--csv")

    assert [(row["status"], row["engine"]) for row in rows_of(done)] == [
        ("ok", "fp32"),
        ("not_an_image", "fp32"),
    ]


def test_csv_json_and_json_lines_tell_the_same(
    edgefair: Edgefair, bundle: Path, tmp_path: Path
) -> None:
    picture(tmp_path / "a.png")
    as_csv = rows_of(edgefair("predict", "a.png", "-m", bundle, "--allow-unsigned", "--csv"))
    as_json = json.loads(
        edgefair("predict", "a.png", "-m", bundle, "--allow-unsigned", "--json").stdout
    )
    as_lines = json.loads(
        edgefair("predict", "a.png", "-m", bundle, "--allow-unsigned", "--jsonl").stdout
    )
    as_table = edgefair(
        "predict", "a.png", "-m", bundle, "--allow-unsigned", "--table"
    ).stdout.decode()

    assert as_json[0] | {"predicted_at": ""} == as_lines | {"predicted_at": ""}
    assert float(as_csv[0]["probability"]) == as_json[0]["probability"]
    assert set(as_csv[0]) == set(as_json[0])
    assert as_table.splitlines()[0].split()[:2] == ["image", "frame"]
    assert "negative" in as_table
    assert "stays below the threshold 0.500" in as_csv[0]["reason"]


def test_a_file_named_as_output_appears_whole(
    edgefair: Edgefair, bundle: Path, tmp_path: Path
) -> None:
    picture(tmp_path / "a.png")
    done = edgefair("predict", "a.png", "-m", bundle, "--allow-unsigned", "-o", "found.jsonl")

    assert done.stdout == b""
    assert json.loads((tmp_path / "found.jsonl").read_text())["image"] == "a.png"
    assert [path.name for path in tmp_path.glob(".*.partial")] == []


def test_an_output_that_cannot_be_written_is_one_sentence(
    edgefair: Edgefair, bundle: Path, tmp_path: Path
) -> None:
    picture(tmp_path / "a.png")
    done = edgefair(
        "predict", "a.png", "-m", bundle, "--allow-unsigned", "-o", "no/such/folder/x.csv"
    )

    assert done.returncode == 1
    assert b"could not be written" in done.stderr
    assert b"Traceback" not in done.stderr


def test_standard_input_is_an_image(edgefair: Edgefair, bundle: Path, tmp_path: Path) -> None:
    content = picture(tmp_path / "a.png").read_bytes()
    done = edgefair("predict", "-", "-m", bundle, "--allow-unsigned", "--jsonl", stdin=content)

    assert json.loads(done.stdout)["image"] == "-"
    assert done.returncode == 0


def test_paths_can_come_from_a_file(edgefair: Edgefair, bundle: Path, tmp_path: Path) -> None:
    picture(tmp_path / "one two.png")
    picture(tmp_path / "b.png")
    (tmp_path / "list.txt").write_text("one two.png\n\nb.png\n")
    done = edgefair("predict", "--files-from", "list.txt", "-m", bundle, "--allow-unsigned")

    assert [row["image"] for row in rows_of(done)] == ["one two.png", "b.png"]


def test_no_path_is_a_usage_error(edgefair: Edgefair) -> None:
    done = edgefair("predict")

    assert done.returncode == 2
    assert b"Name an image or a folder" in done.stderr


def test_an_empty_folder_is_told_and_exits_3(
    edgefair: Edgefair, bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    done = edgefair("predict", "empty", "-m", bundle, "--allow-unsigned")

    assert done.returncode == 3
    assert b"No file was found to read." in done.stderr


def test_one_bad_image_never_stops_the_rest(
    edgefair: Edgefair, bundle: Path, tmp_path: Path
) -> None:
    good = picture(tmp_path / "a.png")
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:80])
    picture(tmp_path / "z.png")
    done = edgefair(
        "predict", "a.png", "cut.png", "gone.png", "z.png", "-m", bundle, "--allow-unsigned"
    )
    by_image = {row["image"]: row for row in rows_of(done)}

    assert done.returncode == 3
    assert by_image["cut.png"]["status"] == "truncated"
    assert by_image["gone.png"]["status"] == "unreadable"
    assert "no such file" in by_image["gone.png"]["reason"]
    assert by_image["z.png"]["decision"] == "negative"


def test_a_named_file_that_is_no_image_is_a_row(
    edgefair: Edgefair, bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    done = edgefair("predict", "notes.txt", "-m", bundle, "--allow-unsigned")

    assert rows_of(done)[0]["status"] == "not_an_image"
    assert done.returncode == 3


def test_a_folder_that_cannot_be_opened_is_told_and_the_rest_is_read(
    edgefair: Edgefair, bundle: Path, tmp_path: Path
) -> None:
    picture(tmp_path / "scans" / "open" / "a.png")
    closed = picture(tmp_path / "scans" / "closed" / "b.png").parent
    closed.chmod(0)
    # root may open any folder, but not from a user namespace in which it is nobody
    under = ("unshare", "-U") if os.geteuid() == 0 else ()
    done = edgefair("predict", "scans", "-m", bundle, "--allow-unsigned", under=under)
    closed.chmod(0o700)
    by_image = {row["image"]: row for row in rows_of(done)}

    assert done.returncode == 3, done.stderr
    assert "cannot be opened" in by_image["scans/closed"]["reason"]
    assert by_image["scans/open/a.png"]["status"] == "ok"


def test_demographics_come_from_a_table_and_what_is_missing_is_unknown(
    edgefair: Edgefair, bundle: Path, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        picture(tmp_path / f"{name}.png")
    (tmp_path / "who.csv").write_text(
        "image,patient_id,sex,age,view\na.png,1,female,61,PA\nb.png,2,,,\n"
    )
    done = edgefair(
        "predict",
        "a.png",
        "b.png",
        "c.png",
        "-m",
        bundle,
        "--allow-unsigned",
        "--demographics",
        "who.csv",
    )
    first, second, third = rows_of(done)

    assert (first["sex"], first["age_years"], first["attributes"]) == ("F", "61.0", "view=PA")
    assert (second["sex"], second["age_years"]) == ("Unknown", "")
    assert third["sex"] == "Unknown"
    assert b"3 read: 3 ok. Unknown sex of 2 and age of 2: kept, and counted" in done.stderr


def test_nothing_is_said_of_the_unknown_where_all_is_known(
    edgefair: Edgefair, bundle: Path, tmp_path: Path
) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "who.csv").write_text("image,sex,age\na.png,F,61\n")
    done = edgefair(
        "predict", "a.png", "-m", bundle, "--allow-unsigned", "--demographics", "who.csv"
    )

    assert b"1 read: 1 ok. Research use only" in done.stderr


def test_heat_maps_are_written_as_pictures(
    edgefair: Edgefair, bundle: Path, tmp_path: Path
) -> None:
    picture(tmp_path / "a.png")
    edgefair("predict", "a.png", "-m", bundle, "--allow-unsigned", "--heatmaps", "maps")
    (overlay,) = (tmp_path / "maps").iterdir()

    with Image.open(overlay) as opened:
        assert opened.size == (512, 540)
    assert overlay.name.startswith("a-")
    assert overlay.name.endswith("-bright.png")


def test_what_was_shown_is_in_the_ledger(edgefair: Edgefair, bundle: Path, tmp_path: Path) -> None:
    for number in range(20):
        picture(tmp_path / "scans" / f"{number:02d}.png", 40 + number)
    (tmp_path / "scans" / "notes.txt").write_text("no image")
    done = edgefair(
        "predict", "scans", "-m", bundle, "--allow-unsigned", "--ledger", "clinic.ledger"
    )
    again = edgefair(
        "predict", "scans", "-m", bundle, "--allow-unsigned", "--ledger", "clinic.ledger"
    )
    shown = rows_of(done)
    with Ledger.open(tmp_path / "clinic.ledger") as ledger:
        kept = {case.code: case for case in ledger.cases()}

    assert done.returncode == again.returncode == 0
    assert len(shown) == len(kept) == 20
    assert {row["case"] for row in shown} == set(kept)


def test_a_damaged_bundle_is_refused_with_exit_code_4(
    edgefair: Edgefair, bundle: Path, tmp_path: Path
) -> None:
    content = bytearray(bundle.read_bytes())
    content[len(content) // 2] ^= 1
    bundle.write_bytes(content)
    done = edgefair("predict", picture(tmp_path / "a.png"), "-m", bundle, "--allow-unsigned")

    assert done.returncode == 4
    assert done.stdout == b""
    assert b"hint: Do not use it." in done.stderr


@pytest.mark.parametrize("beside", [(), ("--ledger", "new.ledger"), ("--heatmaps", "overlays")])
@pytest.mark.parametrize("read", ["a.png", "no_image.txt", "empty"])
def test_a_model_that_onnxruntime_cannot_load_is_refused_and_nothing_written(
    edgefair: Edgefair,
    make_bundle: BundleMaker,
    graph: onnx.ModelProto,
    tmp_path: Path,
    read: str,
    beside: tuple[str, ...],
) -> None:
    graph.graph.node[0].input[1] = "nowhere"
    bundle = make_bundle(model=graph.SerializeToString())
    picture(tmp_path / "a.png")
    (tmp_path / "no_image.txt").write_text("no image")
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.iterdir())
    done = edgefair("predict", read, "-m", bundle, "--allow-unsigned", *beside)

    assert done.returncode == 4
    assert b"cannot load brightness" in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""
    assert sorted(tmp_path.iterdir()) == before


def test_a_reader_that_goes_away_is_no_error(
    edgefair: Edgefair, bundle: Path, tmp_path: Path
) -> None:
    picture(tmp_path / "a.png")
    code = "from edgefair.cli.main import main; main()"
    piped = (
        f'"{sys.executable}" -c "{code}" predict a.png -m "{bundle}" --allow-unsigned --jsonl '
        "| true; "
        'echo "${PIPESTATUS[0]}"'
    )
    done = subprocess.run(["bash", "-c", piped], capture_output=True, cwd=tmp_path, check=True)

    assert done.stdout.strip() in (b"0",)
    assert b"Traceback" not in done.stderr
