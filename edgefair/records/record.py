"""Frozen dataclasses whose methods are shared, and not written anew for each class.

`dataclasses.dataclass` writes a constructor and five further methods as text and compiles them,
for every class at every start: a cold prediction, which makes some sixty classes, waits a tenth
of its time for that. A record here is the same in all else: `dataclasses.fields`, `replace` and
`asdict` take it, and to a type checker it is a dataclass.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, fields
from inspect import Parameter, Signature
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["record"]


def _record(*, frozen: bool, slots: bool, kw_only: bool) -> Callable[[Any], Any]:
    """Return a decorator that makes a class a frozen, slotted, keyword-only dataclass.

    Parameters
    ----------
    frozen, slots, kw_only : bool
        All true; written out for whoever reads the class, and for type checkers.

    Examples
    --------
    >>> @record(frozen=True, slots=True, kw_only=True)
    ... class Point:
    ...     x: float
    ...     y: float = 0.0
    >>> Point(x=1.0)
    Point(x=1.0, y=0.0)
    >>> Point(x=1.0) == Point(x=1.0, y=0.0)
    True
    """
    if not (frozen and slots and kw_only):
        raise TypeError("a record is frozen, has slots, and is made by keywords")
    return _made


if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:
    record = _record


def _made(kind: Any) -> Any:
    # of a dataclass, the part that takes no time: it finds the fields and makes the slots
    kind = dataclass(init=False, repr=False, eq=False, slots=True, kw_only=True)(kind)
    if not all(field.init and field.hash is None for field in fields(kind)):
        raise TypeError(
            f"{kind.__name__}: every field of a record is given, and hashed if compared"
        )
    methods = {
        "__init__": _constructor(kind),
        "__signature__": _Asked(),
        "__repr__": _shown,
        "__eq__": _equality(kind),
        "__hash__": _hashing(kind),
        "__setattr__": _refuse_to_set,
        "__delattr__": _refuse_to_delete,
        "__getstate__": _state,
        "__setstate__": _restore,
    }
    for name, method in methods.items():
        if name not in kind.__dict__:
            setattr(kind, name, method)
    return kind


def _constructor(kind: Any) -> Callable[..., None]:
    put = {field.name: getattr(kind, field.name).__set__ for field in fields(kind)}
    due = put.keys()
    defaults = {f.name: f.default for f in fields(kind) if f.default is not MISSING}
    factories = {
        f.name: f.default_factory for f in fields(kind) if f.default_factory is not MISSING
    }
    is_completed = hasattr(kind, "__post_init__")

    def __init__(self: Any, /, **given: Any) -> None:  # noqa: N807 - it becomes that method
        if given.keys() != due:
            made = {name: make() for name, make in factories.items() if name not in given}
            given = defaults | made | given
            if given.keys() != due:
                raise _misfit(kind.__name__, due, given.keys())
        for name, value in given.items():
            put[name](self, value)
        if is_completed:
            self.__post_init__()

    return __init__


class _Asked:
    """What `inspect.signature` says of the constructor, made up when somebody asks."""

    def __get__(self, one: object, kind: Any) -> Signature:
        given = [
            Parameter(f.name, Parameter.KEYWORD_ONLY, default=_default(f), annotation=f.type)
            for f in fields(kind)
        ]
        return Signature(given, return_annotation=None)


def _default(field: Field[Any]) -> Any:
    if field.default is not MISSING:
        return field.default
    return Parameter.empty if field.default_factory is MISSING else field.default_factory


def _misfit(kind: str, due: Set[str], given: Set[str]) -> TypeError:
    if unknown := ", ".join(sorted(given - due)):
        return TypeError(f"{kind}() has no field {unknown}")
    return TypeError(f"{kind}() is not given {', '.join(sorted(due - given))}")


def _equality(kind: Any) -> Callable[[Any, Any], bool]:
    compared = _compared(kind)

    def __eq__(self: Any, other: object) -> bool:  # noqa: N807
        if other.__class__ is not self.__class__:
            return NotImplemented
        return compared(self) == compared(other)

    return __eq__


def _hashing(kind: Any) -> Callable[[Any], int]:
    compared = _compared(kind)

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(compared(self))

    return __hash__


def _compared(kind: Any) -> Callable[[Any], tuple[Any, ...]]:
    """Return what gives the values by which two records are told apart."""
    names = [field.name for field in fields(kind) if field.compare]
    if len(names) != 1:
        return attrgetter(*names) if names else lambda _: ()
    value = attrgetter(*names)
    return lambda one: (value(one),)


@recursive_repr()
def _shown(self: Any) -> str:
    values = (f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.repr)
    return f"{self.__class__.__qualname__}({', '.join(values)})"


def _refuse_to_set(self: Any, name: str, value: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: Any, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for field, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
