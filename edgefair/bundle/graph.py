"""What is inside an ONNX file, read from its bytes without the `onnx` package.

A clinic's PC has no `onnx` (25 MB). Deciding whether a graph may run needs its opsets, operators,
data locations, inputs, outputs and metadata, all of which lie in a few protobuf fields. Field
numbers are those of ``onnx.proto`` (ONNX IR version 3 and later).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from edgefair.errors import UnsafeModel
from edgefair.records.record import record

__all__ = ["GraphSummary", "TensorShape", "inspect_graph"]

OPSETS: Final = range(13, 24)
"""Versions of the standard operator set that the pinned onnxruntime runs and tests cover."""

# fmt: off
OPERATORS: Final = frozenset(
    {
        "Add", "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat", "Constant",
        "ConstantOfShape", "Conv", "DequantizeLinear", "Div", "Dropout", "Equal", "Erf", "Exp",
        "Expand", "Flatten", "Gather", "Gelu", "Gemm", "GlobalAveragePool", "GlobalMaxPool",
        "HardSigmoid", "HardSwish", "Identity", "LayerNormalization", "LeakyRelu", "MatMul",
        "Max", "MaxPool", "Min", "Mul", "Neg", "Pad", "Pow", "PRelu", "QuantizeLinear",
        "ReduceMax", "ReduceMean", "ReduceSum", "Relu", "Reshape", "Resize", "Shape",
        "Sigmoid", "Slice", "Softmax", "Softplus", "Split", "Sqrt", "Squeeze", "Sub",
        "Tanh", "Transpose", "Unsqueeze", "Where",
    }
)
# fmt: on
"""Operators that a bundle may use: feed-forward networks, nothing that loops or branches."""

_FIELD_NUMBERS: Final = 2**29
_FIELDS: Final = 50_000
_TENSOR_FIELDS: Final = 100
_BYTES_LOOKED_THROUGH: Final = 4_000_000
"""Files may be made of millions of fields of two bytes: of one message's fields, of a tensor's,
and of what is not weights, so much is looked at and no more."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_INSIDE: Final = 0
"""The data location of a tensor in the file itself; cut to 32 bits, any other number may be 1."""

Message: TypeAlias = memoryview


@record(frozen=True, slots=True, kw_only=True)
class TensorShape:
    """A graph's input or output: name and sizes, None where a size is free."""

    name: str
    sizes: tuple[int | None, ...]


@record(frozen=True, slots=True, kw_only=True)
class GraphSummary:
    """What a runtime must know of a graph before it loads it."""

    opset: int
    operators: frozenset[str]
    inputs: tuple[TensorShape, ...]
    outputs: tuple[TensorShape, ...]
    metadata: tuple[tuple[str, str], ...]

    def metadata_value(self, key: str) -> str | None:
        """Return the metadata value of that key, or None."""
        return dict(self.metadata).get(key)


def inspect_graph(model: bytes) -> GraphSummary:
    """Return the summary of an ONNX model that is safe to load.

    Parameters
    ----------
    model : bytes
        A serialised ``ModelProto``.

    Raises
    ------
    UnsafeModel
        If it is no ONNX file, keeps data outside itself, defines functions, uses an operator or
        an operator set that is not on the list, or holds a subgraph.
    """
    try:
        return _summary(memoryview(model))
    except (IndexError, UnicodeDecodeError, ValueError) as error:
        raise UnsafeModel(
            "The model inside the bundle is no ONNX file.", hint="Get the bundle again."
        ) from error


def _summary(model: Message) -> GraphSummary:
    fields = list(_fields(model))
    graphs = [value for number, value in fields if number == 7]
    if len(graphs) != 1 or not isinstance(graphs[0], memoryview):
        raise ValueError("a model has one graph")
    if any(number in (20, 25) for number, _ in fields):
        raise _refusal("defines functions or training steps")
    graph = list(_fields(graphs[0]))
    _refuse_external_data([value for number, value in graph if number in (5, 15)])
    return GraphSummary(
        opset=_standard_opset(_messages(fields, 8)),
        operators=frozenset(_operator(node) for node in _messages(graph, 1)),
        inputs=tuple(_tensor_shape(value) for value in _messages(graph, 11)),
        outputs=tuple(_tensor_shape(value) for value in _messages(graph, 12)),
        metadata=tuple((_text(entry, 1), _text(entry, 2)) for entry in _messages(fields, 14)),
    )


def _refusal(what: str) -> UnsafeModel:
    return UnsafeModel(
        f"The model inside the bundle {what}; edgefair does not run that.",
        hint="Ask the bundle's builder for one made by `edgefair compress`.",
    )


def _standard_opset(imports: list[Message]) -> int:
    versions = {_text(item, 1): _number(item, 2) for item in imports}
    for domain in versions:
        if domain not in ("", "ai.onnx"):
            raise _refusal(f"imports the custom operator set {domain!r}")
    opset = versions.get("", versions.get("ai.onnx", 0))
    if opset not in OPSETS:
        raise _refusal(f"uses operator set {opset}, not {OPSETS.start} to {OPSETS.stop - 1}")
    return opset


def _operator(node: Message) -> str:
    fields = list(_fields(node))
    name, domain = _text_among(fields, 4), _text_among(fields, 7)
    if domain not in ("", "ai.onnx") or name not in OPERATORS:
        raise _refusal(f"uses the operator {'.'.join(filter(None, (domain, name)))!r}")
    for attribute in _messages(fields, 5):
        inner = list(_fields(attribute))
        if any(number in (6, 11) for number, _ in inner):
            raise _refusal(f"holds a subgraph in {name!r}")
        _refuse_external_data([value for number, value in inner if number in (5, 10, 22, 23)])
    return name


def _refuse_external_data(tensors: list[int | Message]) -> None:
    for tensor in tensors:
        if not isinstance(tensor, memoryview):
            raise ValueError("a tensor is a message")
        for number, value in _fields(tensor, _TENSOR_FIELDS):
            if number == 13 or (number == 14 and value != _INSIDE):
                raise _refusal("keeps data outside its own file")
            # sparse tensors hold their values and indices as tensors, fields 1 and 2
            if number in (1, 2) and isinstance(value, memoryview) and _is_external(value):
                raise _refusal("keeps data outside its own file")


def _is_external(message: Message) -> bool:
    try:
        return any(
            number == 13 or (number == 14 and value != _INSIDE)
            for number, value in _fields(message)
        )
    except (IndexError, ValueError):
        return False  # packed dimensions of a dense tensor, which are no message


def _tensor_shape(value_info: Message) -> TensorShape:
    sizes: list[int | None] = []
    for kind in _messages(list(_fields(value_info)), 2):
        for tensor in _messages(list(_fields(kind)), 1):
            for shape in _messages(list(_fields(tensor)), 2):
                sizes += [_number(d, 1) or None for d in _messages(list(_fields(shape)), 1)]
    return TensorShape(name=_text(value_info, 1), sizes=tuple(sizes))


def _messages(fields: list[tuple[int, int | Message]], wanted: int) -> list[Message]:
    found = [
        value for number, value in fields if number == wanted and isinstance(value, memoryview)
    ]
    if sum(len(message) for message in found) > _BYTES_LOOKED_THROUGH:
        raise _refusal(f"holds more than {_BYTES_LOOKED_THROUGH // 10**6} MB beside its weights")
    return found


def _text(message: Message, wanted: int) -> str:
    return _text_among(_fields(message), wanted)


def _text_among(fields: Iterable[tuple[int, int | Message]], wanted: int) -> str:
    value = _only(fields, wanted)
    return bytes(value).decode() if isinstance(value, memoryview) else ""


def _number(message: Message, wanted: int) -> int:
    value = _only(_fields(message), wanted)
    return value if isinstance(value, int) else 0


def _only(fields: Iterable[tuple[int, int | Message]], wanted: int) -> int | Message | None:
    """Return the one field of that number; of two, another reader may take the other one."""
    values = [value for number, value in fields if number == wanted]
    if len(values) > 1:
        raise ValueError("a field that stands once stands twice")
    return values[0] if values else None


def _fields(message: Message, limit: int = _FIELDS) -> Iterator[tuple[int, int | Message]]:
    """Yield (field number, value) of one protobuf message: a number, or a view of bytes."""
    position, end, count = 0, len(message), 0
    while position < end:
        count += 1
        if count > limit:
            raise ValueError("more fields than any message has")
        key, position = _varint(message, position)
        number, wire = key >> 3, key & 7
        if not 0 < number < _FIELD_NUMBERS:
            raise ValueError(f"field {number}")  # another reader may cut it to a known one
        if wire == _BYTES:
            size, position = _varint(message, position)
        elif wire == _VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if size > end - position:
            raise ValueError("a field reaches beyond its message")
        yield number, message[position : position + size]
        position += size


def _varint(message: Message, position: int) -> tuple[int, int]:
    byte = message[position]
    if byte < 0x80:  # nearly all are this short, and there are tens of thousands
        return byte, position + 1
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
