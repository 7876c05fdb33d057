"""Who is connected: one's own devices, and for administrators everybody's, one of which they may close."""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter

from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.errors import FieldError, InvalidInput, NotFound
from server.jobs.outcomes import Notice
from server.live.announcing import Announcing
from server.live.notices import Notices
from server.realtime.close_codes import CloseCode, closed_by_administrator
from server.realtime.presence import Presence, is_about
from server.realtime.presences import Presences
from server.storage.database import Database
from server.storage.pages import Listing

_REASON_CHARACTERS = 100
LEVELS = ("info", "success", "warning", "error")


class ConnectionOperations:
    def __init__(self, *, database: Database, presences: Presences, announcing: Announcing, notices: Notices) -> None:
        self._database = database
        self._presences = presences
        self._announcing = announcing
        self._notices = notices

    @property
    def are_all_known(self) -> bool:
        """False while other nodes cannot be asked: lists are of this one alone then."""
        return self._presences.is_whole

    async def own(self, principal: Principal) -> list[Presence]:
        """The caller's, the oldest first."""
        principal.require_read()
        return await self._presences.of_user(principal.user_id)

    async def count(self, principal: Principal) -> int:
        """How many there are."""
        principal.require_admin()
        return (await self._presences.crowd()).connections

    async def everybody(
        self, principal: Principal, *, q: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Listing[Presence]:
        """The oldest first; `q` looks into user, device, address, client and node."""
        principal.require_admin()
        found = await self._presences.everybody()
        if q:
            found = [each for each in found if is_about(each, q.casefold())]
        # By id, which sorts by time: two of the same microsecond still have an order to go on from.
        by_id = attrgetter("connection_id")
        found.sort(key=by_id)
        begin = bisect_right(found, cursor, key=by_id) if cursor else 0
        page = found[begin : begin + limit]
        next_cursor = page[-1].connection_id if len(found) > begin + limit else None
        return Listing(items=page, next_cursor=next_cursor, total=len(found))

    async def one(self, principal: Principal, connection_id: str) -> Presence | None:
        """Anybody's, for administrators; None when it is gone, as connections soon are."""
        principal.require_admin()
        return await self._presences.one(connection_id)

    async def close(self, principal: Principal, connection_id: str, *, reason: str = "") -> None:
        """Close anybody's connection, telling why; its client does not come back by itself."""
        principal.require_admin()
        if len(reason) > _REASON_CHARACTERS or not reason.isprintable():
            problem = FieldError(
                field="reason",
                message="Use one line of at most {limit} characters.",
                parameters={"limit": _REASON_CHARACTERS},
            )
            raise InvalidInput(errors=[problem])
        found = await self.one(principal, connection_id)
        if found is None:
            raise NotFound
        async with self._database.write() as connection:
            detail = {"device": found.device, "reason": reason}
            # Before it is closed: nobody is thrown out without a trace.
            await Audit.record(
                connection, principal, "connection.close", found.user_name, detail, subject_id=found.user_id
            )
        self._announcing.close_connection(connection_id, CloseCode.FORBIDDEN, closed_by_administrator(reason))

    async def broadcast(self, principal: Principal, *, title: str, body: str, level: str, url: str) -> int:
        """Tell every user something; it waits for those who are away. The answer is how many they are."""
        principal.require_admin()
        problems = [
            *_text_problems("title", title, most=200, may_be_empty=False),
            *_text_problems("body", body, most=2000),
            *_url_problems(url),
        ]
        if level not in LEVELS:
            problems.append(FieldError(field="level", message="Use info, success, warning or error."))
        if problems:
            raise InvalidInput(errors=problems)
        # By itself: telling takes many transactions, and who began it must be known when it breaks off among them.
        async with self._database.write() as connection:
            await Audit.record(connection, principal, "broadcast.send", title[:100], {"level": level})
        return await self._notices.notify_everybody(Notice(title=title, body=body, level=level, url=url))


def _text_problems(field: str, text: str, *, most: int, may_be_empty: bool = True) -> list[FieldError]:
    if not text.strip() and not may_be_empty:
        return [FieldError(field=field, message="This must not be empty.")]
    if len(text) > most:
        return [FieldError(field=field, message="Use at most {limit} characters.", parameters={"limit": most})]
    if "\x00" in text:
        return [FieldError(field=field, message="This holds characters that are no text.")]
    return []


def _url_problems(url: str) -> list[FieldError]:
    # A message with the server's authority must not lead people elsewhere, nor run anything.
    is_own_path = url.startswith("/") and not url.startswith(("//", "/\\")) and url.isprintable() and len(url) <= 500
    if not url or is_own_path:
        return []
    return [FieldError(field="url", message="Use a path of this server, such as /jobs.")]
