"""Work beside this thread: its result, or what it failed with, comes where it is asked for."""

import threading
import weakref

import pytest

from edgefair.errors import UnsafeModel
from edgefair.runtime.meanwhile import Meanwhile


def test_the_result_is_worked_out_once_by_another_thread() -> None:
    threads: list[threading.Thread] = []
    meanwhile = Meanwhile(lambda: threads.append(threading.current_thread()))

    assert meanwhile.result() is meanwhile.result() is None
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


def test_it_goes_on_beside_this_thread() -> None:
    here = threading.Event()
    meanwhile = Meanwhile(lambda: here.wait(timeout=10))
    here.set()

    assert meanwhile.result()


def test_what_it_fails_with_is_raised_here_and_each_time() -> None:
    def refuse() -> None:
        raise UnsafeModel("No.", hint="None.")

    meanwhile = Meanwhile(refuse)

    for _ in range(2):
        with pytest.raises(UnsafeModel, match=r"No\."):
            meanwhile.result()


def test_what_only_the_work_needed_is_let_go() -> None:
    class Large:
        size = 7

    large = Large()
    left = weakref.ref(large)
    meanwhile = Meanwhile(lambda large=large: large.size)  # type: ignore[misc]
    del large

    assert meanwhile.result() == 7
    assert left() is None
