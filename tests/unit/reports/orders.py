"""A small dataset of orders and short ways to make reports from it."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pypdf

from server.datasets.schema import Column
from server.datasets.work import QueryLimits
from server.reports.rendering import expand_batch, render_report
from server.reports.work import DatasetSource, ExpandRequest, FileFormat, Rendered, RenderRequest

CLOCK = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
COLUMNS = [
    Column(name="region", type="text"),
    Column(name="product", type="text"),
    Column(name="ordered_at", type="datetime"),
    Column(name="quantity", type="integer"),
    Column(name="amount", type="decimal"),
]
_MADE = """
select ['East', '华南', 'Empty'][1 + i % 3] as region,
       ['Tea', 'Coffee', '<b>Cup</b> & "pot"', '=1+1'][1 + i % 4] as product,
       timestamp '2026-09-01 08:00' + interval (i) hour as ordered_at,
       case when i % 3 = 2 then 0 else 1 + i % 5 end as quantity,
       case when i % 3 = 2 then 0 else (1 + i % 7) * 12.5 end as amount
from range(1500) r(i)
"""


def write_orders(directory: Path) -> Path:
    path = directory / "orders.parquet"
    duckdb.sql(_MADE).write_parquet(str(path))
    return path


def expand(source: str, orders: Path, parameters: Any = None, **more: Any) -> list[dict[str, Any]]:
    request = ExpandRequest(
        template_source=source,
        parameters=parameters,
        datasets={"orders": DatasetSource(version=3, paths=(orders,))},
        limits=QueryLimits(seconds=10),
        clock=CLOCK,
        **more,
    )
    return [each.parameters for each in expand_batch(request, lambda _message: None)]


def render(
    source: str, orders: Path, output: Path, parameters: dict[str, Any] | None = None, *formats: FileFormat, **more: Any
) -> Rendered:
    output.mkdir(exist_ok=True)
    datasets = {"orders": DatasetSource(version=3, paths=(orders,))}
    request = RenderRequest(
        template_source=source,
        parameters=parameters or {},
        datasets=more.pop("datasets", datasets),
        limits=more.pop("limits", QueryLimits(seconds=10)),
        clock=CLOCK,
        output=output,
        formats=formats or ("html",),
        template_name="weekly",
        template_version=4,
        **more,
    )
    return render_report(request, lambda _message: None)


def content(rendered: Rendered) -> str:
    return rendered.artifacts[0].path.read_text("utf-8")


def paper_text(rendered: Rendered) -> str:
    """What stands in the PDF, as one line."""
    pdf = next(artifact for artifact in rendered.artifacts if artifact.format == "pdf")
    return " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(pdf.path).pages).split())


def workbook(rendered: Rendered, *, reckoned: bool = False) -> openpyxl.Workbook:
    """The report as Excel reads it; it must have been made as nothing else, or as the last of its formats.

    `reckoned`: what formulas give, in place of the formulas.
    """
    return openpyxl.load_workbook(io.BytesIO(rendered.artifacts[-1].path.read_bytes()), data_only=reckoned)
