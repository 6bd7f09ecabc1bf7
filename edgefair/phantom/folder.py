"""A phantom clinic on disk: image files and the manifest that tells their truth."""

from __future__ import annotations

import csv
import errno
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from edgefair.errors import InputError
from edgefair.phantom.dicom import to_dicom
from edgefair.phantom.generate import phantoms
from edgefair.records import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from edgefair.phantom.clinic import Clinic, Phantom

__all__ = ["COLUMNS", "FileFormat", "to_grey8", "write_clinic"]

FileFormat = Literal["png", "dicom"]

MANIFEST_NAME = "manifest.csv"
IMAGES_NAME = "images"
COLUMNS = ("image", "patient_id", "age", "sex", "view", "device", "opacity", "split")
INFANT_BELOW_YEARS = 2


def write_clinic(
    clinic: Clinic,
    folder: Path,
    *,
    file_format: FileFormat = "png",
    watched: Callable[[Iterator[Phantom]], Iterator[Phantom]] = iter,
) -> Path:
    """Write a clinic's images and manifest, and return the manifest's path.

    The manifest appears last and whole: a folder with a manifest has all its images. Images
    are made and written one by one, so that memory does not grow with their number.

    Parameters
    ----------
    clinic : Clinic
    folder : Path
        Empty or not there yet; receives ``manifest.csv`` and ``images/``.
    file_format : {'png', 'dicom'}, default='png'
        8-bit grey PNG, windowed; or 12-bit DICOM.
    watched : callable, optional
        Passes the stream of images on, e.g. through a progress bar.

    Raises
    ------
    InputError
        If the folder holds anything, or cannot be written, or the disk is full.
    """
    with _disk_errors(folder):
        _claim(folder)
        part = folder / f".{MANIFEST_NAME}.part"
        try:
            with part.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(COLUMNS)
                for phantom in watched(phantoms(clinic)):
                    image = _write_image(phantom, folder / IMAGES_NAME, file_format, clinic.seed)
                    writer.writerow(_row(image, phantom))
                file.flush()
                os.fsync(file.fileno())
            return part.replace(folder / MANIFEST_NAME)
        finally:
            part.unlink(missing_ok=True)


def to_grey8(phantom: Phantom) -> NDArray[np.uint8]:
    """Return the image as its window shows it, shape (h, w), 0 black (PS3.3 C.11.2.1.2.1)."""
    values = np.arange(1 << 12, dtype=np.float64)
    shown = (values - (phantom.window_center - 0.5)) / (phantom.window_width - 1) + 0.5
    table = np.round(255 * np.clip(shown, 0, 1)).astype(np.uint8)
    return table[phantom.pixels]


def _claim(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise InputError(
            f"The folder {folder} is not empty.",
            hint="Name a new folder; nothing is ever overwritten.",
        )
    (folder / IMAGES_NAME).mkdir()


def _write_image(phantom: Phantom, folder: Path, file_format: FileFormat, seed: int) -> str:
    if file_format == "dicom":
        path = folder / f"{phantom.name}.dcm"
        to_dicom(phantom, seed=seed).save_as(path, enforce_file_format=True)
        return path.name
    path = folder / f"{phantom.name}.png"
    _, encoded = cv2.imencode(".png", to_grey8(phantom))
    path.write_bytes(encoded.tobytes())
    return path.name


def _row(image: str, phantom: Phantom) -> tuple[str, ...]:
    subject = phantom.subject
    attributes = {attribute.name: attribute.value for attribute in subject.attributes}
    return (
        image,
        subject.patient_id or "",
        _age(subject.age_years),
        "" if subject.sex == UNKNOWN else subject.sex,
        attributes["view"],
        attributes["device"],
        str(int(phantom.finding)),
        phantom.split,
    )


def _age(age_years: float | None) -> str:
    """Completed years, with two decimals for infants; empty where not recorded."""
    if age_years is None:
        return ""
    return f"{age_years:.2f}" if age_years < INFANT_BELOW_YEARS else str(int(age_years))


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Say in one sentence what the operating system refused."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InputError(
                f"The disk of {folder} is full; the clinic is not complete.",
                hint="Delete the folder, make room, and start again, perhaps with fewer images.",
            ) from error
        raise InputError(
            f"The folder {folder} cannot be written: {error.strerror}.",
            hint="Name a folder that you may write to.",
        ) from error
