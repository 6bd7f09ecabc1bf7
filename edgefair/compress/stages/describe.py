"""The data's part: a datasheet of what is learned from, without anybody's name in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import xxhash

from edgefair.compress.datasheet.describe import describe
from edgefair.compress.datasheet.interchange import datasheet_from_json, datasheet_to_json
from edgefair.compress.datasheet.release import without_names
from edgefair.compress.stages.workshop import Workshop

__all__ = ["Described", "describe_data"]

_CODE = ("compress/datasheet", "compress/stages/describe", "runtime", "audit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What is known of the data.

    Attributes
    ----------
    datasheet : bytes
        JSON, for the bundle.
    headlines : tuple of str
        What whoever trusts the model has to know of its data.
    content_digest : str
        SHA-256 over the contents of manifest and images: the same on every machine.
    """

    datasheet: bytes = field(repr=False)
    headlines: tuple[str, ...]
    content_digest: str


def describe_data(workshop: Workshop) -> Described:
    """Return the datasheet of the workshop's data."""
    recipe = workshop.recipe
    key = workshop.key(recipe.data, recipe.about, recipe.seed, code=_CODE)

    def make(folder: Path) -> None:
        datasheet = describe(
            recipe,
            workshop.data,
            on_image=lambda done, total: workshop.progress("describing images", done, total),
        )
        (folder / "datasheet.json").write_bytes(datasheet_to_json(without_names(datasheet)))
        (folder / "contents.txt").write_text(_content_digest(workshop))

    folder = workshop.store.finished("datasheet", key, make)
    content = (folder / "datasheet.json").read_bytes()
    return Described(
        datasheet=content,
        headlines=tuple(finding.sentence for finding in datasheet_from_json(content).findings),
        content_digest=(folder / "contents.txt").read_text(),
    )


def _content_digest(workshop: Workshop) -> str:
    found = sha256((workshop.data / workshop.recipe.data.manifest).read_bytes())
    for image in workshop.cases.images:
        found.update(f"{image.name} {xxhash.xxh3_128_hexdigest(image.read_bytes())}\n".encode())
    return found.hexdigest()
