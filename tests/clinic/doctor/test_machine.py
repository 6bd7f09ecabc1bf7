"""The computer: what is fit, what is doubtful, what is not."""

from dataclasses import replace

import pytest

from edgefair.clinic.doctor.checks import Result
from edgefair.clinic.doctor.machine import (
    Processor,
    check_memory,
    check_processor,
    check_system,
    check_versions,
    memory_bytes,
    parse_cpuinfo,
    processor,
    system,
    versions,
)

HASWELL = Processor(
    machine="x86_64",
    name="Intel Core i5-4570",
    cores=4,
    features=frozenset({"sse4_2", "avx2"}),
)
GB = 1_000_000_000


def test_a_processor_is_named_with_its_cores_and_instructions() -> None:
    check = check_processor(HASWELL)

    assert check.result is Result.OK
    assert check.sentence == "Intel Core i5-4570, 4 cores, x86_64; SSE4.2, AVX2."


def test_an_x86_processor_without_sse42_fails() -> None:
    check = check_processor(replace(HASWELL, features=frozenset()))

    assert check.result is Result.FAILED
    assert "SSE4.2 is missing" in check.hint


def test_an_arm_processor_needs_no_sse42() -> None:
    arm = replace(HASWELL, machine="aarch64", features=frozenset({"asimddp"}))

    assert check_processor(arm).result is Result.OK
    assert check_processor(arm).sentence.endswith("aarch64; dot products.")


def test_a_processor_of_another_kind_fails() -> None:
    assert check_processor(replace(HASWELL, machine="riscv64")).result is Result.FAILED


def test_where_nobody_tells_the_instructions_the_check_says_so() -> None:
    assert check_processor(replace(HASWELL, features=None)).result is Result.NOT_CHECKED


@pytest.mark.parametrize("flag", ["avx512_vnni", "avx_vnni"])
def test_either_form_of_vnni_is_known_from_cpuinfo(flag: str) -> None:
    text = f"processor : 0\nmodel name\t: One\nflags\t: fpu sse4_2 {flag}\n\nmodel name : Two\n"

    assert parse_cpuinfo(text) == ("One", frozenset({"sse4_2", "vnni"}))


def test_arm_lists_its_features_under_another_name() -> None:
    assert parse_cpuinfo("Features : fp asimd asimddp\n") == ("", frozenset({"asimddp"}))


@pytest.mark.parametrize(
    ("total", "free", "result"),
    [
        (4 * GB, 2 * GB, Result.OK),
        (1 * GB, 0.6 * GB, Result.WARNING),
        (4 * GB, 0.4 * GB, Result.WARNING),
        (4 * GB, 0.1 * GB, Result.FAILED),
    ],
)
def test_memory_is_judged_by_what_is_free(total: int, free: float, result: Result) -> None:
    assert check_memory((total, int(free))).result is result


def test_memory_that_is_not_told_is_not_checked() -> None:
    assert check_memory(None).result is Result.NOT_CHECKED


@pytest.mark.parametrize(
    ("glibc", "windows_build", "result"),
    [
        ((2, 31), None, Result.OK),
        ((2, 30), None, Result.WARNING),
        ((2, 28), None, Result.WARNING),
        ((2, 27), None, Result.FAILED),
        (None, None, Result.WARNING),
        (None, 19045, Result.OK),
        (None, 9600, Result.FAILED),
    ],
)
def test_the_system_is_judged_by_its_library_or_build(
    glibc: tuple[int, int] | None, windows_build: int | None, result: Result
) -> None:
    check = check_system(name="It", glibc=glibc, windows_build=windows_build)

    assert check.result is result
    assert bool(check.hint) is (result is not Result.OK)


def test_a_version_that_is_too_old_fails_with_what_is_needed() -> None:
    check = check_versions({"Python": "3.12.1", "numpy": "1.26.4", "SQLite": "3.40.1"})

    assert check.result is Result.FAILED
    assert "at least numpy 2.1" in check.hint


def test_this_computer_is_fit() -> None:
    total, free = memory_bytes() or (1, 1)

    assert 0 < free <= total
    assert check_processor(processor()).result in (Result.OK, Result.NOT_CHECKED)
    assert check_versions(versions()).result is Result.OK
    assert system().result in (Result.OK, Result.WARNING)
