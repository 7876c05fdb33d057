"""Share links as those see them who make them: what they show, until when, how often they were opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.auth.audit import Audit
from server.auth.passwords import MAX_LENGTH, Passwords
from server.auth.permissions import Principal, Role, Scope
from server.clock import Clock, rfc3339, utc_now
from server.errors import FieldError, Forbidden, InvalidInput, NotFound
from server.operations.batches import BatchOperations
from server.operations.link_ends import LinkRules
from server.reports.share_links import LinkFilter, ShareLink, ShareLinkState, ShareLinkStore
from server.storage.database import Database
from server.storage.pages import Listing

MOST_LINKS = 1_000  # of one user; scripts may make one for each report they hand out
MIN_PASSWORD = 6
DEFAULT_END = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedLink:
    """Either `report_id` or `batch_id`. `expires_at`: a day or RFC 3339; None for no end, "" for the usual one."""

    report_id: str | None = None
    batch_id: str | None = None
    expires_at: str | None = DEFAULT_END
    password: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLink:
    """`secret` is what stands in its address, for who made it and may write; None for others, or once it cannot be read
    any more."""

    link: ShareLink
    state: ShareLinkState
    secret: str | None


class ShareLinkOperations:
    """A link is seen and revoked by who made it, by the owner of what it shows, and by administrators."""

    def __init__(
        self,
        *,
        database: Database,
        store: ShareLinkStore,
        batches: BatchOperations,
        passwords: Passwords,
        rules: LinkRules,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._store = store
        self._batches = batches
        self._passwords = passwords
        self._clock = clock
        self.rules = rules

    async def make(self, principal: Principal, wanted: WantedLink) -> KnownLink:
        """Raises `NotFound` for what they may not see, `Forbidden` for what they may not share."""
        principal.require_write()
        self.rules.require_on()
        batch_id, title = await self._thing(principal, wanted)
        now = self._clock()
        end = wanted.expires_at
        if end == DEFAULT_END:
            end = self.rules.default_day(principal.time_zone, now).isoformat()
        expires_at = self.rules.end_of(end, principal.time_zone, now)
        _require_good(wanted.password)
        password_hash = await self._passwords.hash(wanted.password) if wanted.password else ""
        async with self._database.write() as connection:
            if not await self._store.may(connection, principal.user_id, batch_id):
                raise Forbidden("Only its owner and administrators may share this by a link.")
            if await self._store.count(connection, principal.user_id) >= MOST_LINKS:
                raise InvalidInput(
                    "You have {limit} share links, the most one may have; revoke some.", limit=MOST_LINKS
                )
            link, secret = await self._store.add(
                connection,
                made_by=principal.user_id,
                batch_id=batch_id,
                report_id=wanted.report_id,
                expires_at=expires_at,
                password_hash=password_hash,
            )
            detail = {
                "expires_at": rfc3339(expires_at) if expires_at else None,
                "protected": bool(password_hash),
                "shows": "report" if wanted.report_id else "batch",
            }
            await Audit.record(connection, principal, "link.create", title, detail, subject_id=batch_id)
        return KnownLink(link=link, state=link.state(now), secret=secret)

    async def links(
        self,
        principal: Principal,
        *,
        report_id: str | None = None,
        batch_id: str | None = None,
        is_own: bool = False,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Listing[KnownLink]:
        """Newest first: all that they see, of one report or batch, or (`is_own`) those that they made themselves.

        Raises `NotFound` for a report or batch that they may not see.
        """
        principal.require_read()
        if report_id is not None:
            await self._batches.report(principal, report_id)
        elif batch_id is not None:
            await self._batches.get(principal, batch_id)
        wanted = LinkFilter(
            seen_by=None if principal.is_admin else principal.user_id,
            made_by=principal.user_id if is_own else None,
            report_id=report_id,
            batch_id=batch_id,
            limit=limit,
            cursor=cursor,
        )
        page = await self._store.search(wanted)
        items = await self._known(principal, page.items)
        return Listing(items=items, next_cursor=page.next_cursor, total=page.total)

    async def link(self, principal: Principal, link_id: str) -> KnownLink:
        """Raises `NotFound`."""
        principal.require_read()
        async with self._database.read() as connection:
            link = await self._store.in_transaction(connection, link_id)
        if link is None or not _sees(principal, link):
            raise NotFound
        (known,) = await self._known(principal, [link])
        return known

    async def revoke(self, principal: Principal, link_id: str) -> None:
        """Whoever opens it from now on finds nothing. Raises `NotFound`."""
        principal.require_own_change()
        async with self._database.write() as connection:
            link = await self._store.in_transaction(connection, link_id)
            if link is None or not _sees(principal, link) or not await self._store.remove(connection, link_id):
                raise NotFound
            whose = {} if link.made_by == principal.user_id else {"owner": link.maker_name}
            detail = {"openings": link.openings, "shows": "report" if link.report_id else "batch", **whose}
            await Audit.record(connection, principal, "link.revoke", link.title, detail, subject_id=link.batch_id)

    async def may_make(self, principal: Principal, batch_id: str) -> bool:
        """Whether pages of this batch and its reports have a form to make one."""
        if not self.rules.are_on or principal.role is Role.VIEWER:
            return False
        async with self._database.read() as connection:
            return await self._store.may(connection, principal.user_id, batch_id)

    async def _thing(self, principal: Principal, wanted: WantedLink) -> tuple[str, str]:
        """Its batch, and what it is called."""
        if wanted.report_id and not wanted.batch_id:
            report, _ = await self._batches.report(principal, wanted.report_id)
            return report.batch_id, report.title
        if wanted.batch_id and not wanted.report_id:
            batch = await self._batches.get(principal, wanted.batch_id)
            return batch.id, batch.name
        raise InvalidInput(errors=[FieldError(field="report", message="Name one report or one batch, and not both.")])

    async def _known(self, principal: Principal, links: Sequence[ShareLink]) -> list[KnownLink]:
        # Who has it can hand the thing on: no token that may only read is told.
        own = [link for link in links if link.made_by == principal.user_id and Scope.WRITE in principal.scopes]
        secrets = await self._store.secrets(own)
        now = self._clock()
        return [KnownLink(link=link, state=link.state(now), secret=secrets.get(link.id)) for link in links]


def _sees(principal: Principal, link: ShareLink) -> bool:
    return principal.is_admin or principal.user_id in (link.made_by, link.owner_id)


def _require_good(password: str) -> None:
    """It is told by telephone or in a second mail: shorter than a user's, and guessed more slowly."""
    message, count = "", 0
    if password and len(password) < MIN_PASSWORD:
        message, count = "Use at least {count} characters.", MIN_PASSWORD
    elif len(password) > MAX_LENGTH:
        message, count = "Use at most {count} characters.", MAX_LENGTH
    elif not password.isprintable():
        message = "This holds characters that cannot be stored."
    if message:
        raise InvalidInput(errors=[FieldError(field="password", message=message, parameters={"count": count})])
