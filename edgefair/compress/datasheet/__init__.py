"""Who is in the data and who is not: the datasheet, and a curated manifest. Needs no torch."""

from edgefair.compress.datasheet.curate import Curation, curate
from edgefair.compress.datasheet.describe import Examined, describe, examine, write_up
from edgefair.compress.datasheet.html import render_datasheet_html
from edgefair.compress.datasheet.interchange import datasheet_from_json, datasheet_to_json
from edgefair.compress.datasheet.records import Datasheet
from edgefair.compress.datasheet.release import without_names
from edgefair.compress.datasheet.rows import Brief, brief_of
from edgefair.compress.datasheet.terminal import render_datasheet_text

__all__ = [
    "Brief",
    "Curation",
    "Datasheet",
    "Examined",
    "brief_of",
    "curate",
    "datasheet_from_json",
    "datasheet_to_json",
    "describe",
    "examine",
    "render_datasheet_html",
    "render_datasheet_text",
    "without_names",
    "write_up",
]
