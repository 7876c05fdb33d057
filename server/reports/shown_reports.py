"""What of a batch's reports somebody is shown who may not see the data that they were made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from server.errors import FieldError
from server.jobs.job import State
from server.reports.batches import BatchReport, ReportError

ShownReports = Callable[[Sequence[BatchReport]], Sequence[BatchReport]]


def everything(reports: Sequence[BatchReport]) -> Sequence[BatchReport]:
    return reports


def for_strangers(reports: Sequence[BatchReport]) -> Sequence[BatchReport]:
    """Those that are made, without the parameters that no page of theirs shows, and without what is said of them.

    Others are left out: their reasons quote cells, and so do the titles that they have until they are made.
    """
    made = (report for report in reports if report.state is State.SUCCEEDED)
    return [msgspec.structs.replace(report, parameters={}, error=None, comment_count=0) for report in made]


def without_reasons(owner: str) -> ShownReports:
    """For those to whom the reports were given, and not the data: reasons quote cells. `owner` can tell them."""

    def shown(reports: Sequence[BatchReport]) -> Sequence[BatchReport]:
        return [
            report if report.error is None else msgspec.structs.replace(report, error=_unsaid(report.error, owner))
            for report in reports
        ]

    return shown


def _unsaid(error: ReportError, owner: str) -> ReportError:
    """Its code, and the places in the template."""
    told = [
        FieldError(field=place["field"], message="Ask {owner}.", parameters={"owner": owner}) for place in error.errors
    ]
    return ReportError(
        code=error.code,
        message="The reason may quote data that is not shared with you; ask {owner}.",
        parameters={"owner": owner},
        errors=[{"field": each.field, "message": each.message, "parameters": each.parameters} for each in told],
    )
