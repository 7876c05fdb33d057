"""The kinds of blocks that templates may use: this list is the only place that names them."""

from __future__ import annotations

from server.reports.blocks import chart, columns, heading, image, kpis, page_break, repeat, table, text, when

KINDS = (
    heading.KIND,
    text.KIND,
    kpis.KIND,
    chart.KIND,
    table.KIND,
    image.KIND,
    page_break.KIND,
    columns.KIND,
    when.KIND,
    repeat.KIND,
)
