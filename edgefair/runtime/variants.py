"""Which of a bundle's variants a processor runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from edgefair.bundle.graph import GraphSummary
from edgefair.bundle.manifest import Manifest, Variant

__all__ = ["choose_variant"]

_INTEGER_OPERATORS: Final = frozenset({"DequantizeLinear", "QuantizeLinear"})


def choose_variant(
    manifest: Manifest, graph: GraphSummary, *, saturates: Callable[[], bool]
) -> Variant:
    """Return what to run here.

    A bundle that names no variants is run as it is on exact processors, and with exact sums on
    those that would saturate.

    Parameters
    ----------
    manifest : Manifest
    graph : GraphSummary
        Of the part with the role ``model``.
    saturates : callable
        Asked only where the answer matters, since asking takes a moment.

    Examples
    --------
    >>> from edgefair.bundle.archive import read_bundle
    >>> from edgefair.bundle.graph import inspect_graph
    >>> from edgefair.bundle.shelf import find_bundle
    >>> bundle = read_bundle(find_bundle("phantom"))
    >>> graph = inspect_graph(bundle.content("model"))
    >>> choose_variant(bundle.manifest, graph, saturates=lambda: True).x64_quant_precision
    True
    """
    variants = manifest.variants or _unnamed(manifest, graph)
    same = {(variant.part, variant.x64_quant_precision) for variant in variants}
    if len(same) == 1:
        return variants[0]
    cpu = "saturating" if saturates() else "exact"
    return next(variant for variant in variants if variant.cpu == cpu)


def _unnamed(manifest: Manifest, graph: GraphSummary) -> tuple[Variant, ...]:
    # a manifest that is still being made has no parts yet
    part = next((part.path for part in manifest.parts if part.role == "model"), "")
    is_integer = not graph.operators.isdisjoint(_INTEGER_OPERATORS)
    measured = "not measured"
    return (
        Variant(cpu="exact", part=part, x64_quant_precision=False, measured=measured),
        Variant(cpu="saturating", part=part, x64_quant_precision=is_integer, measured=measured),
    )
