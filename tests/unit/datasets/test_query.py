"""Queries: they read their datasets and nothing else, end in time, and their errors help."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from server.datasets.query import run_query
from server.datasets.query_session import QuerySession
from server.datasets.work import QueryLimits, QueryRequest
from server.errors import InvalidInput
from server.reports.sandbox import time_limit


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    path = tmp_path / "sales o'clock.parquet"
    duckdb.sql("select i as id, i * 2.5 as 金额, 'x' as kind from range(10) r(i)").write_parquet(str(path))
    return path


@pytest.fixture
def session(sales: Path) -> Iterator[QuerySession]:
    limits = QueryLimits(seconds=1, rows=100, memory_mib=64)
    with QuerySession({"销售": [sales, sales], "sales": [sales]}, limits) as session:
        yield session


def test_several_files_are_one_dataset(session: QuerySession) -> None:
    assert session.execute('select count(*), sum("金额") from 销售').rows == [(20, 225)]


def test_values_are_bound_by_name(session: QuerySession) -> None:
    found = session.execute("select id from sales where id = $id", {"id": 4, "unused": 1})
    assert found.rows == [(4,)]
    with pytest.raises(InvalidInput, match="asks for \\$missing"):
        session.execute("select $missing")
    with pytest.raises(InvalidInput, match="cannot be used"):
        session.execute("select ?")


def test_more_rows_than_the_limit_are_cut_and_told(session: QuerySession) -> None:
    result = session.execute("select * from range(1000)")
    assert (len(result.rows), result.truncated) == (100, True)
    assert not session.execute("select * from range(100)").truncated


@pytest.mark.parametrize(
    "statement",
    [
        "copy (select 1) to '/tmp/stolen.csv'",
        "attach '/tmp/other.db'",
        "install httpfs",
        "load httpfs",
        "set threads = 8",
        "pragma database_list",
        "create table t as select 1",
        "create view v as select 1",
        "drop view sales",
        "insert into sales values (1)",
        "explain select 1",
        "call pragma_version()",
        "export database '/tmp/x'",
        "checkpoint",
        "select 1; drop view sales",
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "select * from read_blob('/etc/passwd')",
        "select * from '/etc/passwd'",
        "select * from '/etc/*.conf'",
        "from glob('/etc/*')",
        "select getenv('HOME')",
        "select current_setting('allowed_paths')",
        "select current_setting/**/('allowed_paths')",
        "select '--', * from duckdb_settings()",
        "select * from duckdb_views()",
        'select * from "duckdb_views"()',
        "select * from duckdb_databases()",
        "select view_definition from information_schema.views",
        "select sql from sqlite_master",
        "select * from query('select * from duck' || 'db_views()')",
        "select * from parquet_metadata('/etc/passwd')",
        "select * from sniff_csv('/etc/passwd')",
        "with x as (select * from read_json('/etc/passwd')) select * from x",
        "summarize (select * from read_csv('/etc/passwd'))",
        "select * from 'https://example.com/a.parquet'",
    ],
)
def test_hostile_statements_are_refused_and_leak_no_path(session: QuerySession, sales: Path, statement: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        session.execute(statement)
    assert str(sales.parent) not in caught.value.text


@pytest.mark.parametrize(
    ("sql", "line", "column", "message"),
    [
        ("select kin from sales", 1, 8, "Did you mean “kind”?"),
        ("select *\nfrom 销售 where\n  nothing = 1", 3, 3, "There is no column “nothing”. There are: "),
        ("select '中文', nothing from sales", 1, 14, "There is no column “nothing”. There are: "),
        ("select * frm sales", 1, 14, "There is a syntax error at “sales”: there, or just before it"),
        ("select kind, count(*) from sales", 1, 8, "“kind” is neither grouped nor summed up: add it to GROUP BY"),
        ("select kind + 1.5 from sales group by 1.5 + 'x'::varchar", 1, 43, "“+” is not there for "),
        ("select kind::int from sales", 1, 12, " cannot be read as INT32; try_cast("),
        ("select\n'soon'::date from sales", 2, 7, "“soon” cannot be read as DATE; try_cast("),
        ("select * from sale", 1, 15, "There is no dataset “sale”. Did you mean “sales”?"),
    ],
)
def test_errors_say_where_and_what_is_near(
    session: QuerySession, sql: str, line: int, column: int, message: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        session.execute(sql)
    error = caught.value
    assert error.specific_code == "query_error"
    assert (error.parameters["line"], error.parameters["column"]) == (line, column)
    assert message in error.text
    assert "Candidate" not in error.text


def test_a_query_that_takes_too_long_is_stopped(session: QuerySession) -> None:
    with pytest.raises(InvalidInput) as caught:
        session.execute("select count(*) from range(1000000000) a, range(1000000) b")
    assert caught.value.specific_code == "query_too_long"
    assert session.execute("select 1").rows == [(1,)]


def test_a_query_that_the_time_of_a_report_ends_is_told_so(sales: Path) -> None:
    """It was an error of the server: DuckDB turns what a signal raises into a RuntimeError."""
    endless = "select count(*) from range(100000000000) a(i), range(100000) b(j) where i * j % 7 = 3"
    session = QuerySession({"sales": (sales,)}, QueryLimits(seconds=60))
    for execute in (session.execute, session.run_own):
        with pytest.raises(InvalidInput) as caught, time_limit(0.2):
            execute(endless)
        assert caught.value.specific_code == "report_too_long"


def test_a_query_that_needs_too_much_memory_is_told_so(session: QuerySession) -> None:
    with pytest.raises(InvalidInput) as caught:
        session.execute("select count(distinct md5(i::varchar)) from range(5000000) r(i)")
    assert caught.value.specific_code in ("query_too_large", "query_too_long")


def test_a_request_runs_in_one_call(sales: Path) -> None:
    request = QueryRequest(
        sql="select kind from data limit 1", datasets={"data": (sales,)}, limits=QueryLimits(), parameters={}
    )
    result = run_query(request, lambda _message: None)
    assert (result.columns, result.rows) == ([("kind", "VARCHAR")], [["x"]])
