"""Comments on a report: whoever may see it reads and writes them, and those concerned hear the bell."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.access import BATCHES, Right, require_still
from server.auth.audit import Audit
from server.auth.lately import Lately
from server.auth.permissions import Principal
from server.auth.users import name_key
from server.clock import Clock, utc_now
from server.errors import Conflict, FieldError, Forbidden, InvalidInput, NotFound, RateLimited
from server.jobs.keys import Asked
from server.jobs.outcomes import Notice
from server.live.notice_kinds import NoticeKind
from server.live.notices import Notices
from server.operations.batches import BatchOperations
from server.realtime.history import KeptMessage
from server.reports.batches import BatchHead, BatchReport
from server.reports.comments import MOST_COMMENTS, Comment, CommentStore, Mention
from server.reports.mentions import MOST_MENTIONS, written_in
from server.storage.database import Database
from server.storage.growth import Growth
from server.storage.pages import Listing
from server.storage.rows import lock
from server.storage.tables import reports

MAX_TEXT = 4_000  # characters
EDIT_WITHIN = timedelta(minutes=15)
MOST_A_MINUTE = 20  # of one person, at one node
_COMMENTED = "{by} commented on “{title}”"
_NAMED = "{by} mentioned you in a comment on “{title}”"

Publish = Callable[[str, Any], object]
"""Tells whoever watches an event. It is `Announcing.publish`."""

Watching = Callable[[str], Collection[str]]
"""Ids of those who have an event before their eyes, as far as this node knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenComment:
    """As one person sees it: what they may do with it, and (of their own) who of those they named was not told."""

    comment: Comment
    may_edit: bool
    may_delete: bool
    untold: Sequence[str]


class CommentOperations:
    def __init__(
        self,
        *,
        database: Database,
        store: CommentStore,
        batches: BatchOperations,
        notices: Notices,
        publish: Publish,
        watching: Watching,
        growth: Growth,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._store = store
        self._batches = batches
        self._notices = notices
        self._publish = publish
        self._watching = watching
        self._growth = growth
        self._clock = clock
        self._lately = Lately(most=MOST_A_MINUTE, within_seconds=60.0)

    async def list(
        self, principal: Principal, report_id: str, *, q: str = "", limit: int = 50, cursor: str | None = None
    ) -> Listing[SeenComment]:
        """Newest first. Raises `NotFound` for a report that they may not see."""
        _, batch = await self._batches.report(principal, report_id)
        page = await self._store.of_report(report_id, q=q, limit=limit, cursor=cursor)
        items = [self._seen(principal, each, batch) for each in page.items]
        return Listing(items=items, total=page.total, next_cursor=page.next_cursor)

    async def readers(self, principal: Principal, report_id: str, *, q: str = "") -> Sequence[str]:
        """Names of others who may see the report, to be named in a comment."""
        _, batch = await self._batches.report(principal, report_id)
        return await self._store.readers(batch.id, but=principal.user_id, q=name_key(q))

    async def write(
        self, principal: Principal, report_id: str, text: str, *, idempotency_key: str | None = None
    ) -> SeenComment:
        """Viewers may as well; under a key that is known already, what was written under it as it is now.

        Raises `RateLimited` for whoever writes too much at once, `NotFound` when what the key stands for is deleted.
        """
        principal.require_own_change()
        report, batch = await self._batches.report(principal, report_id)
        said = _clean(text)
        asked = Asked.under(idempotency_key, by=principal.user_id, what={"report": report.id, "text": said})
        if (known := await self._written(principal, batch, report.id, asked)) is not None:
            return known
        self._require_calm(principal)
        self._growth.charge(principal.user_id, said)
        async with self._database.write() as connection:
            await _require_there(connection, principal, report)
            if asked is not None and (same := await self._store.of_key(connection, asked)) is not None:
                return self._seen(principal, await self._found(connection, report.id, same), batch)
            if await self._store.count(connection, report.id) >= MOST_COMMENTS:
                raise Conflict("This report has {limit} comments, the most one may have.", limit=MOST_COMMENTS)
            mentions = await self._store.mentions(connection, batch.id, written_in(said))
            comment_id = await self._store.add(
                connection, report_id=report.id, author_id=principal.user_id, text=said, mentions=mentions, asked=asked
            )
            kept = await self._rung(connection, principal, report, batch, mentions, comment_id)
            comment = await self._found(connection, report.id, comment_id)
        self._told(report.id, comment_id, "added", kept)
        return self._seen(principal, comment, batch)

    async def _written(
        self, principal: Principal, batch: BatchHead, report_id: str, asked: Asked | None
    ) -> SeenComment | None:
        """What the key stands for already: asked before it is counted as one more."""
        if asked is None:
            return None
        async with self._database.read() as connection:
            known = await self._store.of_key(connection, asked)
            return (
                None if known is None else self._seen(principal, await self._found(connection, report_id, known), batch)
            )

    async def edit(self, principal: Principal, report_id: str, comment_id: str, text: str) -> SeenComment:
        """One's own, for a while. Raises `Forbidden` for another's, `Conflict` once it is too late."""
        principal.require_own_change()
        report, batch = await self._batches.report(principal, report_id)
        said = _clean(text)
        self._require_calm(principal)
        async with self._database.write() as connection:
            await _require_there(connection, principal, report)
            comment = await self._found(connection, report.id, comment_id)
            if comment.author_id != principal.user_id:
                raise Forbidden("Only {author}, who wrote this, may change it.", author=comment.author)
            if not self._is_fresh(comment):
                minutes = int(EDIT_WITHIN.total_seconds() // 60)
                raise Conflict(
                    "A comment can be changed for {minutes} minutes; delete it or write another.", minutes=minutes
                )
            kept: Sequence[KeptMessage] = []
            if said != comment.text:
                self._growth.charge(principal.user_id, said)
                mentions = await self._store.mentions(connection, batch.id, written_in(said))
                await self._store.change(connection, comment_id, text=said, mentions=mentions)
                before = {each.user_id for each in comment.mentions}
                added = [each for each in mentions if each.user_id not in before]
                kept = await self._rung(connection, principal, report, batch, added, comment_id, only_named=True)
            changed = await self._found(connection, report.id, comment_id)
        self._told(report.id, comment_id, "changed", kept)
        return self._seen(principal, changed, batch)

    async def delete(self, principal: Principal, report_id: str, comment_id: str) -> None:
        """One's own; or another's, by the owner of the report and administrators, which is written down."""
        principal.require_own_change()
        report, batch = await self._batches.report(principal, report_id)
        async with self._database.write() as connection:
            await _require_there(connection, principal, report)
            comment = await self._found(connection, report.id, comment_id)
            is_own = comment.author_id == principal.user_id
            if not is_own and not principal.may_see(batch.owner_id):
                raise Forbidden(
                    "Only {author}, who wrote this, the owner of the report and administrators may delete it.",
                    author=comment.author,
                )
            await self._store.remove(connection, comment)
            if not is_own:
                detail = {"owner": batch.owner, "author": comment.author}
                await Audit.record(connection, principal, "comment.delete", report.title, detail, subject_id=report.id)
        self._told(report.id, comment_id, "deleted", [])

    def _seen(self, principal: Principal, comment: Comment, batch: BatchHead) -> SeenComment:
        is_there, is_own = comment.deleted_at is None, comment.author_id == principal.user_id
        return SeenComment(
            comment=comment,
            may_edit=is_there and is_own and self._is_fresh(comment),
            may_delete=is_there and (is_own or principal.may_see(batch.owner_id)),
            untold=comment.untold if is_own else [],
        )

    def _is_fresh(self, comment: Comment) -> bool:
        return self._clock() - comment.created_at < EDIT_WITHIN

    def _require_calm(self, principal: Principal) -> None:
        wait = self._lately.seconds_to_wait(principal.user_id)
        if wait > 0:
            raise RateLimited(
                "You wrote {limit} comments within a minute; wait a moment.",
                limit=MOST_A_MINUTE,
                retry_after_seconds=wait,
            )
        self._lately.add(principal.user_id)

    async def _found(self, connection: AsyncConnection, report_id: str, comment_id: str) -> Comment:
        comment = await self._store.get(connection, report_id, comment_id)
        if comment is None:
            raise NotFound
        return comment

    async def _rung(
        self,
        connection: AsyncConnection,
        principal: Principal,
        report: BatchReport,
        batch: BatchHead,
        mentions: Sequence[Mention],
        comment_id: str,
        *,
        only_named: bool = False,
    ) -> Sequence[KeptMessage]:
        """Keep what those are told who may see the report at this moment, and do not have it before them."""
        named = {each.user_id for each in mentions if each.user_id is not None}
        concerned = await self._store.concerned(connection, batch.id, report.id, batch.owner_id, named)
        away = set(concerned) - {principal.user_id} - set(self._watching(f"report:{report.id}"))
        ringing = await self._store.ring(
            connection,
            report_id=report.id,
            author_id=principal.user_id,
            user_ids=sorted(away & named if only_named else away),
            named=named,
        )
        kept = []
        for user_id in ringing:
            notice = Notice(
                title=_NAMED if user_id in named else _COMMENTED,
                url=f"/reports/{report.id}#comment-{comment_id}",
                parameters={"by": principal.user_name, "title": report.title},
            )
            kept += await self._notices.keep_wanted(connection, user_id, notice, kind=NoticeKind.COMMENTED)
        return kept

    def _told(self, report_id: str, comment_id: str, change: str, kept: Sequence[KeptMessage]) -> None:
        """Which comment, and not what it says: whoever wants to know asks, and is asked for their right."""
        self._publish(f"report:{report_id}", {"comment": comment_id, "change": change})
        for each in kept:
            self._notices.send(each)


async def _require_there(connection: AsyncConnection, principal: Principal, report: BatchReport) -> None:
    """In the transaction that writes: the report may be gone by now, or its right."""
    await require_still(connection, principal, BATCHES, report.batch_id, Right.VIEW)
    there = lock(select(reports.c.id).where(reports.c.id == report.id))
    if (await connection.execute(there)).first() is None:
        raise NotFound


def _clean(text: str) -> str:
    """Lines as they were written, without what stands around them."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    said = lines.strip()
    message, most = "", MAX_TEXT
    if not said:
        message = "Write something."
    elif len(lines) > MAX_TEXT:
        message = "Use at most {count} characters."
    elif any(unicodedata.category(character) in ("Cc", "Cs") for character in said if character not in "\n\t"):
        message = "This holds characters that cannot be stored."
    elif len(written_in(said)) > MOST_MENTIONS:
        message, most = "Name at most {count} people.", MOST_MENTIONS
    if message:
        raise InvalidInput(errors=[FieldError(field="text", message=message, parameters={"count": most})])
    return said
