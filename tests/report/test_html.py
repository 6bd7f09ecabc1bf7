"""The page: whole in itself, safe with any name, readable without colour, words first."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from html.parser import HTMLParser
from importlib.resources import files
from itertools import pairwise

import pytest

from edgefair.records import VerdictKind
from edgefair.report import Report, render_html
from edgefair.report.words import in_sentence

VOID = {"meta", "link", "br", "img", "hr", "input"}
EVERY_AUDIT = [
    "harm",
    "no_harm",
    "too_little",
    "mixed",
    "many_groups",
    "hostile",
    "several_findings",
    "nothing_judged",
]


class Page(HTMLParser):
    """What a browser would see: elements, their nesting, and the text of each table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
        if "table" in self.open:
            self.tables[-1].append(tag)
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


@pytest.fixture(params=EVERY_AUDIT)
def report(request: pytest.FixtureRequest) -> Report:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Report)
    return found


def test_every_element_is_closed_where_it_was_opened(report: Report) -> None:
    page = Page(render_html(report))

    assert page.unbalanced == []
    assert page.open == []


def test_the_page_needs_nothing_but_itself(report: Report) -> None:
    html = render_html(report)
    page = Page(html)

    assert "http://" not in html
    assert "https://" not in html
    assert not {"script", "link", "iframe", "object", "img", "form"} & {t for t, _ in page.tags}
    assert "url(" not in html
    assert "@import" not in html


def test_the_policy_allows_nothing_but_the_one_style_sheet(report: Report) -> None:
    html = render_html(report)
    (style,) = re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL)
    (policy,) = (
        a["content"] or ""
        for tag, a in Page(html).tags
        if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )

    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert policy.split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_no_element_carries_what_the_policy_would_block(report: Report) -> None:
    attributes = {name for _, a in Page(render_html(report)).tags for name in a}

    assert "style" not in attributes
    assert not any(name.startswith("on") for name in attributes)


def test_every_table_has_a_caption_and_scoped_headers(report: Report) -> None:
    page = Page(render_html(report))

    assert page.tables
    assert all(inside[0] == "caption" for inside in page.tables)
    assert all("scope" in a for tag, a in page.tags if tag == "th")


def test_every_plot_is_followed_by_a_table(report: Report) -> None:
    order = [tag for tag, _ in Page(render_html(report)).tags if tag in {"figure", "table"}]

    followers = [after for tag, after in pairwise(order) if tag == "figure"]
    assert set(followers) <= {"table"}
    assert order[-1] == "table"


def test_every_reference_to_a_shape_finds_it_once(report: Report) -> None:
    tags = Page(render_html(report)).tags
    ids = [a["id"] for _, a in tags if "id" in a]

    assert len(ids) == len(set(ids))
    assert {(a["href"] or "")[1:] for tag, a in tags if tag == "use"} <= set(ids)


def test_every_verdict_stands_there_in_words(report: Report) -> None:
    text = Page(render_html(report)).text
    verdicts = [cell.verdict for cell in report.result.by_group if cell.verdict]

    assert all(verdict.kind in text for verdict in verdicts)
    assert text.count(" more with") == sum(v.labels_needed is not None for v in verdicts)


def test_every_sentence_of_the_audit_is_there(several_findings: Report) -> None:
    text = Page(render_html(several_findings)).text

    assert all(c.verdict.sentence in text for c in several_findings.result.by_group if c.verdict)


@pytest.mark.parametrize("name", ["harm", "too_little", "many_groups"])
def test_every_group_is_a_row_of_every_table(name: str, request: pytest.FixtureRequest) -> None:
    report = request.getfixturevalue(name)
    html = render_html(report)

    tables = re.findall(r"<table.*?</table>", html, flags=re.DOTALL)
    of_groups = [table for table in tables if '<th scope="col">Group</th>' in table]
    assert len(of_groups) == 10  # at a glance, 2 x 2 judged, 2 pairs, AUROC, prevalence, counts
    for group in {cell.group for cell in report.result.by_group}:
        row = f'<tr><th scope="row">{escape(str(group))}</th>'
        assert all(table.count(row) == 1 for table in of_groups)


def test_the_verdict_comes_before_any_figure(harm: Report) -> None:
    html = render_html(harm)

    assert html.index("HARM SHOWN") < html.index("is shown for 2 groups") < html.index("<table")


def test_headings_leave_no_level_out(report: Report) -> None:
    levels = [int(t[1]) for t, _ in Page(render_html(report)).tags if re.fullmatch("h[1-6]", t)]

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_word_fair_is_never_said(report: Report) -> None:
    text = Page(render_html(report)).text.replace("edgefair", "")

    assert "fair" not in text.lower()


def test_groups_without_a_case_say_why_they_have_no_figure(harm: Report) -> None:
    text = Page(render_html(harm)).text

    assert "No labelled case in this group." in text
    assert "None of its 35 labelled cases has the finding." in text


def test_hostile_names_stay_text(hostile: Report) -> None:
    html = render_html(hostile)
    page = Page(html)

    assert "<script" not in html
    assert "<b>finding" not in html
    assert "<script>alert(1)</script>" in page.text
    assert "W" * 200 in page.text


def test_a_name_cannot_turn_the_text_beside_it_around(hostile: Report) -> None:
    html = render_html(hostile)

    assert not set(html) & set("\u202a\u202b\u202c\u202d\u202e\x1b\x00")
    assert in_sentence("\u0646\u0633") == "\u2068\u0646\u0633\u2069"


def test_a_typical_audit_stays_below_a_hundred_kilobytes(many_groups: Report) -> None:
    assert len(render_html(many_groups).encode()) < 100_000


def test_the_same_report_gives_the_same_page(harm: Report) -> None:
    assert render_html(harm) == render_html(harm)


def test_a_verdict_is_told_by_its_shape(harm: Report) -> None:
    used = {a["href"] for tag, a in Page(render_html(harm)).tags if tag == "use"}

    assert {"#harm", "#ok", "#open"} <= used
    assert len(VerdictKind) == 3


def luminance(colour: str) -> float:
    """Return the relative luminance of #rgb or #rrggbb (WCAG 2.2, relative luminance)."""
    full = "".join(2 * c for c in colour[1:]) if len(colour) == 4 else colour[1:]
    channels = (int(full[i : i + 2], 16) / 255 for i in (0, 2, 4))
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_of_black_on_white_is_twenty_one() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)


def test_every_text_colour_is_readable_on_the_page_and_on_the_shaded_part() -> None:
    css = (files("edgefair.report") / "templates" / "report.css").read_text(encoding="utf-8")
    text_colours = set(re.findall(r"(?<![-\w])color: (#\w+)", css)) | {"#1a1f24"}
    (shade,) = re.findall(r"rect { fill: (#\w+) }", css)

    assert len(text_colours) >= 4
    assert min(contrast(c, ground) for c in text_colours for ground in ("#fff", shade)) >= 4.5
