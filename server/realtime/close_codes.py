"""Why the server closes a connection: 4000–4499 come back, 4500–4999 do not."""

from __future__ import annotations

from enum import IntEnum

_REASON_BYTES = 123  # what a close frame leaves room for


class CloseCode(IntEnum):
    GOING_AWAY = 1001
    MESSAGE_TOO_BIG = 1009
    RESTART = 1012
    DRAINING = 4000
    SLOW_CONSUMER = 4001
    NO_PONG = 4002
    RIGHTS_CHANGED = 4003
    BEHIND = 4004
    SIGNED_OUT = 4500
    REPLACED = 4501
    FORBIDDEN = 4502
    AUTH_DEADLINE = 4503
    RATE_LIMIT = 4504
    CONNECTION_LIMIT = 4505

    @property
    def reason(self) -> str:
        """Sent with the close frame unless there is a more particular one."""
        return _REASONS[self]

    @property
    def may_reconnect(self) -> bool:
        return self < 4500


def fitted(reason: str) -> str:
    """As much of `reason` as fits into a close frame, cut between characters."""
    return reason.encode()[:_REASON_BYTES].decode(errors="ignore")


_REASONS = {
    CloseCode.GOING_AWAY: "going away",
    CloseCode.MESSAGE_TOO_BIG: "message too big",
    CloseCode.RESTART: "the server restarts",
    CloseCode.DRAINING: "draining; connect again",
    CloseCode.SLOW_CONSUMER: "reads too slowly; connect again",
    CloseCode.NO_PONG: "no pong in time",
    CloseCode.RIGHTS_CHANGED: "your rights were changed; connect again",
    CloseCode.BEHIND: "messages were missed here; connect again",
    CloseCode.SIGNED_OUT: "signed out or expired",
    CloseCode.REPLACED: "replaced by a newer connection of the same client",
    CloseCode.FORBIDDEN: "forbidden",
    CloseCode.AUTH_DEADLINE: "no valid auth message in time",
    CloseCode.RATE_LIMIT: "too many messages",
    CloseCode.CONNECTION_LIMIT: "too many connections",
}
