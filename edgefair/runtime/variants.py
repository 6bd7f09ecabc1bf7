"""Which of a bundle's variants a processor runs, by which arithmetic, and what if it cannot."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from edgefair.bundle.archive import Bundle
from edgefair.bundle.graph import GraphSummary, inspect_graph
from edgefair.bundle.manifest import Manifest, Variant
from edgefair.records.record import record

__all__ = ["Sums", "Way", "choose_variant", "every_way", "main_part", "ways_of"]

_INTEGER_OPERATORS: Final = frozenset({"DequantizeLinear", "QuantizeLinear"})


class Sums(StrEnum):
    """How a model's products are added up.

    ``plain`` as onnxruntime does by itself; ``x64quantprecision``, slower and exact on
    processors that would saturate; ``float``, slower still, where it cannot have either.
    """

    PLAIN = "plain"
    EXACT = "x64quantprecision"
    FLOAT = "float"


@record(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to run a bundle.

    Attributes
    ----------
    part : str
        Path of the part to load; empty in a manifest that is still being made.
    sums : Sums
    engine : str
        What is recorded with every prediction, e.g. ``int8 x64quantprecision``.
    """

    part: str
    sums: Sums
    engine: str


def every_way(bundle: Bundle) -> tuple[Way, ...]:
    """Return all ways that a bundle may be run on any processor, the builder's usual one first.

    Examples
    --------
    >>> from edgefair.bundle.archive import read_bundle
    >>> from edgefair.bundle.shelf import find_bundle
    >>> [way.engine for way in every_way(read_bundle(find_bundle("chest-xray")))]
    ['int8', 'int8 x64quantprecision', 'int8 in float']
    """
    graph, main = inspect_graph(bundle.content("model")), main_part(bundle)
    found: list[Way] = []
    for saturates in (lambda: False), (lambda: True):
        variant = choose_variant(bundle.manifest, graph, saturates=saturates)
        own = graph if variant.part in ("", main) else inspect_graph(bundle.at(variant.part))
        found += ways_of(variant, own, main=main)
    # each once, and what is only fallen back to comes last
    return tuple(sorted(dict.fromkeys(found), key=lambda way: way.sums is Sums.FLOAT))


def main_part(bundle: Bundle) -> str:
    """Return the path of the model that the bundle was checked with."""
    return next(part.path for part in bundle.parts if part.role == "model")


def ways_of(variant: Variant, graph: GraphSummary, *, main: str) -> tuple[Way, ...]:
    """Return how to run a variant: as it is meant to, then what to fall back to.

    Parameters
    ----------
    variant : Variant
    graph : GraphSummary
        Of the variant's part.
    main : str
        Path of the part with the role ``model``.
    """
    part = variant.part or main
    kind = "int8" if _is_integer(graph) else "fp32"
    name = kind if part == main else f"{kind} {part}"
    if kind == "fp32":
        return (Way(part=part, sums=Sums.PLAIN, engine=name),)
    exact = Way(part=part, sums=Sums.EXACT, engine=f"{name} {Sums.EXACT}")
    plain = Way(part=part, sums=Sums.PLAIN, engine=name)
    fallback = Way(part=part, sums=Sums.FLOAT, engine=f"{name} in {Sums.FLOAT}")
    return (exact if variant.x64_quant_precision else plain, fallback)


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
    >>> bundle = read_bundle(find_bundle("chest-xray"))
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
    is_integer = _is_integer(graph)
    measured = "not measured"
    return (
        Variant(cpu="exact", part=part, x64_quant_precision=False, measured=measured),
        Variant(cpu="saturating", part=part, x64_quant_precision=is_integer, measured=measured),
    )


def _is_integer(graph: GraphSummary) -> bool:
    return not graph.operators.isdisjoint(_INTEGER_OPERATORS)
