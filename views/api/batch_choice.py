"""Which batches and reports a request means."""

from __future__ import annotations

from typing import Any

from server.http.endpoint import Call
from server.reports.batch_filter import BatchFilter
from views.batch_filter import BatchCriteria
from views.context import formats_for


def filter_by(call: Call[Any, Any], wanted: BatchCriteria) -> BatchFilter:
    """Days are those of the caller's time zone."""
    formats = formats_for(call.request)
    return wanted.filter(formats.zone, formats.now)
