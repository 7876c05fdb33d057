"""How many reports two worker processes make a second, and what each costs: three-page PDFs, and all formats."""

from __future__ import annotations

import json
import multiprocessing
import resource
import subprocess
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pypdf
import pytest

from server.datasets.query_session import QuerySession
from server.datasets.work import QueryLimits
from server.reports.laying_out import lay_out
from server.reports.rendering import expand_batch, render_report
from server.reports.template import Template, parse_template
from server.reports.work import DatasetSource, ExpandRequest, FileFormat, LayoutRequest, RenderRequest
from tests.benchmarks.live.contestants import peers_python

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


LONG = """\
title: "{{ region }} · {{ month | month }}"
parameters:
  region: {type: text, label: Region, each: select distinct region from orders order by 1}
  month: {type: month, label: Month}
queries:
  rows: select ordered_at, customer, product, quantity, amount from orders where region = $region limit 200
blocks:
  - table:
      query: rows
      columns: [ordered_at, customer, product, quantity, {name: amount, format: currency, currency: CNY, total: sum}]
"""


@pytest.mark.benchmark
@pytest.mark.timeout(600)
def test_tables_of_200_rows_in_three_formats(tmp_path: Path) -> None:
    requests = _requests(tmp_path, LONG, ("pdf", "xlsx", "html"))
    _make(requests, tmp_path, "tables of 200 rows in three formats")


@pytest.mark.benchmark
@pytest.mark.timeout(600)
def test_queries_over_five_million_rows(tmp_path: Path) -> None:
    """What the queries of one report take before and after the data were laid out for its batch."""
    rows, regions, reports = 5_000_000, 1_000, 40
    orders = tmp_path / "orders.parquet"
    duckdb.execute(
        f"copy (select 'Region ' || hash(i) % {regions} as region, 'Product ' || hash(i + 1) % 40 as product, "
        "timestamp '2024-01-01' + interval (i % 700) day as ordered_at, (hash(i + 2) % 10000) / 100.0 as amount, "
        f"hash(i + 3) % 10 as quantity from range({rows}) t(i)) to '{orders}'"
    )
    datasets, template = {"orders": DatasetSource(version=1, paths=(orders,))}, parse_template(SMALL)
    request = LayoutRequest(
        template_source=SMALL, datasets=datasets, limits=QueryLimits(), output=tmp_path, reports=regions
    )
    wall, cpu = time.perf_counter(), time.process_time()
    laid_out = lay_out(request, lambda _name: None)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"\n{rows:,} rows laid out for {regions:,} reports: {wall:.1f} s, CPU {cpu:.1f} s")
    for what, paths in (("as they are stored", {"orders": (orders,)}), ("laid out", laid_out)):
        with QuerySession(paths, QueryLimits(), now=CLOCK) as session:
            spent = [_queried(session, template, f"Region {number * 17}") for number in range(reports)][1:]
        middle = [sorted(each)[len(each) // 2] * 1000 for each in zip(*spent, strict=True)]
        print(f"  the {len(template.queries)} queries of a report, {what}: {middle[0]:.1f} ms, CPU {middle[1]:.1f} ms")


def _queried(session: QuerySession, template: Template, region: str) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    for query in template.queries.values():
        session.execute(query.sql, {"region": region})
    return time.perf_counter() - wall, time.process_time() - cpu


@pytest.mark.benchmark
@pytest.mark.timeout(600)
def test_the_same_report_by_others(tmp_path: Path) -> None:
    """PDFs of one report, one process each, all in this run. Others make less of it: no PDF/A, no bookmarks, tags."""
    python, problem = peers_python(Path(__file__).with_name("report_peers.txt"))
    count, requests = 30, _requests(tmp_path, SMALL, ("pdf", "html"))
    (tmp_path / "page").mkdir()
    render_report(_moved(requests[0], tmp_path, "page"), lambda _message: None)
    with QuerySession({"orders": (tmp_path / "orders.parquet",)}, QueryLimits(), now=CLOCK) as session:
        found = {
            name: [[str(cell) for cell in row] for row in session.execute(query.sql, requests[0].parameters).rows]
            for name, query in parse_template(SMALL).queries.items()
        }
    figures = {"title": requests[0].parameters["region"], "figures": [("Revenue", found["totals"][0][0])]}
    for name in ("by_month", "top"):
        figures[name] = [[row[0], float(row[1]), *row[2:]] for row in found[name]]
    (tmp_path / "figures.json").write_text(json.dumps(figures), "utf-8")
    print(f"\nPDFs of one report, one process, {count} each: Jindu {_ours(requests[: count + 1], tmp_path)}")
    for name, source in (("WeasyPrint", tmp_path / "page" / "report.html"), ("ReportLab", tmp_path / "figures.json")):
        if python is None:
            print(f"  {name}: not here ({problem})")
            continue
        command = [str(python), str(Path(__file__).with_name("report_peers.py")), name, str(source), str(count)]
        wall, cpu = map(float, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
        print(f"  {name}: {count / wall:.1f}/s, CPU {cpu / count * 1000:.0f} ms each")


def _ours(requests: list[RenderRequest], tmp_path: Path) -> str:
    """Of other regions and months each time."""
    only_pdf = [msgspec.structs.replace(request, formats=("pdf",)) for request in requests]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver")) as pool:
        pool.submit(made, _moved(only_pdf[0], tmp_path, "first")).result()
        wall = time.perf_counter()
        cpu = [pool.submit(made, request).result()[0] for request in only_pdf[1:]]
        wall = time.perf_counter() - wall
    return f"{len(cpu) / wall:.1f}/s, CPU {sum(cpu) / len(cpu) * 1000:.0f} ms each"


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
    sets: list[dict[str, Any]] = [each.parameters for each in expand_batch(expanding, lambda _message: None)]
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
