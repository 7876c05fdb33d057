"""Who is connected: one's own devices, and for administrators everybody's, one of which they may close."""

from __future__ import annotations

from server.auth.audit import Audit
from server.auth.permissions import Principal
from server.errors import FieldError, InvalidInput, NotFound
from server.jobs.outcomes import Notice
from server.live.announcing import Announcing
from server.live.notices import Notices
from server.realtime.close_codes import CloseCode
from server.realtime.manager import ConnectionManager
from server.realtime.presence import Presence
from server.storage.database import Database
from server.storage.pages import Listing

_REASON_CHARACTERS = 100
LEVELS = ("info", "success", "warning", "error")


class ConnectionOperations:
    def __init__(
        self, *, database: Database, manager: ConnectionManager, announcing: Announcing, notices: Notices
    ) -> None:
        self._database = database
        self._manager = manager
        self._announcing = announcing
        self._notices = notices

    def own(self, principal: Principal) -> list[Presence]:
        """The caller's, the oldest first."""
        principal.require_read()
        return self._manager.presence(principal.user_id)

    def everybody(
        self, principal: Principal, *, q: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Listing[Presence]:
        """The oldest first; `q` looks into user, device, address and client."""
        principal.require_admin()
        # By id too, which sorts by time: two of the same microsecond still have an order to go on from.
        found = sorted(self._manager.presence(), key=lambda each: each.connection_id)
        if q:
            found = [each for each in found if _matches(each, q.casefold())]
        rest = [each for each in found if each.connection_id > cursor] if cursor else found
        next_cursor = rest[limit - 1].connection_id if len(rest) > limit else None
        return Listing(items=rest[:limit], next_cursor=next_cursor, total=len(found))

    def one(self, principal: Principal, connection_id: str) -> Presence | None:
        """Anybody's, for administrators; None when it is gone, as connections soon are."""
        principal.require_admin()
        return next((each for each in self._manager.presence() if each.connection_id == connection_id), None)

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
        found = self.one(principal, connection_id)
        if found is None:
            raise NotFound
        async with self._database.write() as connection:
            detail = {"user": found.user_id, "device": found.device, "reason": reason}
            # Before it is closed: nobody is thrown out without a trace.
            await Audit.record(connection, principal, "connection.close", found.user_name, detail)
        why = f"closed by an administrator: {reason}" if reason else "closed by an administrator"
        self._announcing.close_connection(connection_id, CloseCode.FORBIDDEN, why)

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


def _matches(presence: Presence, wanted: str) -> bool:
    texts = (presence.user_name, presence.device, presence.address, presence.client_id)
    return any(wanted in text.casefold() for text in texts)


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
