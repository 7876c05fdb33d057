"""What people write to each other below a report, and for whom the bell rang."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import BATCHES, seers
from server.clock import Clock, new_id, utc_now
from server.jobs.keys import Asked, KeyReused
from server.reports.mentions import Written, keys_of, meant
from server.storage.database import Database
from server.storage.pages import Listing, place_of
from server.storage.rows import put
from server.storage.searching import holds, mentions, searched
from server.storage.tables import comment_bells, comments, users

MOST_COMMENTS = 2_000  # of one report
_DOOR = "comment"
SESSION = timedelta(minutes=10)  # so long nothing was written: what comes next rings once more
_MOST_PEOPLE = 20  # that a completion offers
_MOST_RUNG = 200


class Mention(msgspec.Struct, frozen=True, kw_only=True):
    """`name` as it was written. `user_id` is None for whoever is not told: nobody, or somebody who may not see it."""

    name: str
    user_id: str | None = None


class Comment(msgspec.Struct, frozen=True, kw_only=True):
    """`deleted_at`: it is gone, and its place is kept since others answered."""

    id: str
    sequence: int
    report_id: str
    author_id: str
    author: str
    text: str
    mentions: list[Mention] = []
    created_at: datetime
    edited_at: datetime | None = None
    deleted_at: datetime | None = None

    @property
    def named(self) -> list[str]:
        """Who was told because they are named in it."""
        return [each.name for each in self.mentions if each.user_id is not None]

    @property
    def untold(self) -> list[str]:
        return [each.name for each in self.mentions if each.user_id is None]


class CommentStore:
    """Whether somebody may is asked before; all but the lists is in the caller's transaction."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    async def of_report(
        self, report_id: str, *, q: str = "", limit: int, cursor: str | None = None
    ) -> Listing[Comment]:
        """Newest first, those whose texts hold all words of `q`."""
        which = [comments.c.report_id == report_id]
        which += [mentions(comments.c.text, word) for word in searched(q)]
        page, total = _comments(*which), select(func.count()).select_from(comments).where(*which)
        if cursor is not None:
            page = page.where(comments.c.sequence < place_of(cursor))
        async with self._database.read() as connection:
            rows = (await connection.execute(page.order_by(comments.c.sequence.desc()).limit(limit + 1))).mappings()
            found = [_comment_of(row) for row in rows]
            count = await connection.scalar(total) or 0
        items = found[:limit]
        next_cursor = str(items[-1].sequence) if len(found) > limit else None
        return Listing(items=items, total=count, next_cursor=next_cursor)

    async def readers(self, batch_id: str, *, but: str, q: str) -> Sequence[str]:
        """Names of those who may see reports of this batch, that begin like `q` before those that hold it."""
        key = users.c.name_key
        wanted = select(users.c.name).where(seers(BATCHES, batch_id), users.c.id != but)
        if q:
            wanted = wanted.where(holds(key, q))
        begins_first = key.startswith(q, autoescape=True).desc()
        async with self._database.read() as connection:
            return list(await connection.scalars(wanted.order_by(begins_first, key).limit(_MOST_PEOPLE)))

    async def get(self, connection: AsyncConnection, report_id: str, comment_id: str) -> Comment | None:
        """One that is not deleted."""
        which = (comments.c.report_id == report_id, comments.c.id == comment_id, comments.c.deleted_at.is_(None))
        row = (await connection.execute(_comments(*which))).mappings().one_or_none()
        return _comment_of(row) if row else None

    async def count(self, connection: AsyncConnection, report_id: str) -> int:
        return await connection.scalar(select(func.count()).where(comments.c.report_id == report_id)) or 0

    async def add(
        self,
        connection: AsyncConnection,
        *,
        report_id: str,
        author_id: str,
        text: str,
        mentions: Sequence[Mention],
        asked: Asked | None = None,
    ) -> str:
        values = {"id": new_id(), "report_id": report_id, "author_id": author_id, "text": text}
        kept = {"mentions": msgspec.to_builtins(mentions), "created_at": self._clock()}
        under = {} if asked is None else {"asked_key": asked.key, "asked_for": asked.fingerprint(_DOOR)}
        await connection.execute(insert(comments).values(**values, **kept, **under))
        return str(values["id"])

    async def of_key(self, connection: AsyncConnection, asked: Asked) -> str | None:
        """The id of what was written under the key, deleted or not. Raises `KeyReused`."""
        of_key = (comments.c.author_id == asked.by, comments.c.asked_key == asked.key)
        known = (await connection.execute(select(comments.c.id, comments.c.asked_for).where(*of_key))).one_or_none()
        if known is not None and known.asked_for != asked.fingerprint(_DOOR):
            raise KeyReused
        return known.id if known else None

    async def change(
        self, connection: AsyncConnection, comment_id: str, *, text: str, mentions: Sequence[Mention]
    ) -> None:
        changed = {"text": text, "mentions": msgspec.to_builtins(mentions), "edited_at": self._clock()}
        await connection.execute(update(comments).where(comments.c.id == comment_id).values(**changed))

    async def remove(self, connection: AsyncConnection, comment: Comment) -> None:
        """Its place stays when others wrote after it; and goes as soon as what they wrote has gone as well."""
        own, of_report = comments.c.id == comment.id, comments.c.report_id == comment.report_id
        answers = select(comments.c.id).where(
            of_report, comments.c.sequence > comment.sequence, comments.c.author_id != comment.author_id
        )
        if (await connection.execute(answers.limit(1))).first() is not None:
            emptied = {"text": "", "mentions": [], "deleted_at": self._clock()}
            await connection.execute(update(comments).where(own).values(**emptied))
        else:
            await connection.execute(delete(comments).where(own))
        living = select(func.max(comments.c.sequence)).where(of_report, comments.c.deleted_at.is_(None))
        last = await connection.scalar(living) or 0
        stubs = and_(of_report, comments.c.deleted_at.is_not(None), comments.c.sequence > last)
        await connection.execute(delete(comments).where(stubs))

    async def mentions(self, connection: AsyncConnection, batch_id: str, written: Sequence[Written]) -> list[Mention]:
        """Who is meant, and whether they may see what is spoken of."""
        if not written:
            return []
        may_see = seers(BATCHES, batch_id).label("may_see")
        query = select(users.c.id, users.c.name_key, may_see).where(users.c.name_key.in_(keys_of(written)))
        rows = (await connection.execute(query)).all()
        known, seeing = {row.name_key: row.id for row in rows}, {row.id for row in rows if row.may_see}
        found = []
        for each in written:
            name, user_id = meant(each, known) or (each.shown, "")
            # Whoever is not there and whoever may not see it are told of alike.
            found.append(Mention(name=name, user_id=user_id) if user_id in seeing else Mention(name=each.shown))
        return found

    async def concerned(
        self, connection: AsyncConnection, batch_id: str, report_id: str, owner_id: str, named: Collection[str]
    ) -> list[str]:
        """The owner, those who wrote before and those who are named, as far as they may see it at this moment."""
        wrote = select(comments.c.author_id).where(comments.c.report_id == report_id, comments.c.deleted_at.is_(None))
        first = users.c.id.in_([owner_id, *named])
        query = select(users.c.id).where(or_(first, users.c.id.in_(wrote)), seers(BATCHES, batch_id))
        query = query.order_by(first.desc(), users.c.id).limit(_MOST_RUNG)
        return list(await connection.scalars(query))

    async def ring(
        self,
        connection: AsyncConnection,
        *,
        report_id: str,
        author_id: str,
        user_ids: Sequence[str],
        named: Collection[str],
    ) -> list[str]:
        """Those for whom the bell rings now: not for what belongs to what it has rung for already, unless it has not
        said yet that they are named."""
        bells = comment_bells.c
        its = (bells.report_id == report_id, bells.author_id == author_id)
        rows = (await connection.execute(select(bells.user_id, bells.at, bells.is_mention).where(*its))).all()
        now = self._clock()
        rung: Mapping[str, bool] = {row.user_id: row.is_mention for row in rows if now - row.at < SESSION}
        ringing = [each for each in user_ids if each not in rung or (each in named and not rung[each])]
        for each in user_ids:
            values = {"report_id": report_id, "author_id": author_id, "user_id": each, "at": now}
            values["is_mention"] = each in named or rung.get(each, False)
            await put(connection, comment_bells, values, key=("report_id", "author_id", "user_id"))
        return ringing


def comment_count(report_id: ColumnElement[Any]) -> ColumnElement[int]:
    """How many there are that are not deleted, for each row of a query."""
    return (
        select(func.count())
        .select_from(comments)
        .where(comments.c.report_id == report_id, comments.c.deleted_at.is_(None))
        .scalar_subquery()
    )


def _comments(*conditions: ColumnElement[bool]) -> Select[Any]:
    return (
        select(comments, users.c.name.label("author"))
        .join(users, users.c.id == comments.c.author_id)
        .where(*conditions)
    )


def _comment_of(row: Any) -> Comment:
    return msgspec.convert({str(name): value for name, value in row.items()}, Comment)
