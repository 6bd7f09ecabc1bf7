"""The population a clinic serves, as a table or as JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgefair.errors import BadTable, InputError
from edgefair.interop.catchment import read_population


def test_csv_and_json_say_the_same(tmp_path: Path) -> None:
    table, document = tmp_path / "census.csv", tmp_path / "census.json"
    table.write_text(
        'by,group,share\nsex,F,0.51\nsex,M,0.49\n"age:0,60",0-59,0.8\n"age:0,60",60+,0.2\n'
    )
    document.write_text('{"sex": {"F": 0.51, "M": 0.49}, "age:0,60": {"0-59": 0.8, "60+": 0.2}}')

    shares = read_population(table)
    assert shares == read_population(document)
    assert [(one.by, one.group, one.share) for one in shares][1] == ("sex", "M", 0.49)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"sex": {"F": 0.5, "M": 0.4}}', "shares of sex add up to 0.9"),
        ('{"sex": {"F": -1, "M": 2}}', "sex, F: -1 is no share"),
        ('{"sex": {"F": "half"}}', "'half' is no share"),
        ('{"sex": 0.5}', "holds no groups and shares"),
        ("[1]", "holds no groups and shares"),
        ("by the way", "is no JSON"),
    ],
)
def test_what_is_no_population_is_said_in_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "census.json"
    path.write_text(text)

    with pytest.raises(BadTable, match=said):
        read_population(path)


def test_what_is_no_grouping_or_no_file_is_said_too(tmp_path: Path) -> None:
    path = tmp_path / "census.json"
    path.write_text('{"age:60,0": {"0-59": 1}}')

    with pytest.raises(InputError, match="bins that do not rise"):
        read_population(path)
    with pytest.raises(BadTable, match="cannot be read"):
        read_population(tmp_path / "none.json")
