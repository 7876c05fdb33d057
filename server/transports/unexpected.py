"""What went wrong while a door answered, as an error of ours: whatever nobody meant to raise is logged, and told as no
more than that.
"""

from __future__ import annotations

import logging

from sqlalchemy.exc import IntegrityError

from server.errors import ChangedMeanwhile, JinduError

_EXPECTED = (503, 507)  # of those from 500 on, what is no fault of ours


def as_ours(cause: Exception, *, log: logging.Logger, what: str, action: str) -> JinduError:
    """`what` was asked, in words of the log (`a call`)."""
    if isinstance(cause, IntegrityError):  # what the database refuses for two at once
        log.warning("%s met another change: %s", what, cause.orig, extra={"action": action})
        return ChangedMeanwhile()
    if not isinstance(cause, JinduError):
        log.error("%s failed", what, extra={"action": action}, exc_info=cause)
        return JinduError("Something went wrong on the server. It was logged; try again.", code="internal_error")
    if cause.status >= 500 and cause.status not in _EXPECTED:
        log.error("%s", cause.text, extra={"action": action}, exc_info=cause)
    return cause
