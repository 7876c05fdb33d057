"""Who is told of what does not arrive: its owner, once for each round of a batch; the page has the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.permissions import Role
from server.deliveries.delivery import DeliveryState, FrozenDelivery
from server.jobs.outcomes import Notice
from server.live.notice_kinds import NoticeKind
from server.live.notices import Notices
from server.realtime.history import KeptMessage
from server.reports.batches import BatchHead
from server.storage.tables import users
from server.texts import Phrase, phrase

_TOLD_AS = {
    DeliveryState.FAILED: "“{name}” did not reach {recipient}",
    DeliveryState.SKIPPED: "“{name}” was not sent to {recipient}",
    DeliveryState.BOUNCED: "“{name}” came back from {recipient}",
    DeliveryState.PERHAPS_SENT: "Nobody knows whether “{name}” reached {recipient}",
}
_TRIED_AS = {
    DeliveryState.FAILED: "The trial of “{name}” for {recipient} did not reach you",
    DeliveryState.SKIPPED: "The trial of “{name}” for {recipient} was not sent",
    DeliveryState.BOUNCED: "The trial of “{name}” for {recipient} came back from your address",
    DeliveryState.PERHAPS_SENT: "Nobody knows whether the trial of “{name}” for {recipient} reached you",
}


class DeliveryTelling:
    def __init__(self, notices: Notices) -> None:
        self._notices = notices

    async def keep_stopped(
        self, connection: AsyncConnection, batch: BatchHead, stopped: Sequence[dict[str, Any]]
    ) -> list[KeptMessage]:
        """That some cannot be sent at all, before any is."""
        if not stopped:
            return []
        first = stopped[0]["error"]
        notice = Notice(
            title="“{name}”: {count} deliveries cannot be sent",
            body="The first of them: {reason}",
            level="error",
            url=f"/batches/{batch.id}#deliveries",
            parameters={"name": batch.name, "count": len(stopped), "reason": first},
        )
        return [await self._notices.keep(connection, batch.owner_id, notice, kind=NoticeKind.FAILED)]

    async def keep_failed(
        self, connection: AsyncConnection, delivery: FrozenDelivery, state: DeliveryState, reason: Phrase
    ) -> list[KeptMessage]:
        """That one did not arrive. Where its owner can do nothing any more, all administrators are told."""
        notice = Notice(
            title=(_TRIED_AS if delivery.is_trial else _TOLD_AS)[state],
            body="{reason} The page of the reports shows all deliveries, and can send them again.",
            level="error",
            url=f"/batches/{delivery.batch_id}#deliveries",
            parameters={
                "name": delivery.content.batch_name,
                "recipient": delivery.meant_for or phrase("nobody" if delivery.is_trial else "a place"),
                "reason": reason,
            },
        )
        keep, readers = self._notices.keep, await _readers(connection, delivery)
        return [await keep(connection, reader, notice, kind=NoticeKind.FAILED) for reader in readers]

    async def keep_opted_out(
        self, connection: AsyncConnection, owner_id: str, *, schedule_id: str, name: str, address: str
    ) -> list[KeptMessage]:
        notice = Notice(
            title="{address} wants no more mail of “{name}”",
            body="Its page shows who does not, and can allow it again.",
            url=f"/schedules/{schedule_id}#optouts",
            parameters={"address": address, "name": name},
        )
        return [await self._notices.keep(connection, owner_id, notice, kind=NoticeKind.SCHEDULED)]

    def send(self, kept: Sequence[KeptMessage]) -> None:
        for message in kept:
            self._notices.send(message)


async def _readers(connection: AsyncConnection, delivery: FrozenDelivery) -> Sequence[str]:
    if delivery.content.trial is not None:
        return [delivery.content.trial.user_id]
    active = users.c.disabled_at.is_(None)
    owner = sa.select(users.c.id).where(users.c.id == delivery.owner_id, active)
    if await connection.scalar(owner) is not None:
        return [delivery.owner_id]
    return (await connection.scalars(sa.select(users.c.id).where(users.c.role == Role.ADMIN, active))).all()
