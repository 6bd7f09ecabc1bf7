"""The gate on planted answers: whom it stops, whom it lets pass, what it writes down."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgefair.compress.data.cases import Cases, Column
from edgefair.compress.gate.acceptance import accept, parse_acceptance, require_passed
from edgefair.compress.gate.judging import judge_gate
from edgefair.compress.gate.records import (
    Answered,
    GateCell,
    GateResult,
    gate_from_json,
    gate_to_json,
)
from edgefair.compress.gate.release import without_image_names
from edgefair.compress.gate.words import headline, render_gate_markdown, render_gate_text
from edgefair.compress.recipe import GatePlan
from edgefair.errors import GateFailed, InputError
from edgefair.records import VerdictKind

PLAN = GatePlan(margin=0.1)
FINDINGS = ("opacity",)


def cases_of(sexes: list[str], labels: NDArray[np.float64]) -> Cases:
    count = len(sexes)
    return Cases(
        images=tuple(Path(f"{i:04}.png") for i in range(count)),
        labels=labels.astype(np.float32)[:, np.newaxis],
        splits=("test",) * count,
        patients=tuple(f"P{i}" for i in range(count)),
        columns=(Column(name="sex", values=tuple(sexes)),),
    )


def answered(name: str, flagged: NDArray[np.bool_]) -> Answered:
    return Answered(
        name=name,
        probabilities=np.where(flagged, 0.8, 0.2)[:, np.newaxis],
        flagged=flagged[:, np.newaxis],
    )


def planted(count: int, *, missed_women: float, seed: int = 0) -> tuple[Cases, list[Answered]]:
    """Return cases and three models; INT8 misses this share of the women that fp32 finds."""
    rng = np.random.default_rng(seed)
    women = rng.random(count) < 0.5
    truth = rng.random(count) < 0.5
    teacher = np.where(truth, rng.random(count) < 0.9, rng.random(count) < 0.1)
    fp32 = np.where(rng.random(count) < 0.02, ~teacher, teacher)
    lost = women & truth & (rng.random(count) < missed_women)
    int8 = np.where(rng.random(count) < 0.01, ~fp32, fp32) & ~lost
    cases = cases_of(np.where(women, "F", "M").tolist(), truth.astype(float))
    names = ("teacher", "student fp32", "student INT8")
    return cases, [answered(n, f) for n, f in zip(names, (teacher, fp32, int8), strict=True)]


def judged(cases: Cases, answers: list[Answered]) -> GateResult:
    return judge_gate(answers, cases, FINDINGS, plan=PLAN, ways=("sex",))


def cell(result: GateResult, group: str, metric: str = "sensitivity") -> GateCell:
    found = [
        c
        for c in result.cells
        if str(c.group) == group
        and c.metric == metric
        and c.comparison.before == "student fp32"
        and c.comparison.after == "student INT8"
    ]
    return found[0]


@pytest.mark.parametrize("seed", range(4))
def test_a_student_that_misses_one_group_is_stopped_and_the_group_is_named(seed: int) -> None:
    result = judged(*planted(1500, missed_women=0.4, seed=seed))

    assert cell(result, "sex F").verdict is VerdictKind.HARM_SHOWN
    assert cell(result, "sex M").verdict is VerdictKind.SHOWN_OK
    with pytest.raises(GateFailed, match=r"harms a group. In sex F, .* misses \d+ of \d+") as told:
        require_passed(result)
    assert told.value.exit_code == 7


@pytest.mark.parametrize("seed", range(4))
def test_its_healthy_twin_passes_without_conditions(seed: int) -> None:
    result = judged(*planted(1500, missed_women=0.0, seed=seed))

    assert not result.conditions
    require_passed(result)
    assert headline(result).startswith("The gate passed: no group lost more")


def test_every_group_keeps_its_row_however_small() -> None:
    cases, answers = planted(400, missed_women=0.0)
    labels = cases.labels.copy()
    sexes = list(cases.columns[0].values)
    sexes[0], sexes[1:3], sexes[3] = "O", ["X", "X"], ""
    labels[0] = 1  # one case, one class
    labels[1:3] = np.nan  # nobody labelled
    odd = replace(cases, labels=labels, columns=(Column(name="sex", values=tuple(sexes)),))
    result = judged(odd, answers)

    groups = ["everybody", "sex F", "sex M", "sex O", "sex X", "sex Unknown"]
    for comparison in {c.comparison for c in result.cells}:
        for metric in ("sensitivity", "specificity"):
            rows = [c for c in result.cells if (c.comparison, c.metric) == (comparison, metric)]
            assert [str(c.group) for c in rows] == groups
    assert cell(result, "sex O").n == 1
    assert cell(result, "sex O", "specificity").n == 0
    assert cell(result, "sex X").verdict is VerdictKind.NOT_ENOUGH_DATA
    said = [c.sentence for c in result.conditions if str(c.group) == "sex X"]
    assert said[0].startswith("In sex X there is no case with opacity")


def test_conditions_hold_back_until_a_named_person_answers_for_them() -> None:
    result = judged(*planted(60, missed_women=0.0))

    assert result.conditions
    with pytest.raises(GateFailed, match="cannot say for") as told:
        require_passed(result)
    assert "--accept-conditions" in told.value.hint
    accepted = accept(result, parse_acceptance("Dr. A. Okafor: labels are being collected"))
    require_passed(accepted)
    assert "accepted by Dr. A. Okafor: labels are being collected" in headline(accepted)


def test_a_harm_cannot_be_accepted() -> None:
    result = judged(*planted(1500, missed_women=0.4))

    with pytest.raises(GateFailed):
        require_passed(accept(result, parse_acceptance("A. Okafor: it is good enough")))


def test_without_conditions_there_is_nothing_to_accept() -> None:
    result = judged(*planted(1500, missed_women=0.0))

    assert accept(result, parse_acceptance("A. Okafor: in case of doubt")).accepted is None


@pytest.mark.parametrize(
    "text", ["", "A. Okafor", ": no child is here", "A. Okafor: fine", "...: no child is here"]
)
def test_an_acceptance_without_a_name_or_a_reason_is_refused(text: str) -> None:
    with pytest.raises(InputError) as told:
        parse_acceptance(text)

    assert "NAME: REASON" in told.value.hint


def test_only_comparisons_with_the_released_model_bind() -> None:
    cases, (teacher, fp32, int8) = planted(1500, missed_women=0.4)
    # the student in full precision misses the women too, and INT8 does as it does
    worse = replace(fp32, flagged=int8.flagged, probabilities=int8.probabilities)
    result = judged(cases, [teacher, worse, int8])

    assert {str(c.comparison) for c in result.failures} == {"teacher -> student INT8"}


def test_flips_are_listed_with_who_they_are() -> None:
    cases, answers = planted(300, missed_women=0.3)
    result = judged(cases, answers)

    _, fp32, int8 = answers
    flips = [f for f in result.flips if f.comparison.before == "student fp32"]
    assert len(flips) == (fp32.flagged != int8.flagged).sum()
    row = int(flips[0].image.removesuffix(".png"))
    assert str(flips[0].group) == f"sex {cases.columns[0].values[row]}"
    assert flips[0].flagged_after == int8.flagged[row, 0]
    missed = [f for f in flips if f.is_newly_missed]
    assert len(missed) == cell(result, "everybody").flips_to_wrong


def test_what_travels_names_no_image() -> None:
    cases, answers = planted(60, missed_women=0.5)
    result = judged(cases, answers)

    travels = without_image_names(result, cases)

    assert result.flips
    assert {flip.image.partition(" ")[0] for flip in travels.flips} == {"case"}
    places = [int(flip.image.split()[1]) - 1 for flip in travels.flips]
    assert [cases.images[place].name for place in places] == [f.image for f in result.flips]


def test_the_result_is_the_same_to_the_byte_each_time_and_from_its_file() -> None:
    first, second = (gate_to_json(judged(*planted(200, missed_women=0.1))) for _ in range(2))

    assert first == second
    assert gate_to_json(gate_from_json(first)) == first


def copied(cases: Cases, answers: list[Answered], times: int) -> tuple[Cases, list[Answered]]:
    """Return every case so many times, as images of one patient."""
    rows = np.repeat(np.arange(len(cases)), times)
    images = tuple(Path(f"{i:05}.png") for i in range(len(rows)))
    return replace(cases.take(rows), images=images), [
        replace(one, probabilities=one.probabilities[rows], flagged=one.flagged[rows])
        for one in answers
    ]


def test_copies_of_each_image_carry_no_verdict_that_the_patients_do_not() -> None:
    cases, answers = planted(60, missed_women=0.0)
    once = judged(cases, answers)
    often = judged(*copied(cases, answers, 8))
    strangers = copied(cases, answers, 8)[0]
    strangers = replace(strangers, patients=tuple(map(str, range(480))))
    careless = judged(strangers, copied(cases, answers, 8)[1])

    verdicts = [[c.verdict for c in result.cells] for result in (once, often, careless)]
    assert verdicts[0] == verdicts[1]
    assert verdicts[2].count(VerdictKind.SHOWN_OK) > verdicts[1].count(VerdictKind.SHOWN_OK)
    for one, other in zip(once.cells, often.cells, strict=True):
        assert other.n == 8 * one.n
        assert other.loss.estimate == pytest.approx(one.loss.estimate)
        # a little wider: few patients leave it unsure how alike their images are
        assert one.before.lower - 0.12 < other.before.lower < one.before.lower + 0.01
        assert other.independent is not None
        assert other.independent <= one.n
        assert other.mcnemar_p == pytest.approx(one.mcnemar_p)
    for change, alone in zip(often.scores, once.scores, strict=True):
        assert change.before.lower == pytest.approx(alone.before.lower, abs=0.06)
        assert change.p_value == pytest.approx(alone.p_value, abs=0.05)


def test_the_card_says_whose_images_they_are_and_what_they_are_worth() -> None:
    cases, answers = planted(60, missed_women=0.0)
    often = judged(*copied(cases, answers, 3))

    card = render_gate_markdown(often)
    assert "the same 180 test images of 60 patients." in card
    assert "| cases (worth) |" in card
    everybody = cell(often, "everybody")
    assert f"| {everybody.n} ({everybody.independent:.0f}) |" in card
    assert "Obuchowski" in card
    assert gate_to_json(gate_from_json(gate_to_json(often))) == gate_to_json(often)
    alone = render_gate_markdown(judged(cases, answers))
    assert "the same 60 test images. A loss" in alone
    assert "worth" not in alone


def test_a_result_from_before_patients_were_counted_is_read() -> None:
    tree = json.loads(gate_to_json(judged(*planted(60, missed_women=0.0))))
    del tree["patients"]
    for one in tree["cells"]:
        del one["independent"]

    result = gate_from_json(json.dumps(tree).encode())
    assert result.patients is None
    assert "the same 60 test images. A loss" in render_gate_markdown(result)


def test_the_card_tells_it_in_words_before_any_table() -> None:
    result = judged(*planted(60, missed_women=0.0))
    card = render_gate_markdown(result)

    words, table = card.index("shown for"), card.index("|")
    assert words < table
    assert "### Conditions" in card
    assert card.count("more such cases would tell") == sum(
        c.needed is not None for c in result.conditions
    )
    assert "student fp32 -> student INT8 (binding)" in render_gate_text(result)
