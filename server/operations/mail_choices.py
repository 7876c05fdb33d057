"""Whether people are told by mail, of what, and where: their address, which they confirm, and links that end it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.audit import Audit, Via
from server.auth.lately import Lately
from server.auth.permissions import Principal
from server.auth.seals import Seals
from server.clock import Clock, utc_now
from server.delivery.mail_addresses import is_address
from server.delivery.mail_choices import CONFIRM_PATH, CONFIRM_SECONDS, MailProof, MailStop
from server.delivery.outbox import put_parcel
from server.delivery.parcel import Mail
from server.errors import FieldError, InvalidInput, LinkUnknown, NotFound, RateLimited
from server.languages import Languages
from server.live.notice_kinds import NoticeKind
from server.live.notice_page import confirm_page
from server.storage.database import Database
from server.storage.rows import lock
from server.storage.tables import users
from server.texts import told

MOST_PROOFS_AN_HOUR = 5
_NOT_SET_UP = "This server sends no mail: an administrator sets smtp_host, mail_from and public_url."


@dataclass(frozen=True, slots=True, kw_only=True)
class MailChoice:
    """`confirmed_at` is None until they opened the link that was sent to `address`; nothing else is, before."""

    is_set_up: bool
    address: str
    confirmed_at: datetime | None
    kinds: frozenset[NoticeKind]


class MailChoiceOperations:
    def __init__(
        self,
        *,
        database: Database,
        languages: Languages,
        language: str,
        base: str,
        seals: Seals,
        is_set_up: Callable[[], bool],
        hurry: Callable[[], None],
        clock: Clock = utc_now,
    ) -> None:
        """`language`: of whoever has not chosen one. `base`: the address of this server, empty where it has none."""
        self._database = database
        self._languages = languages
        self._language = language
        self._base = base
        self._seals = seals
        self._mail_leaves = is_set_up
        self._hurry = hurry
        self._clock = clock
        self._proofs = Lately(most=MOST_PROOFS_AN_HOUR, within_seconds=3600)

    @property
    def is_set_up(self) -> bool:
        return bool(self._base) and self._mail_leaves()

    async def mine(self, principal: Principal) -> MailChoice:
        principal.require_read()
        async with self._database.read() as connection:
            row = (await connection.execute(select(users).where(users.c.id == principal.user_id))).one_or_none()
        if row is None:
            raise NotFound
        return self._choice(row)

    async def choose(self, principal: Principal, kinds: Mapping[NoticeKind, bool]) -> MailChoice:
        """Of these kinds; the others stay as they are."""
        principal.require_own_change()
        async with self._database.write() as connection:
            row = await _locked(connection, principal.user_id)
            mailed = {**(row.mailed or {}), **{kind.value: is_on for kind, is_on in kinds.items()}}
            await _set(connection, principal.user_id, mailed={kind: True for kind in sorted(mailed) if mailed[kind]})
            await self._record(connection, principal, "mailed")
        return await self.mine(principal)

    async def set_address(self, principal: Principal, address: str) -> MailChoice:
        """Empty: none. A new one gets a mail with a link that confirms it. Raises `InvalidInput`, `RateLimited`."""
        principal.require_own_change()
        address = address.strip()
        if address and not is_address(address):
            raise _problem("Write an address such as somebody@example.com.")
        if address:
            self._require_set_up()
        async with self._database.write() as connection:
            row = await _locked(connection, principal.user_id)
            if address != row.email:
                await _set(connection, principal.user_id, email=address, email_confirmed_at=None)
                await self._record(connection, principal, "email")
                if address:
                    await self._send_proof(connection, row, address)
        self._hurry()
        return await self.mine(principal)

    async def prove_again(self, principal: Principal) -> MailChoice:
        """The mail once more. Raises `InvalidInput` when there is nothing to confirm, `RateLimited`."""
        principal.require_own_change()
        self._require_set_up()
        async with self._database.write() as connection:
            row = await _locked(connection, principal.user_id)
            if not row.email or row.email_confirmed_at is not None:
                raise _problem("There is no address that waits to be confirmed.")
            await self._send_proof(connection, row, row.email)
            await Audit.record(
                connection, principal, "account.email_prove", principal.user_name, subject_id=principal.user_id
            )
        self._hurry()
        return await self.mine(principal)

    async def look_at_proof(self, code: str) -> str:
        """The address that the link confirms, which uses nothing up. Raises `LinkUnknown`."""
        proof = self._seals.open(code, MailProof, seconds=CONFIRM_SECONDS)
        if proof is None:
            raise LinkUnknown
        async with self._database.read() as connection:
            found = select(users.c.id).where(users.c.id == proof.user_id, users.c.email == proof.email)
            if (await connection.execute(found)).first() is None:
                raise LinkUnknown
        return proof.email

    async def confirm(self, code: str, *, address: str) -> str:
        """`address` is where the request came from. Raises as `look_at_proof` does."""
        email = await self.look_at_proof(code)
        proof = self._seals.open(code, MailProof, seconds=CONFIRM_SECONDS)
        assert proof is not None
        async with self._database.write() as connection:
            theirs = users.c.id == proof.user_id, users.c.email == proof.email
            changed = await connection.execute(
                update(users)
                .where(*theirs, users.c.email_confirmed_at.is_(None))
                .values(email_confirmed_at=self._clock())
            )
            if changed.rowcount:
                await Audit.record(
                    connection, Via.STRANGER, "account.email_confirm", subject_id=proof.user_id, address=address
                )
        return email

    async def look_at_stop(self, code: str) -> frozenset[NoticeKind]:
        """Of what the link ends mails, which ends nothing yet. Raises `LinkUnknown`."""
        return frozenset(NoticeKind(kind) for kind in self._opened_stop(code).kinds if kind in set(NoticeKind))

    async def stop(self, code: str, *, address: str) -> frozenset[NoticeKind]:
        """No more mails of these kinds; the bell goes on. Whoever has left, or another address, is left as they are."""
        stop, kinds = self._opened_stop(code), await self.look_at_stop(code)
        async with self._database.write() as connection:
            wanted = select(users).where(users.c.id == stop.user_id, users.c.email == stop.email)
            row = (await connection.execute(lock(wanted))).one_or_none()
            mailed = (row.mailed or {}) if row is not None else {}
            if row is not None and any(mailed.get(kind) for kind in kinds):
                await _set(connection, row.id, mailed={name: True for name in mailed if name not in kinds})
                await Audit.record(
                    connection,
                    Via.STRANGER,
                    "account.mail_stop",
                    row.name,
                    {"kinds": sorted(kinds)},
                    subject_id=row.id,
                    address=address,
                )
        return kinds

    def _opened_stop(self, code: str) -> MailStop:
        stop = self._seals.open(code, MailStop)
        if stop is None:
            raise LinkUnknown
        return stop

    def _choice(self, row: Row[Any]) -> MailChoice:
        kinds = frozenset(kind for kind in NoticeKind if (row.mailed or {}).get(kind))
        return MailChoice(is_set_up=self.is_set_up, address=row.email, confirmed_at=row.email_confirmed_at, kinds=kinds)

    def _require_set_up(self) -> None:
        if not self.is_set_up:
            raise InvalidInput(_NOT_SET_UP, code="not_set_up")

    async def _send_proof(self, connection: AsyncConnection, row: Row[Any], address: str) -> None:
        """To each account only so many: nobody is to fill the box of a stranger."""
        wait = self._proofs.seconds_to_wait(row.id)
        if wait:
            raise RateLimited(retry_after_seconds=wait)
        self._proofs.add(row.id)
        language = self._languages.choose(row.language, self._language)
        code = self._seals.seal(MailProof(user_id=row.id, email=address))
        mail = _proof_mail(
            self._languages, language, address, name=row.name, url=f"{self._base}{CONFIRM_PATH}?code={code}"
        )
        await put_parcel(connection, mail, subject=mail.subject, now=self._clock())

    async def _record(self, connection: AsyncConnection, principal: Principal, field: str) -> None:
        await Audit.record(
            connection,
            principal,
            "account.change",
            principal.user_name,
            {"fields": [field]},
            subject_id=principal.user_id,
        )


def _proof_mail(languages: Languages, language: str, address: str, *, name: str, url: str) -> Mail:
    gettext = languages.of(language).gettext
    subject = gettext("Is this your address?")
    body = told(
        "“{name}” at Jindu wants to be told things at this address. Open the link within three days if that is you.",
        {"name": name},
        gettext,
    )
    opens, why = gettext("Yes, it is mine"), gettext("If it is not you, do nothing: nothing more will come.")
    html = confirm_page(language=language, subject=subject, heading=subject, body=body, url=url, opens=opens, why=why)
    text = f"{body}\n\n{opens}: {url}\n\n{why}\n"
    return Mail(recipients=(address,), subject=f"[Jindu] {subject}", text=text, html=html)


async def _locked(connection: AsyncConnection, user_id: str) -> Row[Any]:
    row: Row[Any] | None = (await connection.execute(lock(select(users).where(users.c.id == user_id)))).one_or_none()
    if row is None:
        raise NotFound
    return row


async def _set(connection: AsyncConnection, user_id: str, **values: Any) -> None:
    await connection.execute(update(users).where(users.c.id == user_id).values(values))


def _problem(message: str) -> InvalidInput:
    return InvalidInput(errors=[FieldError(field="address", message=message)])
