"""How a DICOM image wants to be displayed: the greyscale pipeline of PS3.3, C.11 and PS3.4, N.2.

Stored value -> Modality LUT or rescale -> VOI LUT or window -> inversion of MONOCHROME1. Where
all steps are linear they fold into one window of stored values; any other chain is worked out
once for every value that can be stored, as a table.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.pixels.processing import apply_color_lut

from edgefair.runtime.grayscale import AutoWindow, Display, Lookup, Packing, Window

__all__ = ["DISPLAY_KEYWORDS", "display_of"]

_TABLE_BITS = 16
_SHOWN_IN_FULL_BITS = 8
_NARROWEST = 1e-3
_LUMINANCE = (0.299, 0.587, 0.114)
_FUNCTIONAL_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_FRAME_MACROS = ("PixelValueTransformationSequence", "FrameVOILUTSequence")

DISPLAY_KEYWORDS = (
    "ModalityLUTSequence",
    "RescaleSlope",
    "RescaleIntercept",
    "VOILUTSequence",
    "VOILUTFunction",
    "WindowCenter",
    "WindowWidth",
    "PresentationLUTShape",
    *(
        f"{kind}{colour}PaletteColorLookupTable{part}"
        for colour in ("Red", "Green", "Blue")
        for kind, part in (("", "Descriptor"), ("", "Data"), ("Segmented", "Data"))
    ),
    *_FUNCTIONAL_GROUPS,
)
"""DICOM keywords that `display_of` asks for."""


def display_of(dataset: Dataset, frame: int, photometric: str, packing: Packing | None) -> Display:
    """Return how the stored values of a frame are displayed.

    A VOI LUT comes before a window, and the first of several before the others, as in
    `pydicom.pixels.apply_voi_lut`. Without either, up to 8 bits are shown in full, deeper values
    between their own percentiles.

    Parameters
    ----------
    dataset : Dataset
        Whatever of `DISPLAY_KEYWORDS` the file has.
    frame : int
        Number of the frame, whose functional groups may bring a window of their own.
    photometric : str
        Photometric Interpretation (0028,0004).
    packing : Packing or None
        None for floating-point pixels, to which no table applies.
    """
    if photometric == "PALETTE COLOR":
        return _palette(dataset, packing)
    if packing is not None and not photometric.startswith("MONOCHROME"):
        return Window(black=packing.lowest, white=packing.highest)
    dataset = _with_functional_groups(dataset, frame)
    inverted = (photometric == "MONOCHROME1") != (
        dataset.get("PresentationLUTShape") == "INVERSE" and photometric == "MONOCHROME2"
    )
    display = _grey(dataset, packing)
    return _inverted(display) if inverted else display


def _grey(dataset: Dataset, packing: Packing | None) -> Display:
    """Return the display of a greyscale image before any inversion."""
    slope, intercept = _number(dataset, "RescaleSlope"), _number(dataset, "RescaleIntercept")
    if not slope or intercept is None:
        slope, intercept = 1.0, 0.0
    window = _linear_window(dataset)
    if (
        window is not None
        and not _items(dataset, "ModalityLUTSequence")
        and not _voi_luts(dataset)
    ):
        return Window(
            black=(window.black - intercept) / slope, white=(window.white - intercept) / slope
        )
    if _is_tabular(dataset):
        values = _every_value(packing)
        return Lookup(
            first=int(values[0]),
            intensity=_through_tables(dataset, values, slope, intercept).astype(np.float32),
        )
    if packing is not None and packing.bits_stored <= _SHOWN_IN_FULL_BITS:
        ends = packing.lowest, packing.highest
        black, white = ends if slope > 0 else ends[::-1]
        return Window(black=black, white=white)
    return AutoWindow(inverted=slope < 0)


def _through_tables(
    dataset: Dataset, values: NDArray[np.float64], slope: float, intercept: float
) -> NDArray[np.float64]:
    """Return the intensity in [0, 1] of every stored value (PS3.3, C.11.1 and C.11.2)."""
    if modality := _items(dataset, "ModalityLUTSequence"):
        table, depth = _table(modality[0], values)
        values, full = table, float((1 << depth) - 1)
    else:
        values = values * slope + intercept
        full = 0.0
    if voi := _voi_luts(dataset):
        table, depth = _table(voi[0], values)
        return table / max(float((1 << depth) - 1), float(table.max()))
    window = _linear_window(dataset)
    if window is not None:
        return np.clip((values - window.black) / (window.white - window.black), 0, 1)
    centre, width = _number(dataset, "WindowCenter"), _number(dataset, "WindowWidth")
    if _function(dataset) == "SIGMOID" and centre is not None and width:
        sigmoid: NDArray[np.float64] = 1 / (1 + np.exp(-4 * (values - centre) / width))
        return sigmoid
    return values / max(full, float(values.max()))


def _linear_window(dataset: Dataset) -> Window | None:
    """Return the first linear window, in values after the Modality LUT (PS3.3, C.11.2.1.2)."""
    centre, width = _number(dataset, "WindowCenter"), _number(dataset, "WindowWidth")
    if centre is None or width is None or width <= 0 or _function(dataset) == "SIGMOID":
        return None
    if _function(dataset) == "LINEAR_EXACT":
        return Window(black=centre - width / 2, white=centre + width / 2)
    if width < 1:
        return None
    half = max(width - 1, _NARROWEST) / 2
    return Window(black=centre - 0.5 - half, white=centre - 0.5 + half)


def _is_tabular(dataset: Dataset) -> bool:
    """Return whether a table or a sigmoid is part of the display."""
    sigmoid = _function(dataset) == "SIGMOID" and bool(_number(dataset, "WindowWidth"))
    return sigmoid or bool(_items(dataset, "ModalityLUTSequence") or _voi_luts(dataset))


def _palette(dataset: Dataset, packing: Packing | None) -> Lookup:
    """Return the luminance of each palette entry."""
    values = _every_value(packing)
    colours = apply_color_lut(values.astype(np.int64), dataset)[:, :3]
    luminance = colours @ np.array(_LUMINANCE) / np.iinfo(colours.dtype).max
    return Lookup(first=int(values[0]), intensity=luminance.astype(np.float32))


def _every_value(packing: Packing | None) -> NDArray[np.float64]:
    """Return all values that can be stored, in order."""
    if packing is None or packing.bits_stored > _TABLE_BITS:
        raise ValueError(f"its lookup tables apply to no more than {_TABLE_BITS} bits")
    return np.arange(packing.lowest, packing.highest + 1, dtype=np.float64)


def _table(item: Dataset, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Return a LUT item's output for each value, and its depth in bits (PS3.3, C.11.1.1.1)."""
    entries, first, depth = (int(part) for part in item["LUTDescriptor"].value)
    data = item["LUTData"].value
    if isinstance(data, bytes):
        data = np.frombuffer(data, "<u2" if item.is_little_endian is not False else ">u2")
    table = np.asarray(data, dtype=np.float64)[: entries or 1 << 16]
    if first >= 1 << 15 and values[0] < 0:
        first -= 1 << 16
    return table[np.clip(values - first, 0, len(table) - 1).astype(np.int64)], depth


def _with_functional_groups(dataset: Dataset, frame: int) -> Dataset:
    """Return the data set with the frame's own rescale and window on top (PS3.3, C.7.6.16)."""
    groups = [_items(dataset, keyword) for keyword in _FUNCTIONAL_GROUPS]
    shared, per_frame = groups[0][:1], groups[1][frame : frame + 1]
    macros = [
        item
        for group in (*shared, *per_frame)
        for keyword in _FRAME_MACROS
        for item in _items(group, keyword)[:1]
    ]
    if not macros:
        return dataset
    merged = Dataset(dataset)
    for macro in macros:
        merged.update(macro)
    return merged


def _inverted(display: Display) -> Display:
    match display:
        case Window(black=black, white=white):
            return Window(black=white, white=black)
        case Lookup(first=first, intensity=intensity):
            return Lookup(first=first, intensity=1 - intensity)
        case AutoWindow(inverted=inverted):
            return AutoWindow(inverted=not inverted)


def _voi_luts(dataset: Dataset) -> list[Dataset]:
    return [item for item in _items(dataset, "VOILUTSequence") if "LUTData" in item]


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    return list(dataset.get(keyword) or ())


def _function(dataset: Dataset) -> str:
    return str(dataset.get("VOILUTFunction") or "LINEAR").upper()


def _number(dataset: Dataset, keyword: str) -> float | None:
    """Return an element's number, the first of several; None if it is missing or malformed."""
    try:
        value = dataset.get(keyword)
        if isinstance(value, MultiValue):
            value = value[0] if value else None
        number = None if value is None or value == "" else float(value)
    except (ValueError, TypeError, ArithmeticError):
        return None
    return number if number is not None and np.isfinite(number) else None
