"""Notifications that also leave by mail: put into the outbox with what they tell of, those of a few minutes as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_date, format_time
from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.seals import Seals
from server.clock import Clock, new_id, utc_now
from server.delivery.mail_choices import STOP_PATH, MailStop
from server.delivery.outbox import put_parcel
from server.delivery.parcel import Mail, ParcelState
from server.jobs.outcomes import Notice
from server.languages import Languages, babel_locale
from server.live.notice_kinds import NoticeKind
from server.live.notice_page import notice_page
from server.storage.rows import lock
from server.storage.tables import notice_mails, outbox, users
from server.texts import Phrase, phrase, told

GATHERED = timedelta(minutes=1)  # more may come
GATHERED_AT_MOST = timedelta(minutes=5)
_TAKEN = timedelta(seconds=5)  # before its time comes somebody may be about to send it
_MOST_SHOWN = 20

ABOUT: Mapping[NoticeKind, Phrase] = {
    NoticeKind.FINISHED: phrase("an import or a batch of reports is ready"),
    NoticeKind.FAILED: phrase("something failed, or rows were rejected"),
    NoticeKind.COMMENTED: phrase("somebody comments on a report of mine, where I commented, or mentions me"),
    NoticeKind.SHARED: phrase("somebody shares something with me"),
    NoticeKind.SCHEDULED: phrase("a schedule fails, is stopped or did not run in time"),
    NoticeKind.ANNOUNCED: phrase("an administrator announces something"),
    NoticeKind.ACCOUNT: phrase("something changes in how I sign in"),
}
"""When somebody is told, by its kind; what pages and mails say after “Tell me when”."""


class _KeptNotice(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    body: str = ""
    url: str = ""
    parameters: dict[str, Any] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownNotice:
    """In somebody's language and time zone."""

    title: str
    body: str
    url: str
    time: str


class NoticeMails:
    """`base` is the address of this server, without which no link leads back; `is_set_up`: whether mail leaves."""

    def __init__(
        self,
        *,
        languages: Languages,
        language: str,
        base: str,
        seals: Seals,
        is_set_up: Callable[[], bool],
        clock: Clock = utc_now,
    ) -> None:
        """`language`: of whoever has not chosen one."""
        self._languages = languages
        self._language = language
        self._base = base
        self._seals = seals
        self._mail_leaves = is_set_up
        self._clock = clock

    @property
    def is_set_up(self) -> bool:
        return bool(self._base) and self._mail_leaves()

    async def put(self, connection: AsyncConnection, user_id: str, kind: NoticeKind, notice: Notice) -> None:
        """In the caller's transaction; nothing unless they chose mail for this kind, and own their address."""
        if not self.is_set_up:
            return
        reader = (await connection.execute(select(users).where(users.c.id == user_id))).one_or_none()
        if reader is None or not _wants(reader, kind):
            return
        now = self._clock()
        gathering = await self._gathering(connection, reader, now)
        parcel_id = gathering.id if gathering is not None else new_id()
        await self._note(connection, parcel_id, user_id, kind, notice, now)
        mail = await self._written(connection, reader, parcel_id)
        if gathering is None:
            await put_parcel(
                connection, mail, subject=mail.subject, now=now, parcel_id=parcel_id, not_before=now + GATHERED
            )
            return
        # Whoever is about to take it looks at this moment again, and leaves it when it is another one.
        latest = max(min(gathering.created_at + GATHERED_AT_MOST, now + GATHERED), gathering.next_at)
        await connection.execute(
            update(outbox)
            .where(outbox.c.id == parcel_id)
            .values(
                content=msgspec.json.encode(mail),
                subject=mail.subject[:300],
                next_at=latest + timedelta(microseconds=1),
            )
        )

    async def put_for_some(
        self, connection: AsyncConnection, user_ids: Sequence[str], kind: NoticeKind, notice: Notice
    ) -> None:
        """The same for those among them who may want it."""
        if not self.is_set_up or not user_ids:
            return
        among = users.c.id.between(min(user_ids), max(user_ids)), users.c.email_confirmed_at.is_not(None)
        for user_id in (await connection.scalars(select(users.c.id).where(*among).order_by(users.c.id))).all():
            await self.put(connection, user_id, kind, notice)

    async def _gathering(self, connection: AsyncConnection, reader: Row[Any], now: datetime) -> Row[Any] | None:
        """The mail to them that has not left yet, and takes more."""
        last = select(notice_mails.c.parcel_id).where(notice_mails.c.user_id == reader.id)
        wanted = select(outbox).where(
            outbox.c.id == last.order_by(notice_mails.c.id.desc()).limit(1).scalar_subquery(),
            outbox.c.state == ParcelState.WAITING,
            outbox.c.attempts == 0,
            outbox.c.next_at > now + _TAKEN,
        )
        row: Row[Any] | None = (await connection.execute(lock(wanted))).one_or_none()
        if row is None:  # what was told before has left
            await connection.execute(delete(notice_mails).where(notice_mails.c.user_id == reader.id))
            return None
        is_theirs = reader.email in msgspec.json.decode(row.content, type=Mail).recipients
        return row if is_theirs else None

    async def _note(
        self,
        connection: AsyncConnection,
        parcel_id: str,
        user_id: str,
        kind: NoticeKind,
        notice: Notice,
        now: datetime,
    ) -> None:
        kept = _KeptNotice(title=notice.title, body=notice.body, url=notice.url, parameters=notice.parameters)
        await connection.execute(
            insert(notice_mails).values(
                id=new_id(), parcel_id=parcel_id, user_id=user_id, kind=kind, body=msgspec.json.encode(kept), at=now
            )
        )

    async def _written(self, connection: AsyncConnection, reader: Row[Any], parcel_id: str) -> Mail:
        of_mail = select(notice_mails).where(notice_mails.c.parcel_id == parcel_id).order_by(notice_mails.c.id)
        rows = (await connection.execute(of_mail)).all()
        kinds = tuple(sorted({row.kind for row in rows}))
        stop = self._seals.seal(MailStop(user_id=reader.id, email=reader.email, kinds=kinds))
        writing = NoticeWriting(
            languages=self._languages,
            language=self._languages.choose(reader.language, self._language),
            time_zone=reader.time_zone or "UTC",
            base=self._base,
            stop_url=f"{self._base}{STOP_PATH}?code={stop}",
        )
        notices = [(msgspec.json.decode(row.body, type=_KeptNotice), row.at) for row in rows[:_MOST_SHOWN]]
        return writing.mail(reader.email, notices, kinds=kinds, left=len(rows) - len(notices))


class NoticeWriting:
    """One mail in somebody's language."""

    def __init__(self, *, languages: Languages, language: str, time_zone: str, base: str, stop_url: str) -> None:
        self._gettext = languages.of(language).gettext
        self._language = language
        self._locale = babel_locale(language)
        self._zone = ZoneInfo(time_zone)
        self._base = base
        self._stop_url = stop_url

    def mail(
        self, recipient: str, notices: Sequence[tuple[_KeptNotice, datetime]], *, kinds: Sequence[str], left: int
    ) -> Mail:
        gettext, shown = self._gettext, [self._shown(notice, at) for notice, at in notices]
        count, subject = len(shown) + left, self._subject(shown, left)
        note = self._told(phrase("And {count} more, in the bell."), count=left) if left else ""
        why, account = gettext("You chose to be told by mail when:"), gettext("Choose again")
        reasons = [self._told(ABOUT[NoticeKind(kind)]) for kind in kinds]
        stop, account_url = gettext("No more of this mail"), f"{self._base}/account#told"
        parts = ["\n".join(part for part in (each.title, each.body, each.url) if part) for each in shown]
        footer = ["--", why, *(f"* {reason}" for reason in reasons)]
        footer += [f"{account}: {account_url}", f"{stop}: {self._stop_url}"]
        return Mail(
            recipients=(recipient,),
            subject=subject,
            text="\n\n".join([*parts, *([note] if note else []), "\n".join(footer)]) + "\n",
            html=notice_page(
                language=self._language,
                subject=subject,
                heading=self._told(phrase("{count} notifications"), count=count) if count > 1 else "",
                notices=shown,
                opens=gettext("Open"),
                note=note,
                why=why,
                reasons=reasons,
                account={"url": account_url, "label": account},
                stop={"url": self._stop_url, "label": stop},
            ),
            unsubscribe=self._stop_url,
        )

    def _subject(self, shown: Sequence[ShownNotice], left: int) -> str:
        more = len(shown) + left - 1
        if not more:
            return f"[Jindu] {shown[0].title}"
        title = self._told(phrase("{title}, and {count} more"), title=shown[0].title, count=more)
        return f"[Jindu] {title}"

    def _told(self, words: Phrase, **values: object) -> str:
        return told(str(words["phrase"]), values, self._gettext, locale=self._locale)

    def _shown(self, notice: _KeptNotice, at: datetime) -> ShownNotice:
        def words(text: str) -> str:
            return told(text, notice.parameters, self._gettext, locale=self._locale)

        local = at.astimezone(self._zone)
        return ShownNotice(
            title=words(notice.title),
            body=words(notice.body) if notice.body else "",
            url=f"{self._base}{notice.url}" if notice.url.startswith("/") else notice.url,
            time=f"{format_date(local, locale=self._locale)} {format_time(local, 'short', locale=self._locale)}",
        )


def _wants(reader: Row[Any], kind: NoticeKind) -> bool:
    is_there = reader.disabled_at is None and reader.email and reader.email_confirmed_at is not None
    return bool(is_there and (reader.mailed or {}).get(kind))
