"""How many reports two worker processes make a second, and what each costs: three-page PDFs, and all formats."""

from __future__ import annotations

import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pypdf
import pytest

from server.datasets.work import QueryLimits
from server.reports.rendering import expand_batch, render_report
from server.reports.work import DatasetSource, ExpandRequest, FileFormat, RenderRequest

ROOT = Path(__file__).parents[2]
REPORTS = 200
PROCESSES = 2
CLOCK = datetime(2026, 12, 31, 8, tzinfo=UTC)
_ORDERS = """
select region, channel, customer, product, category, paid = 'yes' as paid,
       try_cast(ordered_at as timestamp) as ordered_at,
       try_cast(quantity as bigint) as quantity,
       try_cast(replace(discount, '%', '') as double) / 100 as discount,
       try_cast(amount as double) as amount
from read_csv(?, all_varchar = true, ignore_errors = true, strict_mode = false, header = true)
where try_cast(ordered_at as timestamp) is not null and try_cast(amount as double) is not null
"""


def made(request: RenderRequest) -> tuple[float, int]:
    """CPU seconds of one report, and the process's memory high water in MiB."""
    started = time.process_time()
    request.output.mkdir()
    render_report(request, lambda _message: None)
    return time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


SMALL = """\
title: "{{ region }} · {{ month | month }}"
parameters:
  region: {type: text, label: Region, each: select distinct region from orders order by 1}
  month: {type: month, label: Month}
queries:
  totals: select sum(amount) as revenue, count(*) as orders from orders where region = $region
  by_month: |
    select date_trunc('month', ordered_at)::date as month, sum(amount) as revenue
    from orders where region = $region group by 1 order by 1
  top: |
    select product, sum(amount) as revenue, sum(quantity) as pieces
    from orders where region = $region group by 1 order by 2 desc limit 20
blocks:
  - kpis:
      - {label: Revenue, value: totals.revenue, format: currency, currency: CNY}
      - {label: Orders, value: totals.orders, format: integer}
  - chart: {kind: line, query: by_month, x: month, y: revenue, format: currency, currency: CNY}
  - chart: {kind: bar, query: top, x: product, y: revenue, title: Products, format: currency, currency: CNY}
  - table: {query: top, columns: [product, {name: revenue, format: currency, currency: CNY, total: sum}, pieces]}
"""


@pytest.mark.benchmark
@pytest.mark.timeout(600)
def test_small_reports_in_three_formats(tmp_path: Path) -> None:
    requests = _requests(tmp_path, SMALL, ("pdf", "xlsx", "html"))
    _make(requests, tmp_path, "reports of 20 rows, two charts and figures in three formats")
    sizes = {path.suffix: path.stat().st_size // 1024 for path in requests[-1].output.iterdir()}
    print(f"KiB: {sizes}")
    assert sizes[".html"] < 150


@pytest.mark.benchmark
@pytest.mark.timeout(600)
def test_a_batch_of_three_page_pdfs(tmp_path: Path) -> None:
    source = (ROOT / "examples" / "templates" / "monthly-sales.yaml").read_text("utf-8")
    requests = _requests(tmp_path, source, ("pdf",))
    _make(requests, tmp_path, "PDFs of three pages")
    pages = pypdf.PdfReader(requests[-1].output / "report.pdf").pages
    assert len(pages) == 3


def _make(requests: list[RenderRequest], tmp_path: Path, what: str) -> None:
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("forkserver")) as pool:
        list(pool.map(made, [_moved(request, tmp_path, f"warm-{n}") for n, request in enumerate(requests[:4])]))
        started = time.perf_counter()
        figures = list(pool.map(made, requests))
        elapsed = time.perf_counter() - started
    cpu = sorted(seconds for seconds, _memory in figures)
    print(
        f"\n{REPORTS} {what} on {PROCESSES} processes: {REPORTS / elapsed:.1f}/s; "
        f"CPU a report: median {cpu[len(cpu) // 2] * 1000:.0f} ms, p95 {cpu[int(len(cpu) * 0.95)] * 1000:.0f} ms; "
        f"memory a process: {max(memory for _seconds, memory in figures)} MiB"
    )


def _requests(tmp_path: Path, source: str, formats: tuple[FileFormat, ...]) -> list[RenderRequest]:
    orders = tmp_path / "orders.parquet"
    duckdb.execute(f"copy ({_ORDERS}) to '{orders}'", [str(ROOT / "examples" / "orders.csv")])
    datasets = {"orders": DatasetSource(version=1, paths=(orders,))}
    months = [{"month": f"2026-{month:02d}"} for month in range(1, 13)]
    expanding = ExpandRequest(
        template_source=source, parameters=months, datasets=datasets, limits=QueryLimits(), clock=CLOCK
    )
    sets: list[dict[str, Any]] = expand_batch(expanding, lambda _message: None)
    sets = [one for one in sets if "Overseas" not in one["region"]]
    return [
        RenderRequest(
            template_source=source,
            parameters=sets[number % len(sets)],
            datasets=datasets,
            limits=QueryLimits(),
            clock=CLOCK,
            output=tmp_path / str(number),
            formats=formats,
        )
        for number in range(REPORTS)
    ]


def _moved(request: RenderRequest, tmp_path: Path, name: str) -> RenderRequest:
    values = {field: getattr(request, field) for field in request.__struct_fields__}
    return RenderRequest(**(values | {"output": tmp_path / name}))
