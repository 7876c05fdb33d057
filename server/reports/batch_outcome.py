"""How a batch that was made is told: the result of its job, and the notice to its owner."""

from __future__ import annotations

from server.errors import JobFailed
from server.jobs.outcomes import Notice, Outcome
from server.reports.batches import Batch


def batch_outcome(batch: Batch, *, succeeded: int, failed: int) -> Outcome:
    """Raises `JobFailed` when no report came out."""
    if not succeeded:
        if failed == 1:
            raise JobFailed("The only report failed; it says why.", code="all_reports_failed")
        raise JobFailed("All {count} reports failed; each says why.", code="all_reports_failed", count=failed)
    place = f"/api/v1/batches/{batch.id}"
    links = {"page": f"/batches/{batch.id}", "batch": place, "zip": f"{place}/download.zip"}
    return Outcome(
        result={"batch_id": batch.id, "succeeded": succeeded, "failed": failed, "links": links},
        is_partial=failed > 0,
        notice=_notice(batch, succeeded=succeeded, failed=failed),
    )


def _notice(batch: Batch, *, succeeded: int, failed: int) -> Notice:
    url, parameters = f"/batches/{batch.id}", {"name": batch.name, "succeeded": succeeded, "failed": failed}
    if failed:
        return Notice(
            title="Reports “{name}” are made",
            body="Done: {succeeded}. Failed: {failed}; each failed one says why.",
            level="warning",
            url=url,
            parameters=parameters,
        )
    return Notice(
        title="Reports “{name}” are ready",
        body="All {succeeded} are done." if succeeded > 1 else "The only one is done.",
        level="success",
        url=url,
        parameters=parameters,
    )
