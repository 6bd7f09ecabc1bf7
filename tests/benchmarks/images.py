"""The images that the benchmarks read: one phantom clinic in every form that matters."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pydicom
from PIL import Image
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless

from edgefair.phantom.clinic import Clinic, Phantom
from edgefair.phantom.dicom import to_dicom
from edgefair.phantom.folder import to_grey8
from edgefair.phantom.generate import phantom

__all__ = ["FORMS", "make_images"]

FORMS = ("jpeg_256", "png_2048", "dicom_2048", "jpeg2000_2048", "jpegls_2048")
SEED = 20


def make_images(folder: Path, form: str, count: int) -> list[Path]:
    """Return `count` files of one form, made where they are not there yet."""
    target = folder / form
    target.mkdir(parents=True, exist_ok=True)
    side = 256 if form == "jpeg_256" else 2048
    clinic = Clinic(seed=SEED, count=count, size_px=side)
    paths = []
    for index in range(count):
        path = target / f"{index:05d}.{_suffix(form)}"
        if not path.exists():
            _write(path, form, phantom(clinic, index))
        paths.append(path)
    return paths


def _suffix(form: str) -> str:
    return {"jpeg_256": "jpg", "png_2048": "png"}.get(form, "dcm")


def _write(path: Path, form: str, made: Phantom) -> None:
    if form == "jpeg_256":
        Image.fromarray(to_grey8(made)).save(path, quality=92)
    elif form == "png_2048":
        path.write_bytes(cv2.imencode(".png", to_grey8(made))[1].tobytes())
    else:
        dataset = to_dicom(made, seed=SEED)
        if form == "jpeg2000_2048":
            _compress_jpeg2000(dataset)
        elif form == "jpegls_2048":
            dataset.compress(JPEGLSLossless)
        dataset.save_as(path, enforce_file_format=True)


def _compress_jpeg2000(dataset: pydicom.Dataset) -> None:
    # pylibjpeg-openjpeg writes six resolution levels, as the archives that serve clinics do
    assert dataset.pixel_array.dtype == np.uint16
    dataset.compress(JPEG2000Lossless, encoding_plugin="pylibjpeg")
