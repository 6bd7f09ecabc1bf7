"""A report as one HTML file: no script, nothing fetched, opens from a USB stick."""

from __future__ import annotations

import unicodedata
from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from edgefair.report.page import exclusion_table, sections
from edgefair.report.summary import headline
from edgefair.report.words import moment

if TYPE_CHECKING:
    from edgefair.report.report import Report

__all__ = ["render_html"]

_REACHING_OUT = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF"})


@cache
def _source(name: str) -> str:
    return (files("edgefair.report") / "templates" / name).read_text(encoding="utf-8")


def _tame(value: object) -> object:
    """Return text without the characters that reorder or break what stands beside them.

    Embeddings and overrides of the writing direction (Unicode Standard Annex 9, sections 2.1 and
    2.2) would reach out of a name; control characters are no characters in HTML.
    """
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join(
        c
        for c in value
        if unicodedata.bidirectional(c) not in _REACHING_OUT and unicodedata.category(c) != "Cc"
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        finalize=_tame,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _minified(style: str) -> str:
    """Return the style sheet without indentation and line ends, a tenth smaller."""
    return "".join(line.strip() for line in style.splitlines())


def render_html(report: Report) -> str:
    """Return the report as one HTML page that needs nothing but itself.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
        UTF-8 text, below 100 kB for an audit of thirty groups. The page carries its own content
        security policy: no script, no outside host, one style sheet named by its hash.

    Notes
    -----
    Every value is escaped by the template engine; whatever stands in a column of the user's
    table stays text.
    """
    style = _minified(_source("report.css"))
    digest = b64encode(sha256(style.encode()).digest()).decode("ascii")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            result=report.result,
            headline=headline(report.result),
            findings=sections(report.result),
            exclusions=exclusion_table(report.result),
            # Our own file, and the hash in the policy is taken of exactly this text.
            made_at=moment(report.made_at),
            style=Markup(style),  # noqa: S704
            style_digest=digest,
        )
    )
