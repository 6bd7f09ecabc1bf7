"""The card tells what was done, and says plainly what was not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgefair.compress.evidence.card import (
    CardFacts,
    Latencies,
    ModelLatency,
    render_card,
    render_speed,
)
from edgefair.compress.gate.records import GateResult
from edgefair.compress.recipe_reader import parse_recipe
from edgefair.records import VerdictKind

MODELS = Path(__file__).resolve().parents[3] / "models"


def test_what_a_plain_recipe_has_not_is_said(plain_facts: CardFacts) -> None:
    card = render_card(plain_facts)

    assert "This bundle passed no gate" in card
    assert "No datasheet of the data was made" in card
    assert "| Teacher | none: it learnt from labels alone |" in card
    assert "What each step cost" not in card
    assert "Name and contact information for the developer: not stated by the builder" in card


@pytest.mark.parametrize("name", ["chest-xray", "phantom"])
def test_recipes_that_know_nothing_of_gates_still_give_a_card(
    name: str, plain_facts: CardFacts
) -> None:
    recipe = parse_recipe((MODELS / name / "recipe.toml").read_text(encoding="utf-8"))

    card = render_card(replace(plain_facts, recipe=recipe))

    assert card.startswith(f"# {name} {recipe.version}\n")
    assert "\n\n\n" not in card


def test_the_models_stand_in_rows_and_the_groups_in_columns(full_facts: CardFacts) -> None:
    card = render_card(full_facts)

    assert "| model | size | everybody (100) | sex F (50) | sex M (50) |" in card
    assert "| distilled student, INT8 | 3.79 MB | 0.900 [0.850, 0.940] |" in card
    assert "| student without the teacher | - | 0.800 [0.700, 0.880] |" in card
    assert "- teacher + linear probe: `edgefair compress embed recipe.toml`" in card


def test_conditions_and_who_accepted_them_are_written_on_the_card(full_facts: CardFacts) -> None:
    card = render_card(full_facts)

    header = next(line for line in card.splitlines() if line.startswith("| Gate |"))
    assert "The gate passed with 1 condition" in header
    assert "A. Person: the clinic will count them" in header
    assert "- About 80 more women of 40 and over without it would tell.\n" in card
    assert "3 decisions flipped, 1 of them toward missed" in card


def test_conditions_that_nobody_accepted_are_told_first(
    full_facts: CardFacts, gate: GateResult
) -> None:
    card = render_card(replace(full_facts, gate=replace(gate, accepted=None)))

    assert "| Gate | The gate is not passed:" in card
    assert "A. Person" not in card


def test_a_gate_that_shows_harm_names_whom(full_facts: CardFacts, gate: GateResult) -> None:
    harmed = replace(gate.cells[1], verdict=VerdictKind.HARM_SHOWN)

    card = render_card(replace(full_facts, gate=replace(gate, cells=(harmed,))))

    assert "| Gate | The gate failed. In sex F, student INT8 misses" in card


def test_the_speed_of_every_model_is_told_against_the_first() -> None:
    latencies = Latencies(
        full_precision_ms=10.0,
        int8_ms=5.0,
        models=(
            ModelLatency(name="teacher", ms=500.0, size_bytes=40_000_000),
            ModelLatency(name="INT8", ms=5.0, size_bytes=4_000_000),
            ModelLatency(name="no file", ms=50.0),
        ),
    )

    speed = render_speed(latencies, "edgefair compress run recipe.toml")

    assert "| teacher | 500.00 | 40.00 MB | 1.0 | 1.0 |" in speed
    assert "| INT8 | 5.00 | 4.00 MB | 100.0 | 10.0 |" in speed
    assert "| no file | 50.00 | - | 10.0 | - |" in speed
    assert "faster" not in render_speed(replace(latencies, models=()), "x")
