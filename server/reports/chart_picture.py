"""The first chart of a report as a picture for mails, which show no drawings of vectors. Worker side."""

from __future__ import annotations

import struct

from server.errors import InvalidInput
from server.jobs.worker_process import OnReport
from server.reports.blocks.chart_drawn import ChartBlock
from server.reports.document import all_blocks
from server.reports.formats import Formats
from server.reports.rendering import build_document, read_template, writers, zone_of
from server.reports.sandbox import time_limit
from server.reports.work import ChartPicture, RenderRequest

_PPIS = (144, 96, 64)  # twice the pixels of a mail that is 550 wide, for sharp screens; less where that is too large
_MOST_BYTES = 200_000
_MOST_TOLD = 1_000  # characters
_SIZE = struct.Struct(">II")  # width and height, at the 16th byte of a PNG


def draw_first_chart(request: RenderRequest, report: OnReport) -> ChartPicture | None:
    """None where there is no chart, or none that is small enough. Raises what making the report would."""
    with time_limit(request.seconds):
        template = read_template(request.template_source)
        formats = Formats(template.language or request.language, str(zone_of(request.time_zone)))
        document = build_document(request, template, formats)
        charts = (each for each in all_blocks(document.blocks) if isinstance(each, ChartBlock))
        found = next((each for each in charts if not each.chart.is_empty), None)
        if found is None:
            return None
        _charts, pdf = writers()
        for ppi in _PPIS:
            try:
                png = pdf.picture(document, formats, found, ppi=ppi)
            except InvalidInput:  # the report itself says so; its mail goes without
                return None
            if len(png) <= _MOST_BYTES:
                width, height = _SIZE.unpack_from(png, 16)
                return ChartPicture(
                    png=png, told=(found.told or found.chart.title)[:_MOST_TOLD], width=width, height=height
                )
    return None
