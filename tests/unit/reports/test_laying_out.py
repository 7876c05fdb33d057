"""Large datasets are sorted once for a batch, and no report notices but by the clock."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from server.datasets.query_session import QuerySession
from server.datasets.work import QueryLimits
from server.reports.laying_out import compared_columns, lay_out
from server.reports.template import parse_template
from server.reports.work import DatasetSource, LayoutRequest
from server.storage.full_disk import is_full_disk

SOURCE = """\
title: x
parameters:
  region: {each: select distinct region from orders}
  month: {type: month, default: last_month}
queries:
  a: select sum(amount) as n from orders where region = $region and month = $month
  b: select * from orders o where $region = o.region limit 5
  c: select list(amount) as n from Orders where region = $region
  d: select * from other where name = $region
blocks: [{table: {query: a}}, {table: {query: b}}, {table: {query: c}}, {table: {query: d}}]
"""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """A dataset of two files, of which the second has a column more."""
    place = tmp_path_factory.mktemp("parts")
    files = (place / "1.parquet", place / "it's 2.parquet")
    for number, file in enumerate(files):
        more = ", 1.25::decimal(9, 2) as price" if number else ""
        rows = f"select 'R' || i * 7 % 40 as region, i + {number * 110_000} as amount{more} from range(110000) t(i)"
        duckdb.sql(rows).write_parquet(str(file))
    return files


def laid_out(parts: tuple[Path, ...], output: Path, reports: int) -> dict[str, tuple[Path, ...]]:
    output.mkdir(exist_ok=True)
    datasets = {"orders": DatasetSource(version=1, paths=parts), "other": DatasetSource(version=1, paths=parts[:1])}
    limits = QueryLimits(seconds=10)
    request = LayoutRequest(template_source=SOURCE, datasets=datasets, limits=limits, output=output, reports=reports)
    return lay_out(request, lambda _told: None)


def test_only_columns_that_differ_from_report_to_report_count() -> None:
    template = parse_template(SOURCE)
    assert compared_columns(template, "orders") == {"region": 3}
    assert compared_columns(template, "other") == {"name": 1}
    by_row = SOURCE.replace("{each: select distinct region from orders}", "{}")
    by_row = by_row.replace("queries:", "each_row: select distinct region, month from orders\nqueries:")
    assert compared_columns(parse_template(by_row), "orders") == {"region": 3}
    assert (
        compared_columns(parse_template(SOURCE.replace("each: select distinct region from orders", "")), "orders") == {}
    )


def test_every_query_gives_the_same_rows_in_the_same_order(parts: tuple[Path, ...], tmp_path: Path) -> None:
    found = laid_out(parts, tmp_path / "out", reports=50)
    assert list(found) == ["orders"]  # the other has too few rows
    limits = QueryLimits(seconds=10)
    with QuerySession({"orders": parts}, limits) as before, QuerySession(found, limits) as after:
        for sql in (
            "select * from orders where region = $region",
            "describe orders",
            "select count(*), sum(amount), count(price) from orders",
        ):
            values = {"region": "R21"}
            one, other = before.execute(sql, values), after.execute(sql, values)
            assert (one.columns, one.rows) == (other.columns, other.rows)


def test_a_query_that_reads_other_rows_as_well_keeps_the_data_in_their_order() -> None:
    for more in ("select * from orders limit 3", "select 1 from orders, (from orders where region = $region)"):
        template = parse_template(SOURCE.replace("  d: ", f"  e: {more}\n  d: "))
        assert compared_columns(template, "orders") == {}


def test_few_reports_read_the_data_as_they_are(parts: tuple[Path, ...], tmp_path: Path) -> None:
    assert laid_out(parts, tmp_path / "out", reports=33) == {}


def test_a_column_with_the_name_of_a_row_number_is_no_reason_to_fail(tmp_path: Path) -> None:
    file = tmp_path / "odd.parquet"
    duckdb.sql("select 'R' as region, i as file_row_number from range(210000) t(i)").write_parquet(str(file))
    assert laid_out((file,), tmp_path / "out", reports=1000) == {}


def test_a_full_disk_is_told_as_such(parts: tuple[Path, ...], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "0.parquet").symlink_to("/dev/full")
    with pytest.raises(Exception, match=r"disk is full|Free some space") as found:
        laid_out(parts, tmp_path / "out", reports=50)
    assert not is_full_disk(found.value)  # it has its name
