"""The probe: what is planted in an embedding is read off it, what is not is not."""

from pathlib import Path

import numpy as np

from edgefair.compress.data.cases import Cases, Column
from edgefair.compress.gate.encoding import WITH_FINDING, encoding_rows
from edgefair.compress.gate.records import EncodingRow


def probed(count: int = 240, *, tells_age: float = 0.0) -> dict[tuple[str, str], EncodingRow]:
    rng = np.random.default_rng(2)
    sexes = rng.choice(["F", "M", ""], count, p=[0.45, 0.45, 0.1])
    ages = rng.integers(20, 90, count)
    labels = (rng.random((count, 1)) < 0.4).astype(np.float32)
    values = rng.normal(0, 1, (count, 8)).astype(np.float32)
    values[:, 0] += 2 * (sexes == "F")
    values[:, 1] += tells_age * (ages >= 60)
    values[:, 2] += labels[:, 0]
    cases = Cases(
        images=tuple(Path(f"{i}.png") for i in range(count)),
        labels=labels,
        splits=("test",) * count,
        patients=tuple(f"P{i // 2}" for i in range(count)),
        columns=(
            Column(name="sex", values=tuple(sexes.tolist())),
            Column(name="age", values=tuple(map(str, ages.tolist()))),
            Column(name="site", values=("one",) * count),
        ),
    )
    ways = ("sex", "age:0,18,60", "sex+age:0,18,60", "site")
    rows = encoding_rows("student INT8", values, cases, ("opacity",), ways=ways)
    return {(row.attribute, row.value): row for row in rows}


def test_what_is_planted_is_read_off_and_what_is_not_is_not() -> None:
    rows = probed()

    assert rows["sex", "F"].auroc.lower > 0.8
    assert rows["opacity", WITH_FINDING].auroc.lower > 0.6
    assert rows["age", "60+"].auroc.lower < 0.5 < rows["age", "60+"].auroc.upper
    assert probed(tells_age=2)["age", "60+"].auroc.lower > 0.8


def test_each_attribute_is_probed_once_and_the_unknown_are_left_out() -> None:
    rows = probed()

    assert set(rows) == {
        ("sex", "F"),
        ("sex", "M"),
        ("age", "0-17"),
        ("age", "18-59"),
        ("age", "60+"),
        ("site", "one"),
        ("opacity", WITH_FINDING),
    }
    assert rows["sex", "F"].n < 240


def test_a_value_that_nobody_or_everybody_has_is_said_to_tell_nothing() -> None:
    rows = probed()

    assert not rows["age", "0-17"].auroc.is_estimable
    assert not rows["site", "one"].auroc.is_estimable
    assert rows["site", "one"].share == 1


def test_a_handful_of_cases_is_no_ground_for_a_probe() -> None:
    rows = probed(12)

    assert not any(row.auroc.is_estimable for row in rows.values())
