"""Manifests are read by a quick reader; what it reads, cattrs reads the same."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgefair.bundle.archive import read_bundle
from edgefair.bundle.manifest import STEP_NAMES, Manifest, Part, manifest_to_json
from edgefair.bundle.manifest_by_cattrs import converter
from edgefair.bundle.shelf import carried_bundles
from edgefair.bundle.trees import NO_RECORD, reader_of, tree_of
from edgefair.records import Attribute, Confusion, Group, Interval

READ = reader_of(Manifest, STEP_NAMES)
CONVERTER = converter()

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=3,
)


@pytest.mark.parametrize("path", carried_bundles(), ids=lambda path: path.stem)
def test_each_carried_manifest_is_what_cattrs_reads_and_writes(path: Path) -> None:
    manifest = read_bundle(path).manifest
    tree = json.loads(manifest_to_json(manifest))

    assert READ(tree) == CONVERTER.structure(tree, Manifest) == manifest
    assert tree_of(manifest, STEP_NAMES) == CONVERTER.unstructure(manifest)


def changed(tree: Any, draw: Callable[[st.SearchStrategy[Any]], Any]) -> Any:
    """Return the tree with one place of it, anywhere, changed, left out or added to."""
    if not isinstance(tree, dict | list) or not tree or not draw(st.integers(0, 4)):
        return draw(json_values)
    places = list(tree) if isinstance(tree, dict) else range(len(tree))
    place = draw(st.sampled_from(places))
    copy = tree.copy()
    match draw(st.integers(0, 5)):
        case 0:
            del copy[place]
        case 1 if isinstance(copy, dict):
            copy["odd"] = draw(json_values)
        case _:
            copy[place] = changed(tree[place], draw)
    return copy


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_the_quick_reader_reads_of_a_changed_manifest_cattrs_reads_the_same(
    manifest: Manifest, data: st.DataObject
) -> None:
    part = Part(path="m.onnx", role="model", sha256="0" * 64, size_bytes=3)
    whole = json.loads(manifest_to_json(replace(manifest, parts=(part,))))
    tree = changed(whole, data.draw)
    try:
        read = READ(tree)
    except NO_RECORD:
        return

    assert repr(read) == repr(CONVERTER.structure(tree, Manifest))  # nan equals no nan


@pytest.mark.parametrize(
    ("kind", "tree"),
    [
        pytest.param(Attribute, {"name": "sex"}, id="a field missing"),
        pytest.param(Attribute, {"name": "sex", "value": "F", "x": 1}, id="a field too many"),
        pytest.param(Attribute, {"name": "sex", "value": 1}, id="a number for a text"),
        pytest.param(Group, {"attributes": "F"}, id="a text for a list"),
        pytest.param(Group, [], id="a list for a record"),
        pytest.param(
            Confusion,
            dict.fromkeys(Confusion.__slots__, True),
            id="true for a count",
        ),
        pytest.param(
            Interval,
            dict.fromkeys(Interval.__slots__, 10**400),
            id="more than a number holds",
        ),
    ],
)
def test_another_tree_is_no_record(kind: type, tree: object) -> None:
    read = reader_of(kind, {})

    with pytest.raises(NO_RECORD):
        read(tree)
