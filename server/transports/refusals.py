"""What somebody is told who was not let in, at doors that have words beside a code."""

from __future__ import annotations

from server.errors import Forbidden, JinduError
from server.realtime.close_codes import CloseCode
from server.realtime.manager import Refused
from server.transports.frame_queue import LiveEnded


def error_of(refused: Refused) -> JinduError | LiveEnded:
    if refused.code is CloseCode.CONNECTION_LIMIT:
        return LiveEnded(refused.code, why=refused.why)
    if refused.why is not None and not refused.code.may_reconnect:
        return refused.why
    if refused.code is CloseCode.FORBIDDEN:
        return Forbidden("This token may not read; make one with the scope “read”.")
    return LiveEnded(refused.code)
