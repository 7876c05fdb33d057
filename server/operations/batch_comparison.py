"""What moved since the batch before: for whoever may see both."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from server.auth.access import BATCHES, may
from server.auth.permissions import Principal
from server.errors import InvalidInput
from server.operations.batches import BatchOperations
from server.reports.batch_comparing import Moves, ReportFigures, compare
from server.reports.batch_store import BatchStore
from server.reports.batches import BatchHead
from server.storage.tables import batches

MOST_REPORTS = 2_000  # of one batch that are compared
_ON_TRIAL = sa.func.coalesce(batches.c.deliveries["is_trial"].as_boolean(), sa.false())  # whatever became of its run


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """`before` is None when the template has no batch before this one; then nothing is compared."""

    before: BatchHead | None = None
    moves: Moves = Moves(moved=[], compared=0, only_now=0, only_before=0)


class BatchComparison:
    def __init__(self, *, batches: BatchOperations, store: BatchStore) -> None:
        self._batches = batches
        self._store = store

    async def of(self, principal: Principal, batch_id: str, *, other_id: str = "") -> Comparison:
        """With the batch of that id, or the last one of the same template before it that has reports, and was
        not made on trial.

        Raises `NotFound` for either, and `InvalidInput` for batches of more reports than are compared.
        """
        batch = await self._batches.get(principal, batch_id)
        before = await self._batches.get(principal, other_id) if other_id else await self._before(principal, batch)
        if before is None:
            return Comparison()
        for each in (batch, before):
            if each.report_count > MOST_REPORTS:
                raise InvalidInput(
                    "Batches of up to {limit} reports are compared; “{name}” has {count}.",
                    limit=MOST_REPORTS,
                    name=each.name,
                    count=each.report_count,
                )
        not_made = await self._store.not_made(batch.id)
        moves = compare(await self._figures(batch), await self._figures(before), not_made=not_made)
        return Comparison(before=before, moves=moves)

    async def _before(self, principal: Principal, batch: BatchHead) -> BatchHead | None:
        """The batch that somebody else would compare with is no business of whoever was given this one alone; nobody
        but them got what was made on trial."""
        return await self._store.before(batch, sa.and_(may(principal, BATCHES), sa.not_(_ON_TRIAL)))

    async def _figures(self, batch: BatchHead) -> list[ReportFigures]:
        return [figures async for figures in self._store.figures(batch.id)]
