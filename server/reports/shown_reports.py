"""What of a batch's reports somebody is shown who may not see the data that they were made from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from server.jobs.job import State
from server.reports.batches import BatchReport

Shown = Callable[[Sequence[BatchReport]], Sequence[BatchReport]]


def everything(reports: Sequence[BatchReport]) -> Sequence[BatchReport]:
    return reports


def for_strangers(reports: Sequence[BatchReport]) -> Sequence[BatchReport]:
    """Those that are made, without the parameters that no page of theirs shows.

    Others are left out: their reasons quote cells, and so do the titles that they have until they are made.
    """
    made = (report for report in reports if report.state is State.SUCCEEDED)
    return [msgspec.structs.replace(report, parameters={}, error=None) for report in made]
