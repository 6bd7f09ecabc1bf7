"""Who is seen and what has shifted as one HTML file: what is shown in words, then every test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgefair.report.early_warning import notes_in_words, shown_in_words, tables_of
from edgefair.report.sheets import environment, style_of

if TYPE_CHECKING:
    from edgefair.report.early_warning import EarlyWarnings

__all__ = ["render_early_warnings_html"]


def render_early_warnings_html(warnings: EarlyWarnings) -> str:
    """Return the record as one HTML page that needs nothing but itself.

    Returns
    -------
    str
        UTF-8 text under the same security policy as `render_html`'s.
    """
    style = style_of("edgefair.report")
    return (
        environment("edgefair.report")
        .get_template("shift.html.j2")
        .render(
            warnings=warnings,
            shown=shown_in_words(warnings),
            is_shown=any(t.is_shown for t in warnings.tests)
            or any(s.is_shown for s in warnings.seen),
            tables=tables_of(warnings),
            notes=notes_in_words(warnings),
            style=style.text,
            style_digest=style.digest,
        )
    )
