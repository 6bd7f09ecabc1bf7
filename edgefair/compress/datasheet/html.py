"""The datasheet as one HTML file: no script, nothing fetched, the verdict in words first."""

from __future__ import annotations

from edgefair.compress.datasheet import page
from edgefair.compress.datasheet.findings import headline
from edgefair.compress.datasheet.records import Datasheet, Severity
from edgefair.report.sheets import environment, style_of

__all__ = ["render_datasheet_html"]

_PACKAGE = "edgefair.compress.datasheet"


def render_datasheet_html(datasheet: Datasheet) -> str:
    """Return the datasheet as one HTML page that needs nothing but itself.

    Every value is escaped by the template engine: whatever stands in a cell of the manifest stays
    text. The page carries its own content security policy.
    """
    style = style_of("edgefair.report", _PACKAGE)
    composition, collection = datasheet.composition, datasheet.collection_process
    severities = {f.severity for f in datasheet.findings}
    worst = next((s for s in (Severity.SERIOUS, Severity.WARNING) if s in severities), None)
    by_severity = [(s, [f for f in datasheet.findings if f.severity is s]) for s in Severity]
    return (
        environment(_PACKAGE)
        .get_template("datasheet.html.j2")
        .render(
            datasheet=datasheet,
            composition=composition,
            headline=headline(datasheet.findings),
            worst=worst,
            by_severity=by_severity,
            groups=page.bars_of_groups(composition),
            prevalences=page.tables_of_prevalence(composition),
            catchments=page.bars_of_catchment(collection.catchment),
            splits=page.splits_table(composition),
            errors=page.tables_of_errors(composition),
            missing=page.missing_table(composition),
            quality=page.tables_of_quality(collection.image_quality, collection.acquisition),
            dots=page.dots(datasheet.uses.shortcuts, datasheet.uses.findings),
            values=page.values_table(datasheet.uses.shortcuts),
            documentation=page.documentation(datasheet),
            style=style.text,
            style_digest=style.digest,
        )
    )
