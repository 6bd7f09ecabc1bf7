"""A record beside the dataclass of the same fields: all that can be asked of both agrees."""

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError, dataclass, field, fields
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgefair.records import Attribute, Subject
from edgefair.records.record import record

OPTIONS = {"frozen": True, "slots": True, "kw_only": True}
NAMES = ("age", "given", "kind", "name", "put", "self", "values", "x")

values = st.one_of(st.integers(-2, 2), st.sampled_from(["", "a"]), st.tuples(st.booleans()))


@st.composite
def same_twice(draw: st.DrawFn) -> tuple[Any, Any]:
    """Return a dataclass and a record of the same fields."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    body: dict[str, Any] = {"__doc__": "Of the same fields.", "__annotations__": {}}
    for name in names:
        body["__annotations__"][name] = "object"
        shown, compared = draw(st.booleans()), draw(st.booleans())
        match draw(st.sampled_from(["due", "default", "factory", "bare default"])):
            case "due":
                body[name] = field(repr=shown, compare=compared)
            case "default":
                body[name] = field(default=draw(values), repr=shown, compare=compared)
            case "factory":
                body[name] = field(default_factory=list, repr=shown, compare=compared)
            case "bare default":
                body[name] = draw(values)
    return dataclass(**OPTIONS)(type("Made", (), dict(body))), made(type("Made", (), dict(body)))


def made(kind: type) -> Any:
    return record(frozen=True, slots=True, kw_only=True)(kind)


def told(act: Callable[[], object]) -> object:
    """Return what comes of an act, errors too, so that two can be compared."""
    try:
        return act()
    except (TypeError, FrozenInstanceError) as error:
        return type(error), str(error) if isinstance(error, FrozenInstanceError) else ""


def pairs(kinds: tuple[Any, Any], arguments: dict[str, object]) -> Iterator[Any]:
    for kind in kinds:
        yield told(partial(kind, **arguments))


arguments = st.dictionaries(st.sampled_from(NAMES), values)


@given(same_twice(), arguments)
def test_it_takes_and_refuses_the_same_arguments_and_shows_the_same(
    kinds: tuple[Any, Any], given_: dict[str, object]
) -> None:
    expected, found = pairs(kinds, given_)

    assert repr(found) == repr(expected)


@given(same_twice(), arguments, st.data())
def test_made_of_what_is_due_it_is_the_same_under_every_function_of_dataclasses(
    kinds: tuple[Any, Any], given_: dict[str, object], data: st.DataObject
) -> None:
    complete = {f.name: data.draw(values) for f in fields(kinds[0])}
    expected, found = (kind(**complete) for kind in kinds)
    changed = told(lambda: dataclasses.replace(expected, **given_))

    assert dataclasses.asdict(found) == dataclasses.asdict(expected)
    assert dataclasses.astuple(found) == dataclasses.astuple(expected)
    assert [f.name for f in fields(found)] == [f.name for f in fields(expected)]
    assert repr(told(lambda: dataclasses.replace(found, **given_))) == repr(changed)
    assert kinds[1].__slots__ == kinds[0].__slots__
    assert kinds[1].__match_args__ == kinds[0].__match_args__
    assert due(kinds[1]) == due(kinds[0])


def due(kind: Any) -> list[tuple[str, object, object, bool]]:
    """Return what the signature says of each argument, but for what makes a default."""
    return [
        (p.name, p.kind, p.annotation, p.default is inspect.Parameter.empty)
        for p in inspect.signature(kind).parameters.values()
    ]


@given(same_twice(), st.data())
def test_the_same_are_equal_and_their_hashes_are(
    kinds: tuple[Any, Any], data: st.DataObject
) -> None:
    drawn = st.fixed_dictionaries({f.name: st.integers(0, 1) for f in fields(kinds[0])})
    one, other = data.draw(drawn), data.draw(drawn)
    expected, found = ((kind(**one), kind(**other)) for kind in kinds)

    assert (found[0] == found[1]) == (expected[0] == expected[1])
    assert (found[0] != found[1]) == (expected[0] != expected[1])
    assert (hash(found[0]) == hash(found[1])) or found[0] != found[1]
    assert hash(found[0]) == hash(expected[0])
    assert found[0] != expected[0]


@given(same_twice(), st.sampled_from([*NAMES, "other"]), st.data())
def test_nothing_in_it_can_be_set_or_deleted(
    kinds: tuple[Any, Any], name: str, data: st.DataObject
) -> None:
    complete = {f.name: data.draw(values) for f in fields(kinds[0])}
    expected, found = (kind(**complete) for kind in kinds)

    if name in complete:  # of other names CPython 3.11 says TypeError, by a fault of its own
        assert told(lambda: setattr(found, name, 1)) == told(lambda: setattr(expected, name, 1))
        assert told(lambda: delattr(found, name)) == told(lambda: delattr(expected, name))
    with pytest.raises(FrozenInstanceError):
        setattr(found, name, 1)
    with pytest.raises(FrozenInstanceError):
        delattr(found, name)


def test_copies_and_pickles_are_equal_to_it() -> None:
    woman = Subject(sex="F", attributes=(Attribute(name="view", value="PA"),))

    assert copy.copy(woman) == copy.deepcopy(woman) == woman
    assert pickle.loads(pickle.dumps(woman)) == woman


def test_a_default_is_made_anew_for_each() -> None:
    @record(frozen=True, slots=True, kw_only=True)
    class Basket:
        things: list[int] = field(default_factory=list)

    first, second = Basket(), Basket()
    first.things.append(1)

    assert second.things == []


def test_it_completes_itself_where_the_class_says_how() -> None:
    @record(frozen=True, slots=True, kw_only=True)
    class Positive:
        number: int

        def __post_init__(self) -> None:
            if self.number < 0:
                raise ValueError("below 0")

    assert Positive(number=1).number == 1
    with pytest.raises(ValueError, match="below 0"):
        Positive(number=-1)


def test_what_the_class_writes_itself_stands() -> None:
    @record(frozen=True, slots=True, kw_only=True)
    class Named:
        name: str

        def __repr__(self) -> str:
            return self.name

    assert repr(Named(name="by its name")) == "by its name"


def test_one_in_another_class_of_records_has_the_fields_of_both() -> None:
    @record(frozen=True, slots=True, kw_only=True)
    class Base:
        a: int = 1

    @record(frozen=True, slots=True, kw_only=True)
    class Derived(Base):
        b: int

    assert repr(Derived(b=2)).endswith("Derived(a=1, b=2)")
    assert Derived(b=2) != Base()


def test_it_says_what_is_missing_and_what_is_unknown() -> None:
    with pytest.raises(TypeError, match=r"Attribute\(\) is not given name, value"):
        Attribute()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"Attribute\(\) has no field colour"):
        Attribute(name="", value="", colour="")  # type: ignore[call-arg]


def test_fields_and_options_of_which_it_knows_nothing_are_refused() -> None:
    with pytest.raises(TypeError, match="hashed if compared"):

        @record(frozen=True, slots=True, kw_only=True)
        class Unhashed:
            x: int = field(hash=False)

    with pytest.raises(TypeError, match="hashed if compared"):

        @record(frozen=True, slots=True, kw_only=True)
        class NotGiven:
            x: int = field(init=False)

    with pytest.raises(TypeError, match="is frozen"):

        @record(frozen=False, slots=True, kw_only=True)
        class Loose:
            x: int


def test_it_may_hold_itself() -> None:
    @record(frozen=True, slots=True, kw_only=True)
    class Node:
        inside: list[object]

    inside: list[object] = []
    node = Node(inside=inside)
    inside.append(node)

    assert repr(node).endswith("Node(inside=[...])")
