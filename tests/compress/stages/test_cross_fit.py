"""Cross-fitting: a training case is judged by a student that never saw its patient."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgefair.bundle.archive import read_bundle
from edgefair.compress.recipe import CrossFitting
from edgefair.compress.run import run_recipe
from edgefair.compress.stages.cross_fit import CrossFitted, cross_fit, folds_of
from edgefair.compress.stages.learn import learn
from edgefair.compress.stages.measure import pooled
from edgefair.compress.stages.workshop import Workshop, open_workshop
from edgefair.errors import InputError

FOLDS = 2


@pytest.fixture
def recipe(squares: Path) -> Path:
    """Return a recipe with cross-fitting, of patients with two images each."""
    manifest = squares.parent / "manifest.csv"
    with manifest.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    for number, row in enumerate(rows):
        row[1] = f"P{number // 2}"
    with manifest.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    squares.write_text(squares.read_text() + f"\n[cross_fitting]\nfolds = {FOLDS}\n")
    return squares


def _opened(recipe: Path, work: str) -> Workshop:
    return open_workshop(
        recipe,
        data=None,
        weights=recipe.parent,
        work=recipe.parent / work,
        progress=lambda stage, done, total: None,
    )


def _fitted(workshop: Workshop) -> CrossFitted:
    fitted = cross_fit(workshop, None, learn(workshop, None))
    assert fitted is not None
    return fitted


def _spoil(workshop: Workshop, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> None:
    """Put the picture of another case in the place of each of these training cases."""
    learn_from = workshop.cases.of("train").images
    for row in rows.tolist():
        learn_from[row].write_bytes(workshop.cases.of("test").images[0].read_bytes())


def test_no_fold_is_spoken_of_by_a_student_that_saw_its_pictures(recipe: Path) -> None:
    before = _opened(recipe, "before")
    first = _fitted(before)
    spoiled = first.folds[0].rows
    _spoil(before, spoiled)

    second = _fitted(_opened(recipe, "after"))

    assert np.array_equal(first.folds[0].val, second.folds[0].val)
    assert not np.array_equal(first.folds[0].held_out, second.folds[0].held_out)
    assert not np.array_equal(first.folds[1].val, second.folds[1].val)


def test_no_patient_is_in_a_fold_and_out_of_it_and_each_case_is_spoken_of_once(
    recipe: Path,
) -> None:
    workshop = _opened(recipe, "work")
    cases = workshop.cases.of("train")
    dealt = folds_of(workshop.cases, workshop.recipe)
    patients = np.array(cases.patients)

    fitted = _fitted(workshop)

    for fold, said in enumerate(fitted.folds):
        assert set(patients[dealt == fold]).isdisjoint(patients[dealt != fold])
        assert np.array_equal(said.rows, np.flatnonzero(dealt == fold))
        assert said.held_out.shape == (len(said.rows), 1)
    rows = np.concatenate([said.rows for said in fitted.folds])
    assert sorted(rows.tolist()) == list(range(len(cases)))


def test_what_is_chosen_on_is_the_train_split_out_of_fold_and_val(recipe: Path) -> None:
    workshop = _opened(recipe, "work")
    val = np.linspace(-1, 1, len(workshop.cases.of("val")), dtype=np.float32)[:, np.newaxis]
    fitted = _fitted(workshop)

    pool = pooled(workshop.cases, val, fitted)

    train, held = workshop.cases.of("train"), workshop.cases.of("val")
    assert np.array_equal(pool.cases.labels, np.concatenate([train.labels, held.labels]))
    assert np.array_equal(pool.logits[len(train) :], val)
    assert pool.words == "train split out of fold (2 folds) and val split, 72 images"


def test_a_bundle_tells_on_whom_its_thresholds_were_chosen(recipe: Path) -> None:
    path = run_recipe(recipe, recipe.parent / "out", data=None, weights=recipe.parent)

    bundle = read_bundle(path)
    card = bundle.content("card").decode()
    words = "train split out of fold (2 folds) and val split, 72 images"
    assert all(p.chosen_on.startswith(f"{words}; ") for p in bundle.manifest.operating_points)
    band = "INT8 and full precision on the val split, 24 images"
    assert all(p.chosen_on.endswith(band) for p in bundle.manifest.operating_points)
    assert f"fitted on the {words}." in card
    assert "| train out of fold, and val |" in card
    assert "- Cross-fitting: the patients of the train split in 2 folds" in card


def test_more_folds_than_patients_are_refused_in_a_sentence(recipe: Path) -> None:
    workshop = _opened(recipe, "work")
    plan = replace(workshop.recipe, cross_fitting=CrossFitting(folds=49))

    with pytest.raises(InputError, match=r"cross_fitting\.folds is 49, but there are 24 patients"):
        folds_of(workshop.cases, plan)
