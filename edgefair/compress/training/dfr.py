"""The last layer trained anew on balanced data, the rest as it is: deep feature reweighting.

P. Kirichenko, P. Izmailov, A. G. Wilson, "Last layer re-training is sufficient for robustness to
spurious correlations", ICLR 2023: what a network learned about the findings is in its features
even where its last layer goes by something else. Here the balanced data are the training
split's, because the val split is small and its thresholds want answers that it did not teach;
val only says how strongly the weights are held back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # of scikit-learn
from torch import Tensor

from edgefair.bundle.manifest import Contract, Task
from edgefair.compress.students.network import Network
from edgefair.compress.training.answers import (
    Embedding,
    answers_of,
    mean_auroc,
    worst_group_auroc,
)
from edgefair.compress.training.machine import Machine
from edgefair.compress.training.material import LabelledPictures, Material

__all__ = ["retrain_last_layer"]

_DRAWS: Final = 10
_COSTS: Final = (1.0, 0.1, 0.01, 0.001)
_FEWEST: Final = 5
_LEAST: Final = 0.01


class _Layer(NamedTuple):
    """Weights (findings, d) and biases (findings,)."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]


def retrain_last_layer(
    network: Network, material: Material, *, contract: Contract, seed: int, machine: Machine
) -> None:
    """Replace a network's classifier by logistic regressions on balanced subsets.

    Each is the mean of ten, on as many pictures of every group with every label; the smallest
    such cell with five pictures says how many, smaller ones give what they have. For a finding
    of which no group has both classes only the labels are balanced; a finding without both
    classes keeps its classifier. How strongly the weights are held back (L2) is what does best
    on val, by the worst group's AUROC where there is one.

    Parameters
    ----------
    network : Network
        Its backbone stays as it is.
    material : Material
    contract : Contract
    seed : int
        Of the subsets.
    machine : Machine
    """
    features, val_features = (
        answers_of(Embedding(network), cases.pictures, contract, machine).astype(np.float64)
        for cases in (material.learn, material.val)
    )
    centre, spread = features.mean(axis=0), features.std(axis=0)
    # what hardly varies is no measure, and would get weights that round everything else away
    spread = np.maximum(spread, _LEAST * np.sqrt(np.square(spread).mean()) or 1.0)
    standard, val_standard = ((f - centre) / spread for f in (features, val_features))
    before = _layer_of(network)
    now = _Layer(before.weight * spread, before.bias + before.weight @ centre)
    # more threads would wait for each other: the subsets are small
    with threadpool_limits(1):
        layers = [
            _fitted(now, standard, material.learn, contract.task, (cost, seed)) for cost in _COSTS
        ]
    best = max(layers, key=lambda layer: _merit(layer, val_standard, material.val))
    weight = best.weight / spread
    _put(network, _Layer(weight, best.bias - weight @ centre))


def _layer_of(network: Network) -> _Layer:
    weight, bias = (p.detach().double().cpu().numpy() for p in _parameters(network))
    return _Layer(weight.reshape(len(bias), -1), bias)


def _put(network: Network, layer: _Layer) -> None:
    with torch.no_grad():
        for parameter, values in zip(_parameters(network), layer, strict=True):
            parameter.copy_(torch.from_numpy(values.reshape(parameter.shape)))


def _parameters(network: Network) -> tuple[Tensor, Tensor]:
    return network.classifier.get_parameter("weight"), network.classifier.get_parameter("bias")


def _fitted(
    now: _Layer,
    features: NDArray[np.float64],
    cases: LabelledPictures,
    task: Task,
    settings: tuple[float, int],
) -> _Layer:
    """Return the mean of regressions at one cost of errors, for all findings."""
    cost, seed = settings
    groups = cases.groups if cases.groups is not None else np.zeros(len(features), np.int64)
    weight, bias = now.weight.copy(), now.bias.copy()
    rng = np.random.default_rng(seed)
    if task is Task.MULTI_CLASS:
        is_known = ~np.isnan(cases.labels).any(axis=1)
        classes = np.where(is_known, np.nan_to_num(cases.labels).argmax(axis=1), -1)
        cells = _cells(classes, groups, range(cases.labels.shape[1]))
        if len(np.unique(classes[is_known])) == cases.labels.shape[1]:
            weight[:], bias[:] = _mean_fit(features, classes, cells, cost, rng)
        return _Layer(weight, bias)
    for finding, labels in enumerate(cases.labels.T):
        states = np.where(np.isnan(labels), -1, np.nan_to_num(labels)).astype(np.int64)
        if (states == 0).any() and (states == 1).any():
            cells = _two_class_cells(states, groups)
            rows, more = _mean_fit(features, states, cells, cost, rng)
            weight[finding], bias[finding] = rows[0], more[0]
    return _Layer(weight, bias)


def _cells(
    states: NDArray[np.int64], groups: NDArray[np.int64], wanted: Iterable[int]
) -> list[NDArray[np.intp]]:
    pairs = [(group, state) for group in np.unique(groups) for state in wanted]
    cells = [np.flatnonzero((groups == group) & (states == state)) for group, state in pairs]
    return [cell for cell in cells if len(cell)]


def _two_class_cells(
    states: NDArray[np.int64], groups: NDArray[np.int64]
) -> list[NDArray[np.intp]]:
    """Return the cells of the groups with both classes; of all as one group if none has."""
    # a group with one class only would tie the finding to what shows the group
    has_both = [
        group for group in np.unique(groups) if {0, 1} <= set(states[groups == group].tolist())
    ]
    if not has_both:
        return _cells(states, np.zeros_like(groups), (0, 1))
    return _cells(np.where(np.isin(groups, has_both), states, -1), groups, (0, 1))


def _mean_fit(
    features: NDArray[np.float64],
    states: NDArray[np.int64],
    cells: list[NDArray[np.intp]],
    cost: float,
    rng: np.random.Generator,
) -> _Layer:
    sizes = [len(cell) for cell in cells]
    size = min((size for size in sizes if size >= _FEWEST), default=min(sizes))
    weights, biases = [], []
    for _ in range(_DRAWS):
        drawn = [rng.choice(cell, min(size, len(cell)), replace=False) for cell in cells]
        rows = np.sort(np.concatenate(drawn))
        model = LogisticRegression(C=cost, max_iter=5000).fit(features[rows], states[rows])
        weights.append(model.coef_)
        biases.append(model.intercept_)
    return _Layer(np.mean(weights, axis=0), np.mean(biases, axis=0))


def _merit(layer: _Layer, features: NDArray[np.float64], val: LabelledPictures) -> float:
    scores = (features @ layer.weight.T + layer.bias).astype(np.float32)
    worst = None if val.groups is None else worst_group_auroc(scores, val.labels, val.groups)
    return mean_auroc(scores, val.labels) if worst is None else worst
