"""Why the server closes a connection: 4000–4499 come back, 4500–4999 do not."""

from __future__ import annotations

import re
from enum import IntEnum

from server.texts import Translate, told

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


def draining_in(seconds: int) -> str:
    """The reason given to whoever is to come back so late, since all come back."""
    return f"draining; retry in {seconds} s"


def closed_by_administrator(why: str) -> str:
    """The reason given by a person."""
    return f"{_BY_ADMINISTRATOR}: {why}" if why else _BY_ADMINISTRATOR


def told_end(code: CloseCode, reason: str, translate: Translate) -> str:
    """The same for people, in their language, where there is room for a sentence."""
    if found := _RETRY.fullmatch(reason):
        return told(_STOPPING, {"seconds": int(found[1])}, translate)
    if reason.startswith(_BY_ADMINISTRATOR):
        _, _, why = reason.partition(": ")
        return translate(_CLOSED) + (f" {why}" if why else "")
    return translate(_SENTENCES[code])


def fitted(reason: str) -> str:
    """As much of `reason` as fits into a close frame, cut between characters."""
    return reason.encode()[:_REASON_BYTES].decode(errors="ignore")


_BY_ADMINISTRATOR = "closed by an administrator"
_CLOSED = "An administrator closed this connection."
_RETRY = re.compile(r"draining; retry in (\d+) s")
_STOPPING = "The server is about to stop; come back in {seconds} seconds."
_SENTENCES = {
    CloseCode.GOING_AWAY: "The connection is over.",
    CloseCode.MESSAGE_TOO_BIG: "The message is too large.",
    CloseCode.RESTART: "The server starts anew; come back in a moment.",
    CloseCode.DRAINING: "The server is about to stop; come back in a moment.",
    CloseCode.SLOW_CONSUMER: "You read more slowly than things happen; come back with your last position.",
    CloseCode.NO_PONG: "Nothing was heard of you for too long; come back with your last position.",
    CloseCode.RIGHTS_CHANGED: "Your rights were changed; come back with those that you have now.",
    CloseCode.BEHIND: "Messages were missed here; come back with your last position.",
    CloseCode.SIGNED_OUT: "You are signed out, or your token is over.",
    CloseCode.REPLACED: "A newer connection of the same client took the place of this one.",
    CloseCode.FORBIDDEN: "You may not do this.",
    CloseCode.AUTH_DEADLINE: "Nobody said in time who they are.",
    CloseCode.RATE_LIMIT: "Too many messages; send fewer per second.",
    CloseCode.CONNECTION_LIMIT: "Too many connections are open; close some, or sign out elsewhere.",
}
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
