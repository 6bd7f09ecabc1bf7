"""The page, the JSON and the text: whole in themselves, safe with any cell, words first."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest

from edgefair.compress.datasheet import (
    Brief,
    Datasheet,
    datasheet_from_json,
    datasheet_to_json,
    describe,
    examine,
    render_datasheet_html,
    render_datasheet_text,
    write_up,
)
from edgefair.compress.recipe import CatchmentShare, DataSource
from edgefair.compress.recipe_reader import read_recipe
from edgefair.errors import InputError

HOSTILE = "<script>alert(1)</script>\u202e\x1b[2J"
VOID = {"meta", "br", "img"}


class Page(HTMLParser):
    """What a browser would see: elements, their nesting, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


@pytest.fixture(scope="module")
def datasheet(tmp_path_factory: pytest.TempPathFactory) -> Datasheet:
    """Return the datasheet of a manifest full of hostile cells, without a single image."""
    folder = tmp_path_factory.mktemp("hostile")
    rows = [
        f"{HOSTILE}{number}.png,P{number // 2},{HOSTILE if number % 3 else '=1+1'},"
        f"{number % 90},{HOSTILE if number % 4 else 'train'},{number % 2},{number // 2 % 2}"
        for number in range(80)
    ]
    header = f"image,patient_id,sex,age,split,<b>flu</b>,{HOSTILE.replace(chr(27), '')}"
    (folder / "manifest.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    data = DataSource(
        labels=("<b>flu</b>", header.rpartition(",")[2]),
        groups=("sex", "age:0,18,60", "sex+age:0,60"),
        split_column="split",
        catchment=(
            CatchmentShare(by="sex", group="<i>F</i>", share=0.5),
            CatchmentShare(by="sex", group="M", share=0.5),
        ),
    )
    return write_up(examine(Brief(name="<b>name</b>", title=HOSTILE, data=data), folder))


def test_every_element_is_closed_where_it_was_opened(datasheet: Datasheet) -> None:
    page = Page(render_datasheet_html(datasheet))

    assert page.unbalanced == []
    assert page.open == []


def test_the_page_needs_nothing_but_itself(datasheet: Datasheet) -> None:
    html = render_datasheet_html(datasheet)

    assert not {"script", "link", "iframe", "img", "form"} & {tag for tag, _ in Page(html).tags}
    assert "http://" not in html
    assert "https://" not in html
    assert "url(" not in html
    assert len(html.encode()) < 200_000


def test_the_policy_allows_nothing_but_the_one_style_sheet(datasheet: Datasheet) -> None:
    html = render_datasheet_html(datasheet)
    (style,) = re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    attributes = {name for _, a in Page(html).tags for name in a}

    assert f"default-src 'none'; style-src 'sha256-{digest}'" in html
    assert "style" not in attributes
    assert not any(name.startswith("on") for name in attributes)


def test_hostile_cells_stay_text(datasheet: Datasheet) -> None:
    html = render_datasheet_html(datasheet)

    assert "<script" not in html
    assert "<b>" not in html
    assert "<i>" not in html
    assert "<script>alert(1)</script>" in Page(html).text
    assert not set(html) & set("\u202e\x1b")


def test_a_cell_cannot_steer_the_terminal(datasheet: Datasheet) -> None:
    text = render_datasheet_text(datasheet, width=80)

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_verdict_and_the_findings_come_before_any_table(datasheet: Datasheet) -> None:
    html = render_datasheet_html(datasheet)

    assert html.index("serious fault") < html.index("What was found") < html.index("<table")
    text = Page(html).text
    assert all(
        finding.topic != "leak" or "more than one split" in text for finding in datasheet.findings
    )


def test_every_table_has_a_caption_and_scoped_headers(datasheet: Datasheet) -> None:
    html = render_datasheet_html(datasheet)

    tables = re.findall(r"<table.*?</table>", html, flags=re.DOTALL)
    assert len(tables) > 6
    assert all("<caption>" in table for table in tables)
    assert all("scope" in a for tag, a in Page(html).tags if tag == "th")


def test_headings_leave_no_level_out(datasheet: Datasheet) -> None:
    tags = Page(render_datasheet_html(datasheet)).tags
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]

    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_word_fair_is_never_said(datasheet: Datasheet) -> None:
    text = Page(render_datasheet_html(datasheet)).text.replace("edgefair", "")

    assert "fair" not in text.lower()


def test_json_comes_back_as_it_was(datasheet: Datasheet) -> None:
    content = datasheet_to_json(datasheet)

    assert datasheet_to_json(datasheet_from_json(content)) == content
    assert b"NaN" not in content


def test_json_speaks_the_sections_and_croissant(datasheet: Datasheet) -> None:
    document = json.loads(datasheet_to_json(datasheet))

    sections = {"motivation", "composition", "collection_process", "uses", "distribution"}
    assert sections <= set(document)
    assert document["schema"] == "edgefair-datasheet/1"
    croissant = document["croissant"]
    assert croissant["dct:conformsTo"] == "http://mlcommons.org/croissant/RAI/1.0"
    assert croissant["@context"]["rai"] == "http://mlcommons.org/croissant/RAI/"
    assert croissant["rai:personalSensitiveInformation"] == ["age", "sex"]
    assert any("could not be read" in told for told in croissant["rai:dataCollectionMissingData"])


@pytest.mark.parametrize("content", [b"nothing", b"[]", b'{"schema": "other/1"}'])
def test_what_is_no_datasheet_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match="datasheet"):
        datasheet_from_json(content)


def test_a_recipe_gives_the_same_bytes_each_time(squares: Path, tmp_path: Path) -> None:
    recipe = read_recipe(squares)
    told: list[int] = []

    first = datasheet_to_json(describe(recipe, tmp_path, on_image=lambda n, _: told.append(n)))
    second = datasheet_to_json(describe(recipe, tmp_path))

    assert first == second
    assert told == list(range(1, 97))
    document = json.loads(first)
    assert document["distribution"]["licence"] == "Apache-2.0"
    assert document["croissant"]["rai:dataUseCases"] == "Tests."


def _luminance(colour: str) -> float:
    full = "".join(2 * c for c in colour[1:]) if len(colour) == 4 else colour[1:]
    channels = (int(full[i : i + 2], 16) / 255 for i in (0, 2, 4))
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_every_text_colour_is_readable() -> None:
    path = files("edgefair.compress.datasheet") / "templates" / "datasheet.css"
    colours = set(re.findall(r"(?<![-\w])color: (#\w+)", path.read_text(encoding="utf-8")))

    assert colours
    assert all(1.05 / (_luminance(colour) + 0.05) >= 4.5 for colour in colours)
