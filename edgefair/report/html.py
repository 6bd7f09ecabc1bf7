"""A report as one HTML file: no script, nothing fetched, opens from a USB stick."""

from __future__ import annotations

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


@cache
def _source(name: str) -> str:
    return (files("edgefair.report") / "templates" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
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
