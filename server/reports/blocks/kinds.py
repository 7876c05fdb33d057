"""The kinds of blocks that templates may use: this list is the only place that names them."""

from __future__ import annotations

from server.reports.blocks import (
    chart,
    columns,
    contents,
    heading,
    image,
    include,
    kpis,
    page_break,
    repeat,
    section,
    table,
    text,
    when,
)

KINDS = (
    heading.KIND,
    text.KIND,
    kpis.KIND,
    chart.KIND,
    table.KIND,
    image.KIND,
    page_break.KIND,
    columns.KIND,
    section.KIND,
    contents.KIND,
    include.KIND,
    when.KIND,
    repeat.KIND,
)
