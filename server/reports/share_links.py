"""Links that show a report, or a batch of them, to whoever has them: without an account, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.may_share import may_share
from server.auth.seals import Seals
from server.auth.secret_words import hash_of, new_secret
from server.clock import Clock, new_id, utc_now
from server.storage.database import Database
from server.storage.pages import Listing, place_of
from server.storage.tables import batches, reports, share_links, users

_MAKERS = users.alias("makers")
_COMPUTED = frozenset({"maker_name", "owner_id", "title", "is_allowed"})  # of other tables


class ShareLinkState(StrEnum):
    """`resting`: its maker may not share the thing at present, or their account is disabled."""

    OPEN = "open"
    ENDED = "ended"
    RESTING = "resting"


class LinkSecret(msgspec.Struct, frozen=True):
    """What stands in the address of a link, sealed in its row."""

    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareLink:
    """`report_id` is None where it shows the whole batch; `title` and `owner_id` are of what it shows."""

    id: str
    sequence: int = 0
    made_by: str
    batch_id: str
    report_id: str | None
    created_at: datetime
    expires_at: datetime | None
    password_hash: str = ""
    openings: int = 0
    last_opened_at: datetime | None = None
    maker_name: str = ""
    owner_id: str = ""
    title: str = ""
    is_allowed: bool = True

    def state(self, now: datetime) -> ShareLinkState:
        if self.expires_at is not None and self.expires_at <= now:
            return ShareLinkState.ENDED
        return ShareLinkState.OPEN if self.is_allowed else ShareLinkState.RESTING


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFilter:
    """`seen_by`: those that this user made, or that show what is theirs. None: everybody's."""

    seen_by: str | None = None
    made_by: str | None = None
    batch_id: str | None = None
    report_id: str | None = None
    limit: int = 50
    cursor: str | None = None


class ShareLinkStore:
    """A link belongs to the id of what it shows: it goes with the thing, and no other of that name brings it back."""

    def __init__(self, database: Database, seals: Seals, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._seals = seals
        self._clock = clock

    async def add(
        self,
        connection: AsyncConnection,
        *,
        made_by: str,
        batch_id: str,
        report_id: str | None,
        expires_at: datetime | None,
        password_hash: str,
        delivery_id: str | None = None,
    ) -> tuple[ShareLink, str]:
        """The link and its secret. `delivery_id`: what it was made for, when nobody made it by hand."""
        link = ShareLink(
            id=new_id(),
            made_by=made_by,
            batch_id=batch_id,
            report_id=report_id,
            created_at=self._clock(),
            expires_at=expires_at,
            password_hash=password_hash,
        )
        secret = new_secret()
        names = {each.name for each in fields(link)} - _COMPUTED - {"sequence"}
        await connection.execute(
            insert(share_links).values(
                **{name: getattr(link, name) for name in names},
                secret_hash=hash_of(secret),
                sealed=self._seals.seal(LinkSecret(secret)),
                delivery_id=delivery_id,
            )
        )
        return await self.in_transaction(connection, link.id) or link, secret

    async def may(self, connection: AsyncConnection, user_id: str, batch_id: str) -> bool:
        """Whether this user may make one."""
        return bool(await connection.scalar(select(may_share(user_id, batch_id))))

    async def count(self, connection: AsyncConnection, user_id: str) -> int:
        """How many links this user has made by hand that there still are."""
        by_hand = (share_links.c.made_by == user_id, share_links.c.delivery_id.is_(None))
        made = select(func.count()).select_from(share_links).where(*by_hand)
        return await connection.scalar(made) or 0

    async def by_secret(self, secret: str) -> ShareLink | None:
        """The link, as long as it is good."""
        async with self._database.read() as connection:
            row = (await connection.execute(_links(share_links.c.secret_hash == hash_of(secret)))).one_or_none()
        link = _link_of(row) if row else None
        return link if link and link.state(self._clock()) is ShareLinkState.OPEN else None

    async def in_transaction(self, connection: AsyncConnection, link_id: str) -> ShareLink | None:
        row = (await connection.execute(_links(share_links.c.id == link_id))).one_or_none()
        return _link_of(row) if row else None

    async def search(self, wanted: LinkFilter) -> Listing[ShareLink]:
        """Newest first."""
        matching = _links(*_conditions(wanted))
        async with self._database.read() as connection:
            total = await connection.scalar(select(func.count()).select_from(matching.subquery())) or 0
            page = (
                matching if wanted.cursor is None else matching.where(share_links.c.sequence < place_of(wanted.cursor))
            )
            newest_first = page.order_by(share_links.c.sequence.desc()).limit(wanted.limit + 1)
            found = [_link_of(row) for row in await connection.execute(newest_first)]
        items = found[: wanted.limit]
        return Listing(
            items=items, total=total, next_cursor=str(items[-1].sequence) if len(found) > wanted.limit else None
        )

    async def secrets(self, links: Sequence[ShareLink]) -> dict[str, str]:
        """By id, what stands in their addresses; without those that were sealed with a key that is gone."""
        return await self.secrets_of([link.id for link in links])

    async def secrets_of(self, link_ids: Sequence[str]) -> dict[str, str]:
        query = select(share_links.c.id, share_links.c.sealed).where(share_links.c.id.in_(link_ids))
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        opened = {row.id: self._seals.open(row.sealed, LinkSecret) for row in rows}
        return {link_id: sealed.secret for link_id, sealed in opened.items() if sealed is not None}

    async def remove(self, connection: AsyncConnection, link_id: str) -> bool:
        """False when somebody else was quicker."""
        return (await connection.execute(delete(share_links).where(share_links.c.id == link_id))).rowcount == 1

    async def opened(self, link: ShareLink) -> None:
        """One more has looked at it."""
        counted = update(share_links).where(share_links.c.id == link.id)
        async with self._database.write(shared=True) as connection:
            await connection.execute(counted.values(openings=share_links.c.openings + 1, last_opened_at=self._clock()))


def _links(*conditions: ColumnElement[bool]) -> Select[Any]:
    joined = (
        share_links.join(batches, batches.c.id == share_links.c.batch_id)
        .join(_MAKERS, _MAKERS.c.id == share_links.c.made_by)
        .outerjoin(reports, reports.c.id == share_links.c.report_id)
    )
    stored = [share_links.c[each.name] for each in fields(ShareLink) if each.name not in _COMPUTED]
    return (
        select(
            *stored,
            _MAKERS.c.name.label("maker_name"),
            batches.c.owner_id,
            case((reports.c.id.is_not(None), reports.c.title), else_=batches.c.name).label("title"),
            may_share(share_links.c.made_by, share_links.c.batch_id).label("is_allowed"),
        )
        .select_from(joined)
        .where(*conditions)
    )


def _conditions(wanted: LinkFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.seen_by is not None:
        conditions.append((share_links.c.made_by == wanted.seen_by) | (batches.c.owner_id == wanted.seen_by))
    if wanted.made_by is not None:
        conditions.append(share_links.c.made_by == wanted.made_by)
    if wanted.report_id is not None:
        conditions.append(share_links.c.report_id == wanted.report_id)
    elif wanted.batch_id is not None:
        conditions.append(and_(share_links.c.batch_id == wanted.batch_id, share_links.c.report_id.is_(None)))
    return conditions


def _link_of(row: Any) -> ShareLink:
    values = dict(row._mapping)
    return ShareLink(**values | {"is_allowed": bool(values["is_allowed"])})
