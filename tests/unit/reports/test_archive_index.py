"""What stands in the list of a zip."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest

from server.jobs.job import State
from server.reports.archive_index import Listed, index_files
from server.reports.batches import BatchHead, BatchReport

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
REPORT = BatchReport(
    id="r1",
    batch_id="b1",
    owner_id="u1",
    position=1,
    title="North",
    parameters={"regions": ["North", "South"], "period": {"from": "2026-10-01", "to": "2026-10-31"}, "paid": True},
    state=State.SUCCEEDED,
)


def index(*, clock: datetime) -> dict[str, str]:
    batch = BatchHead(
        id="b1",
        owner_id="u1",
        job_id="j1",
        name="Sales",
        template_name="sales",
        template_version=1,
        formats=["pdf"],
        clock=clock,
        dataset_versions={},
        language="en",
        time_zone="Asia/Shanghai",
        report_count=1,
        created_at=NOON,
    )
    files = index_files(batch, [Listed(report=REPORT, files={"pdf": "North.pdf"})], gettext=str)
    return {name: content.decode("utf-8-sig") for name, content in files.items()}


def test_parameters_are_written_as_on_pages() -> None:
    [row] = csv.DictReader(io.StringIO(index(clock=NOON)["index.csv"]))
    assert (row["parameters.regions"], row["parameters.period"], row["parameters.paid"]) == (
        "North, South",
        "2026-10-01 – 2026-10-31",
        "yes",
    )


@pytest.mark.parametrize(
    ("clock", "told"),
    [
        (NOON, "28 Nov 2026, 20:00 (Asia/Shanghai)"),
        (datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC), "31 Oct 2026 (Asia/Shanghai)"),
    ],
)
def test_it_says_when_as_the_reports_do(clock: datetime, told: str) -> None:
    assert f"1 of 1 reports were made, as of {told}." in index(clock=clock)["index.html"]
