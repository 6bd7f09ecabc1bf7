"""What a clinic may be made of: the spelling of a plant, the ranges of the rates."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgefair.errors import InputError
from edgefair.phantom.clinic import Clinic, Plant, parse_plant

fractions = st.floats(0, 1)
named_groups = st.sampled_from(
    [("sex", "F"), ("sex", "M"), ("view", "AP"), ("view", "PA"), ("device", "A"), ("device", "B")]
)
age_groups = (
    st.lists(st.integers(0, 150), min_size=2, max_size=2)
    .map(sorted)
    .map(lambda ages: ("age", f"{ages[0]}-{ages[1]}"))
)


@given(named_groups | age_groups, fractions)
@example(("sex", "F"), 1e-300)
def test_a_plant_is_read_as_it_is_written(group: tuple[str, str], fraction: float) -> None:
    plant = Plant(attribute=group[0], value=group[1], fraction=fraction)

    assert parse_plant(str(plant)) == plant


@given(st.text(max_size=30))
@example("sex=F:1e400")
@example("sex=F:1-1")
def test_any_text_is_a_plant_or_refused(text: str) -> None:
    try:
        plant = parse_plant(text)
    except InputError:
        return

    assert 0 <= plant.fraction <= 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sex",
        "sex=F",
        "sex=X:0.5",
        "colour=F:0.5",
        "sex=F:1.5",
        "sex=F:-0.5",
        "sex=F:e",
        "sex=F:nan",
        "age=60:0.5",
        "age=80-60:0.5",
        "age=0-200:0.5",
    ],
)
def test_what_is_no_disparity_is_refused(text: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_plant(text)

    assert refused.value.hint


@pytest.mark.parametrize("rate", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_rate_outside_zero_to_one_is_refused(rate: float) -> None:
    with pytest.raises(InputError, match="The prevalence"):
        Clinic(seed=1, count=1, prevalence=rate)
    with pytest.raises(InputError, match="The female rate"):
        Clinic(seed=1, count=1, female_rate=rate)
    with pytest.raises(InputError, match="The missing rate"):
        Clinic(seed=1, count=1, missing_rate=rate)
    with pytest.raises(InputError, match="The contrast"):
        Clinic(seed=1, count=1, contrast=rate)
    with pytest.raises(InputError, match="The planted contrast"):
        Plant(attribute="sex", value="F", fraction=0.5, contrast=rate)


def test_a_clinic_without_images_is_refused() -> None:
    with pytest.raises(InputError, match="number of images is 0"):
        Clinic(seed=1, count=0)
    with pytest.raises(InputError, match="per patient is 0"):
        Clinic(seed=1, count=1, images_per_patient=0)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(InputError, match="The seed is -1"):
        Clinic(seed=-1, count=1)


@pytest.mark.parametrize("size_px", [0, 63, 4097])
def test_a_size_that_shows_nothing_or_fills_the_memory_is_refused(size_px: int) -> None:
    with pytest.raises(InputError, match="pixels wide"):
        Clinic(seed=1, count=1, size_px=size_px)
