"""The search for the fastest INT8 form that holds for every group; killed, it goes on."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgefair.bundle.manifest import Contract
from edgefair.compress.quantization.forms import Form, float_multiplications
from edgefair.compress.quantization.loss import GroupLoss
from edgefair.compress.quantization.quantize import quantize_onnx
from edgefair.runtime.engine import VERSION, open_engine

__all__ = ["SearchResult", "Sought", "Trial", "search"]

_WARM_UP, _TIMED = 3, 15
_FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What a search is for.

    Attributes
    ----------
    model : bytes
        Float32, from `export_onnx`.
    contract : Contract
    calibration : callable
        Returns the calibration set in batches (n, channels, height_px, width_px).
    loss : callable
        From an INT8 model to what it costs the worst group; the same for the same model.
    judged_by : str
        Names what `loss` depends on besides the model, e.g. a digest of cases and margin: trials
        on disk that were judged by something else are not taken.
    """

    model: bytes = field(repr=False)
    contract: Contract
    calibration: Callable[[], Iterable[NDArray[np.float32]]]
    loss: Callable[[bytes], GroupLoss]
    judged_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One form, tried.

    Attributes
    ----------
    form : Form
    judged : GroupLoss
    float_multiplications : int
        Multiplications of one image left in float: the measure of speed that a search goes by.
    latency_ms : float
        Median time of one image on one thread of this machine; reported, and of no influence.
    size_bytes : int
    sha256 : str
        Of the INT8 model, hexadecimal.
    """

    form: Form
    judged: GroupLoss
    float_multiplications: int
    latency_ms: float
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What a search found.

    Attributes
    ----------
    chosen : Trial
        If its `judged` does not pass, none did, and it is the one that loses least.
    model : bytes
        The chosen INT8 model.
    trials : tuple of Trial
        In the order tried.
    """

    chosen: Trial
    model: bytes = field(repr=False)
    trials: tuple[Trial, ...]


def search(
    sought: Sought,
    forms: Sequence[Form],
    folder: Path,
    *,
    candidates: int,
    on_trial: Callable[[Trial], None] = lambda trial: None,
) -> SearchResult:
    """Return the fastest form that passes; of equally fast ones that which loses least.

    Forms are tried in their order, those of one count of float multiplications together. The
    search ends behind the first count at which one passes, or when the budget is spent. Each
    trial is kept on disk, whole or not at all, under a digest of all it depends on: a search
    that was killed finds its trials again and ends the same.

    Parameters
    ----------
    sought : Sought
    forms : sequence of Form
        From `candidate_forms`, at least one.
    folder : Path
        For the trials; made if it is not there.
    candidates : int
        Forms to try at most, at least 1.
    on_trial : callable, optional
        Called with each trial, also one found on disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    batches = [np.ascontiguousarray(batch) for batch in sought.calibration()]
    made_from = _digest(sought, batches)
    trials: list[Trial] = []
    for form in forms[:candidates]:
        cost = float_multiplications(sought.model, sought.contract, form.float_nodes)
        if any(t.judged.passes and t.float_multiplications < cost for t in trials):
            break
        key = hashlib.sha256(f"{made_from} {json.dumps(asdict(form))}".encode()).hexdigest()[:32]
        trial = _found(folder, key, form) or _try(sought, batches, form, folder / key)
        trials.append(trial)
        on_trial(trial)
    chosen = min(trials, key=_rank)
    place = folder / _file_of(chosen)
    return SearchResult(chosen=chosen, model=place.read_bytes(), trials=tuple(trials))


def _rank(trial: Trial) -> tuple[bool, int, float]:
    """Return a key: what passes first, then what is fast, then what loses least."""
    passes = trial.judged.passes
    return not passes, trial.float_multiplications if passes else 0, trial.judged.loss


def _try(sought: Sought, batches: list[NDArray[np.float32]], form: Form, place: Path) -> Trial:
    model = quantize_onnx(sought.model, sought.contract, batches, form)
    trial = Trial(
        form=form,
        judged=sought.loss(model),
        float_multiplications=float_multiplications(
            sought.model, sought.contract, form.float_nodes
        ),
        latency_ms=_latency_ms(model, sought.contract, batches[0][:1]),
        size_bytes=len(model),
        sha256=hashlib.sha256(model).hexdigest(),
    )
    # the model first: a trial is there when its record is
    _write(place.parent / _file_of(trial), model)
    record = json.dumps(asdict(trial), sort_keys=True, indent=1)
    _write(place.with_suffix(".json"), record.encode())
    return trial


def _found(folder: Path, key: str, form: Form) -> Trial | None:
    """Return the trial on disk; None if it is not there, or its model is not what it was."""
    try:
        tree = json.loads((folder / f"{key}.json").read_bytes())
        trial = Trial(**{**tree, "form": form, "judged": GroupLoss(**tree["judged"])})
        model = (folder / _file_of(trial)).read_bytes()
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return trial if hashlib.sha256(model).hexdigest() == trial.sha256 else None


def _file_of(trial: Trial) -> str:
    return f"{trial.sha256[:32]}.onnx"


def _digest(sought: Sought, batches: list[NDArray[np.float32]]) -> str:
    """Return the digest of all that a trial depends on besides its form."""
    digest = hashlib.sha256(f"{_FORMAT} {VERSION} {sought.judged_by}\n".encode())
    digest.update(hashlib.sha256(sought.model).digest())
    for batch in batches:
        digest.update(f"{batch.shape} {batch.dtype}\n".encode())
        digest.update(batch.tobytes())
    return digest.hexdigest()


def _latency_ms(model: bytes, contract: Contract, image: NDArray[np.float32]) -> float:
    engine = open_engine(model, threads=1)
    times_s = []
    for _ in range(_WARM_UP + _TIMED):
        began = time.perf_counter()
        engine.run(None, {contract.input.name: image})
        times_s.append(time.perf_counter() - began)
    return 1000 * median(times_s[_WARM_UP:])


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
