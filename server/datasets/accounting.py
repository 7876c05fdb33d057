"""The end of an import: every record of the file is a row, a reject or named, and there is at least one row."""

from __future__ import annotations

from server.datasets.named import Named
from server.datasets.rejects import BY_RULE, REASONS, RejectWriter
from server.errors import FileProblem, JobFailed
from server.texts import phrase


def require_all_told(records: int, rows: int, rejected: int, named: Named) -> None:
    """`records` were counted where the file is read. Raises `JobFailed`, for it is a fault of this program."""
    if rows + rejected + named.total != records:
        raise JobFailed(
            "The file has {records} records, but {rows} rows, {rejected} rejected rows and {named} lines left out came "
            "of it. That is a fault of this program, so nothing was imported; please report it.",
            code="records_lost",
            records=records,
            rows=rows,
            rejected=rejected,
            named=named.total,
        )


def require_rows(rows: int, rejects: RejectWriter) -> None:
    """Raises `FileProblem`: an import of nothing has failed, whatever the reason."""
    if rows:
        return
    if rejects.first is None:
        raise FileProblem("The file has column names, but no rows below them.", code="no_rows")
    code, count = rejects.by_code.most_common(1)[0]
    message = (
        "No row could be imported: all {count} were rejected, the first in line {line}: {reason}"
        if code in BY_RULE
        else "No row could be imported: all {count} were rejected, the first in line {line}: {reason} Check the "
        "delimiter, the header and the column types."
    )
    raise FileProblem(
        message,
        code="all_rejected",
        count=rejects.row_count,
        line=rejects.first.line,
        reason=phrase(REASONS[rejects.first.code], **rejects.first.parameters),
        most=code,
        most_count=count,
    )
