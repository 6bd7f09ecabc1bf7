"""The INT8 forms that a search may try, in the order of what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import onnx

from edgefair.bundle.manifest import Contract
from edgefair.compress.quantization.bias_correction import correctable_layers
from edgefair.compress.quantization.equalization import equalizable_pairs
from edgefair.compress.quantization.wiring import Wiring

__all__ = ["PLAIN", "Form", "candidate_forms", "classifier_of", "float_multiplications"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a float32 model becomes INT8.

    Attributes
    ----------
    calibration : str
        What sets the range of an activation: the smallest and largest value seen (``minmax``),
        the smallest divergence of the rounded from the unrounded distribution (``entropy``), or
        all but the outermost 0.01 % of the values (``percentile``).
    per_channel : bool
        One scale for each output channel of a layer's weights, or one for the layer.
    reduced_range : bool
        Weights in 7 bits: no sum of two products then leaves 16 bits, so that processors
        without VNNI compute the same, at full speed.
    equalised : bool
        Whether `equalize` comes first.
    bias_corrected : bool
        Whether `correct_biases` comes last.
    float_nodes : tuple of str
        Names of the layers that stay float, besides the classifier, which always does.
    """

    calibration: Literal["minmax", "entropy", "percentile"] = "minmax"
    per_channel: bool = True
    reduced_range: bool = False
    equalised: bool = False
    bias_corrected: bool = False
    float_nodes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the form in a few words.

        Examples
        --------
        >>> str(Form(equalised=True, float_nodes=("stem",)))
        'minmax, per channel, equalised, 1 layer float'
        """
        count = len(self.float_nodes)
        words = [
            self.calibration,
            "per channel" if self.per_channel else "per tensor",
            "7-bit weights" if self.reduced_range else "",
            "equalised" if self.equalised else "",
            "biases corrected" if self.bias_corrected else "",
            f"{count} layer{'s' * (count > 1)} float" if count else "",
        ]
        return ", ".join(word for word in words if word)


PLAIN: Final = Form()
"""The form that is fast and faithful as a rule."""

_WAYS: Final = (
    PLAIN,
    Form(bias_corrected=True),
    Form(equalised=True, bias_corrected=True),
    Form(calibration="percentile", bias_corrected=True),
    Form(reduced_range=True, bias_corrected=True),
    Form(equalised=True, reduced_range=True, bias_corrected=True),
    Form(calibration="entropy", bias_corrected=True),
    Form(equalised=True, per_channel=False, bias_corrected=True),
)


def candidate_forms(
    model: bytes, contract: Contract, *, sensitive: Sequence[str] = ()
) -> tuple[Form, ...]:
    """Return the forms to try, those with the fewest multiplications left in float first.

    Which form is fast is told by this count and not by a clock, so that the same search ends
    the same on a busy machine. Forms of equal count keep this order: plain, then, all with their
    biases corrected, minmax, equalised, percentile, 7-bit weights, equalised with these, entropy,
    equalised per tensor. Forms that come to the same on this model, or cannot be had, are left
    out.

    Parameters
    ----------
    model : bytes
        From `export_onnx`.
    contract : Contract
    sensitive : sequence of str
        Layers by how much their rounding moves the logits, most first, as from
        `rank_by_sensitivity`; the first 1, 2, 4 and 8 are tried in float.
    """
    graph = onnx.load_from_string(model)
    layers = [
        node.name
        for node in Wiring.of(graph.graph).layers()
        if node.name not in classifier_of(graph, contract)
    ]
    kept: list[tuple[str, ...]] = [(), tuple(layers[:1]), tuple(layers[-1:]), tuple(layers[-3:])]
    kept += [tuple(sensitive[:count]) for count in (1, 2, 4, 8)]
    in_order = [tuple(name for name in layers if name in names) for names in kept]
    can_equalise = equalizable_pairs(graph) > 0
    can_correct = bool(correctable_layers(graph))
    ways = [
        replace(way, bias_corrected=way.bias_corrected and can_correct)
        for way in _WAYS
        if can_equalise or not way.equalised
    ]
    forms = [
        replace(way, float_nodes=names)
        for names in dict.fromkeys(in_order)
        for way in dict.fromkeys(ways)
    ]
    cost = {names: float_multiplications(model, contract, names) for names in in_order}
    return tuple(sorted(forms, key=lambda form: cost[form.float_nodes]))


def float_multiplications(model: bytes, contract: Contract, float_nodes: Sequence[str]) -> int:
    """Return how many multiplications of one image stay float, the classifier's included."""
    graph = onnx.load_from_string(model)
    counts = Wiring.of(graph.graph).multiply_accumulates()
    kept = {*float_nodes, *classifier_of(graph, contract)}
    return sum(count for name, count in counts.items() if name in kept)


def classifier_of(graph: onnx.ModelProto, contract: Contract) -> list[str]:
    """Return the name of the node that makes the heat map, which is never rounded."""
    return [node.name for node in graph.graph.node if contract.outputs.heat_map in node.output]
