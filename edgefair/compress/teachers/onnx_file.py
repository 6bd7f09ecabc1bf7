"""Any ONNX file as a teacher, if it keeps to itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import edgefair.runtime.session  # noqa: F401 - turns onnxruntime's telemetry off first

# isort: split
import numpy as np
import onnx
import onnxruntime as ort
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from edgefair.compress.recipe import TeacherChoice
from edgefair.compress.teachers.checkpoints import read_bytes
from edgefair.compress.teachers.inputs import stretched
from edgefair.compress.teachers.teacher import TeacherFacts, embed_each, facts_of, refusal
from edgefair.compress.training.loop import THREADS
from edgefair.compress.weights import obtain_weights
from edgefair.errors import UnsafeModel

__all__ = ["OnnxTeacher", "load_onnx"]

# onnxruntime's own operator sets, which run no code from elsewhere
_DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})

_ENDLESS: Final = frozenset({"Loop", "Scan"})

_ORT_ERRORS: Final = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
)


def load_onnx(choice: TeacherChoice, *, beside: Path, weights: Path) -> OnnxTeacher:
    """Return the teacher in an ONNX file.

    Raises
    ------
    InputError
        If the file is not there.
    UnsafeModel
        If it is no whole ONNX file, keeps data outside itself, holds a loop or an operator set
        of its own.
    ModelError
        If onnxruntime cannot load it, or its input or output is not as the recipe says.
    """
    if choice.weights is not None:
        content, name = obtain_weights(choice.weights, weights), Path(choice.weights.file).name
    else:
        content, name = read_bytes(beside / choice.path), Path(choice.path).name
    _check_contained(content, name)
    facts = facts_of(choice, name, [hashlib.sha256(content).hexdigest()])
    return OnnxTeacher(content, facts, choice)


class OnnxTeacher:
    """An ONNX graph with one image input and an output that becomes a vector.

    Parameters
    ----------
    content : bytes
        The file, found to keep to itself.
    facts : TeacherFacts
    choice : TeacherChoice

    Raises
    ------
    ModelError
        If onnxruntime cannot load it, or its input or output is not as the recipe says.
    """

    def __init__(self, content: bytes, facts: TeacherFacts, choice: TeacherChoice) -> None:
        self.name, self.digest = facts.name, facts.digest
        self.side_px = facts.given.side_px
        self._given, self._pooling = facts.given, choice.pooling
        try:
            self._session = ort.InferenceSession(
                content, _options(), providers=["CPUExecutionProvider"]
            )
        except _ORT_ERRORS as error:
            raise refusal(
                f"onnxruntime {ort.__version__} cannot load the teacher {self.name}: "
                f"{_first_line(error)}",
                "Export it again, for an operator set that this onnxruntime knows.",
            ) from error
        self._input = self._only_input()
        self._output = self._chosen_output(choice.output)
        self.embedding_size = self._size_on_trial()

    def embed(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the embeddings of images, as `Teacher.embed`.

        Raises
        ------
        ModelError
            If an embedding is not finite.
        """
        return embed_each(images, self._embedding, name=self.name)

    def _embedding(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        prepared = stretched(pixels, self._given)[np.newaxis]
        (answer,) = self._session.run([self._output], {self._input: prepared})
        return self._pooled(np.asarray(answer, dtype=np.float32)[0])

    def _pooled(self, answer: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return one vector of a vector (d,), of tokens (t, d) or of a map (d, h, w)."""
        if answer.ndim == 1:
            return answer
        if answer.ndim == 2:
            first: NDArray[np.float32] = answer[0]
            return first if self._pooling == "cls" else _mean(answer, 0)
        return _mean(answer, (1, 2))

    def _only_input(self) -> str:
        inputs, given = self._session.get_inputs(), self._given
        wanted = (1, len(given.mean), given.side_px, given.side_px)
        fits = (
            len(inputs) == 1
            and inputs[0].type == "tensor(float)"
            and len(inputs[0].shape) == len(wanted)
            and all(
                not isinstance(found, int) or found == size
                for found, size in zip(inputs[0].shape, wanted, strict=True)
            )
        )
        if not fits:
            found = ", ".join(f"{i.name} {i.type} {i.shape}" for i in inputs) or "none"
            raise refusal(
                f"The teacher {self.name} does not take one float image of the shape {wanted}; "
                f"its inputs: {found}.",
                "Correct teacher.input in the recipe, or export the image side alone.",
            )
        return str(inputs[0].name)

    def _chosen_output(self, wanted: str) -> str:
        outputs = self._session.get_outputs()
        names = [output.name for output in outputs]
        if wanted and wanted not in names:
            raise refusal(
                f"The teacher {self.name} has no output {wanted!r}, only {', '.join(names)}.",
                "Correct teacher.output in the recipe.",
            )
        output = outputs[names.index(wanted)] if wanted else outputs[0]
        ranks = (2, 3, 4)
        if "float" not in output.type or len(output.shape) not in ranks:
            raise refusal(
                f"The output {output.name} of the teacher {self.name} is {output.type} of shape "
                f"{output.shape}, neither a vector, tokens nor a map.",
                "Name another one as teacher.output in the recipe.",
            )
        return str(output.name)

    def _size_on_trial(self) -> int:
        side = self.side_px
        ramp = np.linspace(0, 1, side * side, dtype=np.float32).reshape(side, side)
        try:
            size: int = self.embed(ramp[np.newaxis]).shape[1]
        except _ORT_ERRORS as error:
            raise refusal(
                f"The teacher {self.name} cannot read images of {side} x {side} pixels: "
                f"{_first_line(error)}",
                "Correct teacher.input in the recipe.",
            ) from error
        return size


def _mean(answer: NDArray[np.float32], axes: int | tuple[int, int]) -> NDArray[np.float32]:
    mean: NDArray[np.float32] = answer.mean(axis=axes)
    return mean


def _options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # another level gives other numbers
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    return options


def _check_contained(content: bytes, name: str) -> None:
    """Refuse what reaches beyond the file or may never end.

    A teacher is larger than a bundle's model and made of more operators, so the list of those
    that a bundle may use does not hold here.
    """
    try:
        model = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise _damaged(name) from error
    if not model.graph.node:
        raise _damaged(name)
    domains = _DOMAINS | {function.domain for function in model.functions}
    for part in _parts(model):
        match part:
            case onnx.OperatorSetIdProto(domain=domain) if domain not in domains:
                raise _unsafe(name, f"imports the custom operator set {domain!r}")
            case onnx.NodeProto(op_type=operator) if operator in _ENDLESS:
                raise _unsafe(name, f"holds the operator {operator}, which may never end")
            case onnx.TensorProto() if _is_external(part):
                raise _unsafe(name, "keeps data outside its own file")


def _parts(message: Message) -> Iterator[Message]:
    """Yield a message and all in it, wherever they are: subgraphs, functions, sparse tensors."""
    yield message
    if isinstance(message, onnx.TensorProto):
        return  # nothing below it but numbers, which would be copied
    for descriptor, value in message.ListFields():
        if descriptor.message_type is not None:
            for part in [value] if isinstance(value, Message) else value:
                yield from _parts(part)


def _is_external(tensor: onnx.TensorProto) -> bool:
    return tensor.data_location == onnx.TensorProto.EXTERNAL or bool(tensor.external_data)


def _damaged(name: str) -> UnsafeModel:
    return UnsafeModel(
        f"The teacher's file {name} is cut short, damaged, or no ONNX file.",
        hint="Get it again, and compare its SHA-256 with its publisher's.",
    )


def _unsafe(name: str, what: str) -> UnsafeModel:
    return UnsafeModel(
        f"The teacher's file {name} {what}; edgefair does not run that.",
        hint="Export it as one ONNX file of standard operators, its weights inside.",
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
