"""Whether what is stored can be found: each thing has its words, and the engine's own index has those of all rows."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from server.care.findings import CareFinding, error, warning
from server.storage.database import Database
from server.storage.tables import batches, datasets, findables, jobs, reports, templates, users
from server.storage.word_index import WordIndex

_REINDEX = "Stop the server and run jindu db reindex: it makes the words anew from what is stored."
_THINGS = {
    "datasets": (datasets, findables.c.dataset_id, datasets.c.version.is_not(None)),
    "templates": (templates, findables.c.template_id, sa.true()),
    "batches": (batches, findables.c.batch_id, sa.true()),
    "reports": (reports, findables.c.report_id, sa.true()),
    "jobs": (jobs, findables.c.job_id, sa.true()),
    "users": (users, findables.c.user_id, sa.true()),
}


async def check_search(database: Database, index: WordIndex, *, thorough: bool) -> list[CareFinding]:
    """`thorough`: all words are compared, and whoever writes waits for it."""
    findings: list[CareFinding] = []
    async with database.read() as connection:
        lacking = {name: await connection.scalar(query) or 0 for name, query in _counts()}
    if any(lacking.values()):
        told = ", ".join(f"{count:,} {name}" for name, count in lacking.items() if count)
        findings.append(warning("search_incomplete", f"The search does not find {told}.", _REINDEX, lacking=lacking))
    if thorough:
        async with database.write() as connection:
            problem = await index.problem(connection)
        if problem is not None:
            findings.append(
                error("search_damaged", f"The search's words are not those of the rows: {problem}.", _REINDEX)
            )
    return findings


def _counts() -> Iterator[tuple[str, sa.Select[int]]]:
    for name, (table, column, is_meant) in _THINGS.items():
        has_words = sa.exists().where(column == table.c.id)
        yield name, sa.select(sa.func.count()).select_from(table).where(is_meant, ~has_words)
