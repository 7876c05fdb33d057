"""The audit log: who did what, when, from where; written in the transaction of what it tells about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth.audit_actions import kept_details
from server.auth.permissions import Principal
from server.clock import utc_now
from server.storage import tables
from server.storage.database import Database

_TABLE = tables.audit
_LONGEST_NAME = 200


class Via(StrEnum):
    """How somebody came, or who it was where it was nobody with an account."""

    SESSION = "session"
    TOKEN = "token"  # noqa: S105 – the word
    COMMAND_LINE = "command_line"
    SYSTEM = "system"
    CREDENTIALS = "credentials"  # who has shown with this very request who they are
    STRANGER = "stranger"  # who has not shown yet who they are


class AuditOutcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """`subject` is what the thing was called then, `subject_id` which one it was (empty in what has no ids)."""

    id: int
    at: datetime
    via: Via
    user_id: str | None
    user_name: str
    token_id: str | None
    action: str
    outcome: AuditOutcome
    subject: str
    subject_id: str
    detail: dict[str, Any]
    address: str


class Audit:
    def __init__(self, database: Database) -> None:
        self._database = database

    @staticmethod
    async def record(
        connection: AsyncConnection,
        by: Principal | Via | None,
        action: str,
        subject: str = "",
        detail: Mapping[str, Any] | None = None,
        *,
        subject_id: str = "",
        outcome: AuditOutcome = AuditOutcome.DONE,
        address: str = "",
    ) -> None:
        """Add a line. `action` is `thing.verb`, one of `audit_actions`; `by` is None for the server itself."""
        await connection.execute(
            _TABLE.insert().values(
                at=utc_now(),
                action=action,
                outcome=outcome,
                subject=subject[:_LONGEST_NAME],
                subject_id=subject_id,
                detail=kept_details(action, detail or {}),
                **_who(by, address),
            )
        )


def _who(by: Principal | Via | None, address: str) -> dict[str, Any]:
    if isinstance(by, Principal):
        return {
            "via": Via.TOKEN if by.token_id else Via.SESSION if by.session_id else Via.CREDENTIALS,
            "user_id": by.user_id,
            "user_name": by.user_name,
            "token_id": by.token_id,
            "address": by.address,
        }
    return {"via": by or Via.SYSTEM, "address": address}
