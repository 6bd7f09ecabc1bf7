"""Records to the plain trees that JSON holds, and back: quick, strict, and of few words.

A cold start reads one manifest, and importing a library that can read any class takes longer than
all else that is done to it. Here a tree is either a record or it is not; what is wrong with one
that is not, that library tells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import EnumMeta
from types import UnionType
from typing import Any, Final, Literal, TypeAlias, get_args, get_origin, get_type_hints

__all__ = ["NO_RECORD", "Read", "Tags", "reader_of", "tree_of"]

Read: TypeAlias = Callable[[Any], Any]
"""Returns what a tree means, or raises one of `NO_RECORD`."""

Tags: TypeAlias = Mapping[type, str]
"""Kinds of record that can stand in one place, each with its name under the key ``step``."""

NO_RECORD: Final = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
"""What a reader raises of a tree that is not of its kind."""

_TAG: Final = "step"


def tree_of(value: Any, tags: Tags) -> Any:
    """Return a record as dictionaries and lists, its texts and numbers as they are.

    Examples
    --------
    >>> from edgefair.records import Attribute, Group
    >>> tree_of(Group(attributes=(Attribute(name="sex", value="F"),)), {})
    {'attributes': [{'name': 'sex', 'value': 'F'}]}
    """
    if isinstance(value, tuple):
        return [tree_of(item, tags) for item in value]
    if not is_dataclass(value):
        return value
    tree = {field.name: tree_of(getattr(value, field.name), tags) for field in fields(value)}
    name = tags.get(type(value))
    return tree if name is None else tree | {_TAG: name}


def reader_of(kind: Any, tags: Tags) -> Read:
    """Return what reads trees as records of a class, as `tree_of` writes them.

    Parameters
    ----------
    kind : type
        A dataclass of texts, numbers, enumerations, literals, tuples of one type, and records.
    tags : Tags
        The one union of records that may be among them.

    Examples
    --------
    >>> from edgefair.records import Attribute
    >>> read = reader_of(Attribute, {})
    >>> read({"name": "sex", "value": "F"})
    Attribute(name='sex', value='F')
    >>> read({"name": "sex", "value": 1})
    Traceback (most recent call last):
    TypeError: 1 is no str
    """
    if is_dataclass(kind):
        return _record_reader(kind, tags)
    if isinstance(kind, EnumMeta):
        return kind
    origin, inside = get_origin(kind), get_args(kind)
    if origin is tuple:
        return _tuple_reader(inside[0], tags)
    if origin is Literal:
        return {value: value for value in inside}.__getitem__
    if origin is UnionType:
        return _union_reader(inside, tags)
    return _number if kind is float else _strictly(kind)


def _record_reader(kind: Any, tags: Tags) -> Read:
    types = get_type_hints(kind)
    readers = {field.name: reader_of(types[field.name], tags) for field in fields(kind)}
    due = {field.name for field in fields(kind) if field.default is MISSING}

    def read(tree: Any) -> Any:
        if not due <= tree.keys() <= readers.keys():
            raise ValueError(f"other fields than those of {kind.__name__}")
        return kind(**{name: readers[name](value) for name, value in tree.items()})

    return _dictionaries(read)


def _union_reader(kinds: tuple[Any, ...], tags: Tags) -> Read:
    if type(None) in kinds:
        (kind,) = (kind for kind in kinds if kind is not type(None))
        read_kind = reader_of(kind, tags)
        return lambda tree: None if tree is None else read_kind(tree)
    readers = {tags[kind]: reader_of(kind, tags) for kind in kinds}

    def read(tree: Any) -> Any:
        rest = dict(tree)
        return readers[rest.pop(_TAG)](rest)

    return _dictionaries(read)


def _tuple_reader(kind: Any, tags: Tags) -> Read:
    read_item = reader_of(kind, tags)

    def read(tree: Any) -> Any:
        if type(tree) is not list:
            raise TypeError("no list")
        return tuple([read_item(item) for item in tree])

    return read


def _dictionaries(read: Read) -> Read:
    """Return a reader that only ever sees dictionaries."""

    def checked(tree: Any) -> Any:
        if type(tree) is not dict:
            raise TypeError("no dictionary")
        return read(tree)

    return checked


def _strictly(kind: type) -> Read:
    """Return a reader of the very type: true is no number here, and a number no text."""

    def read(tree: Any) -> Any:
        if type(tree) is not kind:
            raise TypeError(f"{tree!r:.40} is no {kind.__name__}")
        return tree

    return read


def _number(tree: Any) -> float:
    if type(tree) not in (int, float):
        raise TypeError(f"{tree!r:.40} is no number")
    return float(tree)
