"""Images that look other than before: false alarms by group and in a whole look, and power."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from edgefair.audit.image_shift import Against, ImageReference, MappedCloud
from edgefair.audit.mean_maps import frequencies_for, mean_map_of, mean_map_shift
from edgefair.audit.shift import look_for_shift
from edgefair.audit.shift_reference import ShiftReference, Stream
from edgefair.records import Attribute, Group
from tests.benchmarks.simulations.figure import Figure, share_of

K, WAVES, FIRST = 16, 64, 200

_Floats = NDArray[np.float64]
_Draw = Callable[[int], _Floats]

AGES = tuple(
    Group(attributes=(Attribute(name="age", value=value),))
    for value in ("0-17", "18-39", "40-59", "60-79")
)


def figures(*, seed: int, repetitions: int) -> Iterator[Figure]:
    """Yield how often images are said to have shifted, without a shift and with one."""
    rng = np.random.default_rng(seed)

    def normal(n: int) -> _Floats:
        return rng.normal(size=(n, K))

    def of_two_devices(n: int) -> _Floats:
        return rng.normal(size=(n, K)) + 4 * np.outer(rng.random(n) < 0.4, np.arange(K) < 3)

    def heavy(n: int) -> _Floats:
        return rng.standard_t(3, size=(n, K))

    for name, draw in (("normal", normal), ("two devices", of_two_devices), ("heavy", heavy)):
        yield from _alone(name, draw, repetitions)
    yield from _whole_look(normal, max(50, repetitions // 10), seed)
    yield from _power(normal, max(50, repetitions // 10))


def _alone(name: str, draw: _Draw, repetitions: int) -> Iterator[Figure]:
    frequencies = frequencies_for(draw(500), waves=WAVES, seed=0)
    for before, now in ((60, 20), (60, 50), (300, 50), (300, 500)):
        found = np.array(
            [
                mean_map_shift(mean_map_of(draw(before), frequencies), draw(now), frequencies)
                for _ in range(repetitions)
            ],
            object,
        )
        p_values = np.array([one.p_value for one in found])
        for alpha in (0.05, 0.005):
            yield share_of(
                f"{name} embeddings, no shift, {before} before and {now} now: p at most {alpha:g}",
                int((p_values <= alpha).sum()),
                repetitions,
                expected=alpha,
            )


def _mapped(cloud: _Floats, frequencies: _Floats) -> MappedCloud:
    return MappedCloud(
        mean=cloud.mean(axis=0),
        spread=float(cloud.var(axis=0, ddof=1).sum()),
        mapped=mean_map_of(cloud, frequencies),
        frequencies=frequencies,
    )


def _whole_look(draw: _Draw, repetitions: int, seed: int) -> Iterator[Figure]:
    """Yield how often anything is shown of a site of 500 without a shift, in ten tests."""
    frequencies = frequencies_for(draw(500), waves=WAVES, seed=0)
    hits = 0
    for _ in range(repetitions):
        before, now = draw(600), draw(500)
        parts = [(Group(), slice(None)), *((g, slice(i, None, 4)) for i, g in enumerate(AGES))]
        references = [
            ImageReference(
                group=group, against=Against.RELEASE, before=_mapped(before[of], frequencies)
            )
            for group, of in parts
        ]
        references += [
            ImageReference(group=group, against=Against.FIRST_HERE, before=now[:FIRST][of])
            for group, of in parts
        ]
        stream = Stream(
            images=(*(now[of] for _, of in parts), *(now[FIRST:][of] for _, of in parts))
        )
        found = look_for_shift(ShiftReference(images=tuple(references)), stream, seed=seed)
        hits += any(one.is_shown for one in found)
    yield share_of(
        "500 images without a shift, ten tests against release and the first 200: any shown",
        hits,
        repetitions,
        bar="at most .05",
    )


def _moved(points: _Floats) -> _Floats:
    return points + np.where(np.arange(K) < 2, 0.5, 0.0)


def _wider(points: _Floats) -> _Floats:
    return 1.2 * points


_CHANGES: tuple[tuple[str, Callable[[_Floats], _Floats]], ...] = (
    ("moved by half a deviation in two numbers of 16", _moved),
    ("a fifth wider", _wider),
)


def _power(draw: _Draw, repetitions: int) -> Iterator[Figure]:
    frequencies = frequencies_for(draw(500), waves=WAVES, seed=0)
    for now in (50, 100, 500):
        for what, change in _CHANGES:
            hits = sum(
                mean_map_shift(
                    mean_map_of(draw(300), frequencies), change(draw(now)), frequencies
                ).p_value
                <= 0.01
                for _ in range(repetitions)
            )
            yield share_of(f"{what}, {now} images: p at most .01", hits, repetitions)
