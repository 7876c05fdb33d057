"""Notifications that a browser shows though no page is open: put into the outbox with what they tell of, and carried
only where nobody looks at a page of ours at that moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.seals import Seals
from server.base_path import BasePath
from server.clock import Clock, utc_now
from server.delivery.outbox import put_parcel
from server.delivery.parcel import Parcel, Push
from server.delivery.push import KEPT_FOR, PushGone, PushKeys, PushService, PushTarget, is_good, joined, topic_of
from server.errors import NotDelivered
from server.jobs.outcomes import Notice
from server.languages import Languages, babel_locale
from server.live.notice_kinds import NoticeKind
from server.realtime.presences import Presences
from server.storage.database import Database
from server.storage.tables import push_subscriptions, users
from server.texts import told

# With its padding the whole must stay below what the strictest push service takes, some 3,000 bytes.
_TITLE_BYTES, _BODY_BYTES = 300, 1_200
_LONGEST_URL = 300


class NoticePushes:
    def __init__(
        self,
        *,
        languages: Languages,
        language: str,
        service: PushService,
        base_path: BasePath,
        clock: Clock = utc_now,
    ) -> None:
        """`language`: of whoever has not chosen one."""
        self._languages = languages
        self._language = language
        self._service = service
        self._base_path = base_path
        self._clock = clock

    async def put(self, connection: AsyncConnection, user_id: str, kind: NoticeKind, notice: Notice) -> None:
        """In the caller's transaction; one for each browser in which they chose to be told of this kind."""
        await self.put_for_some(connection, [user_id], kind, notice)

    async def put_for_some(
        self, connection: AsyncConnection, user_ids: Sequence[str], kind: NoticeKind, notice: Notice
    ) -> None:
        """The same for those among them who may want it."""
        if not self._service.is_set_up or not user_ids:
            return
        now = self._clock()
        among = push_subscriptions.c.user_id.between(min(user_ids), max(user_ids))
        columns = (*push_subscriptions.c, users.c.language)
        query = select(*columns).select_from(joined()).where(among, is_good(now)).order_by(push_subscriptions.c.id)
        wanted, contents = set(user_ids), dict[str, Push]()
        for row in (await connection.execute(query)).all():
            if row.user_id not in wanted or kind not in row.kinds:
                continue
            language = self._languages.choose(row.language, self._language)
            if language not in contents:
                contents[language] = self._written(kind, notice, language)
            content = msgspec.structs.replace(contents[language], subscription_id=row.id)
            await put_parcel(connection, content, subject=row.host, now=now)

    def _written(self, kind: NoticeKind, notice: Notice, language: str) -> Push:
        gettext, locale = self._languages.of(language).gettext, babel_locale(language)

        def words(text: str, most: int) -> str:
            return _shortened(told(text, notice.parameters, gettext, locale=locale) if text else "", most)

        url = notice.url if notice.url.startswith("/") and len(notice.url) <= _LONGEST_URL else "/notifications"
        return Push(
            subscription_id="",
            kind=kind,
            title=words(notice.title, _TITLE_BYTES),
            body=words(notice.body, _BODY_BYTES),
            url=self._base_path.outside(url),
        )


class PushCarrier:
    """Whether it is needed is found out before anything is sent: browsers take the right away from whoever sends what
    is then not shown."""

    def __init__(
        self,
        *,
        database: Database,
        seals: Seals,
        service: PushService,
        keys: PushKeys,
        presences: Presences,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._seals = seals
        self._service = service
        self._keys = keys
        self._presences = presences
        self._clock = clock
        self._outcomes: Counter[str] = Counter()

    @property
    def is_set_up(self) -> bool:
        return self._service.is_set_up

    def statistics(self) -> dict[str, int]:
        """How often what since the start: `sent`, `needless` (too late, or somebody looked), `gone`, `failed`."""
        return dict(self._outcomes)

    async def carry(self, parcel: Parcel) -> None:
        """Nothing where it is too late, where nobody is told any more, or where they have it before their eyes."""
        try:
            self._outcomes[await self._carried(parcel)] += 1
        except NotDelivered:
            self._outcomes["failed"] += 1
            raise

    async def _carried(self, parcel: Parcel) -> str:
        note, now = parcel.content, self._clock()
        assert isinstance(note, Push)
        left = parcel.created_at + KEPT_FOR - now
        row = await self._subscription(note.subscription_id)
        if left.total_seconds() <= 0 or row is None or await self._looks_on(row.user_id):
            return "needless"
        target = self._seals.open(row.sealed, PushTarget)
        if target is None:  # encrypted with another secret key, and so are ours
            await self._forget(row.id)
            return "gone"
        topic = topic_of(note.kind, note.url)
        shown = {"title": note.title, "body": note.body, "url": note.url, "tag": topic}
        key, seconds = await self._keys.key(), int(left.total_seconds())
        try:
            await self._service.send(target, key, msgspec.json.encode(shown), topic=topic, seconds=seconds)
        except PushGone:
            await self._forget(row.id)
            return "gone"
        return "sent"

    async def _subscription(self, subscription_id: str) -> Row[Any] | None:
        good = push_subscriptions.c.id == subscription_id, is_good(self._clock())
        async with self._database.read() as connection:
            query = select(*push_subscriptions.c).select_from(joined()).where(*good)
            row: Row[Any] | None = (await connection.execute(query)).one_or_none()
        return row

    async def _looks_on(self, user_id: str) -> bool:
        """A program of theirs that is connected is nobody who looks."""
        return any(each.is_looking and each.session_id for each in await self._presences.of_user(user_id))

    async def _forget(self, subscription_id: str) -> None:
        async with self._database.write() as connection:
            await connection.execute(delete(push_subscriptions).where(push_subscriptions.c.id == subscription_id))


def _shortened(text: str, most: int) -> str:
    """By bytes, at the end of a character; what is left out is in the bell."""
    encoded = text.encode()
    if len(encoded) <= most:
        return text
    return encoded[: most - len("…".encode())].decode(errors="ignore") + "…"
