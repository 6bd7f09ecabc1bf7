"""Shortcuts: planted ones are found with the AUROC they have, and chance is not called one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from edgefair.compress.datasheet.looks import MEASURES, THUMB_PX, Looks
from edgefair.compress.datasheet.records import Shortcut, ShortcutKind
from edgefair.compress.datasheet.rows import Brief, read_rows
from edgefair.compress.datasheet.shortcuts import try_shortcuts
from edgefair.compress.recipe import DataSource

COUNT = 1000


def _blind(count: int) -> Looks:
    """Return what is seen of images that all look alike."""
    return Looks(
        reasons=("",) * count,
        digests=tuple(map(str, range(count))),
        hashes=np.zeros(count, dtype=np.uint64),
        thumbs=np.zeros((count, THUMB_PX, THUMB_PX), dtype=np.uint8),
        measures=np.ones((count, len(MEASURES))),
        named=(("",) * count,) * 3,
    )


def _tried(folder: Path, columns: Mapping[str, Sequence[object]]) -> dict[str, Shortcut]:
    count = len(columns["label"])
    columns = {"image": [f"{i}.png" for i in range(count)], **columns}
    lines = [
        ",".join(columns),
        *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True)),
    ]
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    brief = Brief(name="tried", data=DataSource(labels=("label",)))
    found, _ = try_shortcuts(read_rows(brief, folder), _blind(count), seed=0)
    return {one.attribute: one for one in found}


def _labels() -> list[int]:
    return [number % 2 for number in range(COUNT)]


def _people() -> list[int]:
    return [int(person) for person in np.random.default_rng(9).permutation(COUNT)]


def test_a_planted_value_reaches_its_true_auroc(tmp_path: Path) -> None:
    # PA for 70 % of the positives and 30 % of the negatives: .5 + (.7 - .3) / 2
    view = ["PA" if i // 2 % 10 < (7 if i % 2 else 3) else "AP" for i in range(COUNT)]

    found = _tried(tmp_path, {"patient_id": _people(), "view": view, "label": _labels()})

    assert found["view"].auroc.estimate == pytest.approx(0.7)
    assert found["view"].kind is ShortcutKind.SHOWN
    shares = {v.value: (v.share_of_positives, v.share_of_negatives) for v in found["view"].values}
    assert shares["PA"] == pytest.approx((0.7, 0.3))


def test_a_number_that_is_odd_in_the_middle_is_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    dose = [
        rng.normal(0, 1) if label else rng.choice([-1, 1]) * rng.uniform(4, 5)
        for label in _labels()
    ]

    found = _tried(tmp_path, {"patient_id": _people(), "dose": dose, "label": _labels()})

    assert found["dose"].kind is ShortcutKind.RESTATES
    assert found["dose"].auroc.estimate > 0.98


def test_a_block_of_patient_numbers_is_said_in_words(tmp_path: Path) -> None:
    patients = [2000 + i if i % 2 == 0 else 10 * i for i in range(COUNT)]

    found = _tried(tmp_path, {"patient_id": patients, "label": _labels()})["patient_id"]

    assert found.encoding == "blocks of numbers"
    assert found.kind is ShortcutKind.STRONG
    assert "All 500 images without label come from patient_id 2000 to 2998" in found.block


def test_chance_is_not_called_a_shortcut(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    columns: dict[str, Sequence[object]] = {
        "patient_id": _people(),
        "few": rng.integers(0, 3, COUNT).tolist(),
        "many": [f"value {i}" for i in rng.integers(0, 200, COUNT)],
        "number": rng.normal(size=COUNT).tolist(),
        "label": _labels(),
    }

    found = _tried(tmp_path, columns)

    assert all(one.kind is ShortcutKind.NOT_SHOWN for one in found.values())
    assert all(0.4 < one.auroc.estimate < 0.6 for one in found.values())


def test_a_column_that_only_names_the_patient_tells_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    ill = rng.integers(0, 2, 100)
    patients = [i % 100 for i in range(COUNT)]
    names = [f"name {'abcdefghij'[p // 10]}{'abcdefghij'[p % 10]}" for p in patients]
    shuffled = rng.permutation(100)
    columns: dict[str, Sequence[object]] = {
        "patient_id": [int(shuffled[p]) for p in patients],
        "name": names,
        "label": [int(ill[p]) for p in patients],
    }

    found = _tried(tmp_path, columns)

    assert found["name"].auroc.estimate == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("yes", "no"),
    [("sick", "well"), ("2.5", "1.5"), ("Mass|Opacity", "No Finding|Old"), ("1", "0")],
)
def test_the_label_in_other_words_is_no_shortcut(tmp_path: Path, yes: str, no: str) -> None:
    words = [yes if label else no for label in _labels()]

    found = _tried(tmp_path, {"patient_id": _people(), "words": words, "label": _labels()})

    assert found["words"].kind is ShortcutKind.RESTATES


def test_terms_of_a_list_count_each_for_itself(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    # hardly any combination occurs twice, and one term gives the label away
    others = [";".join(rng.choice(list("abcdefghijkl"), 4, replace=False)) for _ in range(COUNT)]
    words = [
        f"{other};x" if label else other for other, label in zip(others, _labels(), strict=True)
    ]

    found = _tried(tmp_path, {"patient_id": _people(), "words": words, "label": _labels()})

    assert found["words"].encoding == "terms"
    assert found["words"].auroc.estimate > 0.98


def test_an_empty_cell_is_a_value_of_its_own(tmp_path: Path) -> None:
    device = ["" if label else "A" for label in _labels()]

    found = _tried(tmp_path, {"patient_id": _people(), "device": device, "label": _labels()})

    assert found["device"].kind is ShortcutKind.RESTATES
    assert {value.value for value in found["device"].values} == {"Unknown", "A"}


def test_one_class_is_not_estimable(tmp_path: Path) -> None:
    found = _tried(tmp_path, {"patient_id": list(range(50)), "label": [1] * 50})

    assert not found["patient_id"].auroc.is_estimable
    assert found["patient_id"].kind is ShortcutKind.NOT_SHOWN
