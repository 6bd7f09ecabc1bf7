"""Progress of a recipe: moved on a terminal, logged for a file, with honest times."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from edgefair.cli.compress.progress import StageLine, StageLog


def _clock(*seconds: float) -> Callable[[], float]:
    told: Iterator[float] = iter(seconds)
    return lambda: next(told)


def test_a_log_says_when_a_stage_begins_and_how_long_it_took(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show = StageLog(_clock(10, 300, 301, 302))

    for done in range(3):
        show("training", done, 2)
    show("judging", 0, 1)
    show("judging", 1, 1)
    show("judging", 1, 1)

    assert capsys.readouterr().err == (
        "training\ntraining: 2 of 2, after 4 min 50 s\njudging\njudging: 1 of 1, after 0 min 1 s\n"
    )


def test_a_line_counts_the_time_left_from_what_this_run_has_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show = StageLine(_clock(100, 160))

    show("training", 50, 110)  # what a killed run had done
    show("training", 80, 110)

    assert capsys.readouterr().err.endswith("training: 80 of 110, 1 min 0 s left")


def test_a_stage_that_was_made_anew_is_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    show = StageLog(_clock(1, 2, 3))

    show("embed was damaged, making it again", 0, 1)
    show("embedding images", 5, 5)

    assert capsys.readouterr().err.splitlines() == [
        "embed was damaged, making it again",
        "embedding images",
        "embedding images: 5 of 5, after 0 min 1 s",
    ]
