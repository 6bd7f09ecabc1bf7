"""How a DICOM image wants to be displayed: the greyscale pipeline of PS3.3, C.11 and PS3.4, N.2.

Stored value -> Modality LUT or rescale -> VOI LUT or window -> inversion of MONOCHROME1. Where
all steps are linear they fold into one window of stored values; any other chain is worked out
once for every value that can be stored, as a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgefair.runtime.dicom_elements import Elements, items_of, number_of, text_of
from edgefair.runtime.grayscale import AutoWindow, Display, Lookup, Packing, Window

if TYPE_CHECKING:  # a plain header has texts, and no table that pydicom must read
    from pydicom.dataset import Dataset

__all__ = ["DISPLAY_KEYWORDS", "display_of"]

_TABLE_BITS = 16
_SHOWN_IN_FULL_BITS = 8
_NARROWEST = 1e-3
_LUMINANCE = (0.299, 0.587, 0.114)
_FUNCTIONAL_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_FRAME_MACROS = ("PixelValueTransformationSequence", "FrameVOILUTSequence")

_PALETTES = tuple(f"{colour}PaletteColorLookupTableData" for colour in ("Red", "Green", "Blue"))

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


def display_of(
    dataset: Elements, frame: int, photometric: str, packing: Packing | None
) -> Display:
    """Return how the stored values of a frame are displayed.

    A VOI LUT comes before a window, and the first of several before the others, as in
    `pydicom.pixels.apply_voi_lut`. Without either, up to 8 bits are shown in full, deeper values
    between their own percentiles.

    Parameters
    ----------
    dataset : Elements
        Whatever of `DISPLAY_KEYWORDS` the file has: a data set of pydicom's, or texts.
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
        text_of(dataset, "PresentationLUTShape") == "INVERSE" and photometric == "MONOCHROME2"
    )
    display = _grey(dataset, packing)
    return _inverted(display) if inverted else display


def _grey(dataset: Elements, packing: Packing | None) -> Display:
    """Return the display of a greyscale image before any inversion."""
    slope, intercept = number_of(dataset, "RescaleSlope"), number_of(dataset, "RescaleIntercept")
    if not slope or intercept is None:
        slope, intercept = 1.0, 0.0
    window = _linear_window(dataset)
    if (
        window is not None
        and not items_of(dataset, "ModalityLUTSequence")
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
    dataset: Elements, values: NDArray[np.float64], slope: float, intercept: float
) -> NDArray[np.float64]:
    """Return the intensity in [0, 1] of every stored value (PS3.3, C.11.1 and C.11.2)."""
    if modality := items_of(dataset, "ModalityLUTSequence"):
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
    centre, width = number_of(dataset, "WindowCenter"), number_of(dataset, "WindowWidth")
    if _function(dataset) == "SIGMOID" and centre is not None and width:
        sigmoid: NDArray[np.float64] = 1 / (1 + np.exp(-4 * (values - centre) / width))
        return sigmoid
    return values / max(full, float(values.max()))


def _linear_window(dataset: Elements) -> Window | None:
    """Return the first linear window, in values after the Modality LUT (PS3.3, C.11.2.1.2)."""
    centre, width = number_of(dataset, "WindowCenter"), number_of(dataset, "WindowWidth")
    if centre is None or width is None or width <= 0 or _function(dataset) == "SIGMOID":
        return None
    if _function(dataset) == "LINEAR_EXACT":
        return Window(black=centre - width / 2, white=centre + width / 2)
    if width < 1:
        return None
    half = max(width - 1, _NARROWEST) / 2
    return Window(black=centre - 0.5 - half, white=centre - 0.5 + half)


def _is_tabular(dataset: Elements) -> bool:
    """Return whether a table or a sigmoid is part of the display."""
    sigmoid = _function(dataset) == "SIGMOID" and bool(number_of(dataset, "WindowWidth"))
    return sigmoid or bool(items_of(dataset, "ModalityLUTSequence") or _voi_luts(dataset))


def _palette(dataset: Any, packing: Packing | None) -> Lookup:
    """Return the luminance of each palette entry."""
    values = _every_value(packing)
    if not dataset.original_encoding[1] and _PALETTES[0] in dataset:
        dataset = _with_little_endian_palette(dataset)
    from pydicom.pixels.processing import apply_color_lut

    colours = apply_color_lut(values.astype(np.int64), dataset)[:, :3]
    luminance = colours @ np.array(_LUMINANCE) / np.iinfo(colours.dtype).max
    return Lookup(first=int(values[0]), intensity=luminance.astype(np.float32))


def _with_little_endian_palette(dataset: Dataset) -> Dataset:
    """Return the data set with its palettes' words turned, as `apply_color_lut` expects them."""
    from pydicom.dataelem import DataElement

    turned = _copied(dataset)
    for keyword in _PALETTES:
        if keyword in dataset:
            words = np.frombuffer(dataset[keyword].value, ">u2")
            turned[keyword] = DataElement(keyword, "OW", words.astype("<u2").tobytes())
    return turned


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
        data = np.frombuffer(data, "<u2" if item.original_encoding[1] else ">u2")
    table = np.asarray(data, dtype=np.float64)[: entries or 1 << 16]
    if first >= 1 << 15 and values[0] < 0:
        first -= 1 << 16
    return table[np.clip(values - first, 0, len(table) - 1).astype(np.int64)], depth


def _with_functional_groups(dataset: Any, frame: int) -> Any:
    """Return the data set with the frame's own rescale and window on top (PS3.3, C.7.6.16)."""
    groups = [items_of(dataset, keyword) for keyword in _FUNCTIONAL_GROUPS]
    shared, per_frame = groups[0][:1], groups[1][frame : frame + 1]
    macros = [
        item
        for group in (*shared, *per_frame)
        for keyword in _FRAME_MACROS
        for item in items_of(group, keyword)[:1]
    ]
    if not macros:
        return dataset
    merged = _copied(dataset)
    for macro in macros:
        merged.update(macro)
    return merged


def _copied(dataset: Dataset) -> Dataset:
    """Return a copy that can be changed: pydicom's own constructor shares the elements."""
    from pydicom.dataset import Dataset

    copied = Dataset()
    copied.update(dataset)
    return copied


def _inverted(display: Display) -> Display:
    match display:
        case Window(black=black, white=white):
            return Window(black=white, white=black)
        case Lookup(first=first, intensity=intensity):
            return Lookup(first=first, intensity=1 - intensity)
        case AutoWindow(inverted=inverted):
            return AutoWindow(inverted=not inverted)


def _voi_luts(dataset: Elements) -> list[Dataset]:
    return [item for item in items_of(dataset, "VOILUTSequence") if "LUTData" in item]


def _function(dataset: Elements) -> str:
    return text_of(dataset, "VOILUTFunction").upper() or "LINEAR"
