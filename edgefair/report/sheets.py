"""What every HTML page of ours shares: escaping templates, one style sheet, a strict policy."""

from __future__ import annotations

import unicodedata
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

__all__ = ["Style", "environment", "style_of"]

_REACHING_OUT = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """A style sheet, and what the content security policy knows it by.

    Attributes
    ----------
    text : Markup
        Our own file, never escaped.
    digest : str
        SHA-256 of exactly this text, base64.
    """

    text: Markup
    digest: str


@cache
def environment(package: str) -> Environment:
    """Return what renders the templates of a package: escaped, and strict on missing names.

    A template is looked for in the package's ``templates``, then in the report's.
    """

    def source(name: str) -> str:
        here = files(package) / "templates" / name
        chosen = here if here.is_file() else files("edgefair.report") / "templates" / name
        return chosen.read_text(encoding="utf-8")

    return Environment(
        loader=FunctionLoader(source),
        autoescape=True,
        finalize=_tame,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def style_of(*packages: str) -> Style:
    """Return the style sheets of the packages as one, without indentation and line ends."""
    sheets = [
        (part / "templates" / f"{package.rpartition('.')[2]}.css").read_text(encoding="utf-8")
        for package in packages
        for part in [files(package)]
    ]
    text = "".join(line.strip() for sheet in sheets for line in sheet.splitlines())
    digest = b64encode(sha256(text.encode()).digest()).decode("ascii")
    return Style(text=Markup(text), digest=digest)  # noqa: S704 - a file of ours


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
