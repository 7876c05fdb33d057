"""Which messages are kept, and which of them go: by their type, their number and what they tell."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import (
    ColumnElement,
    Delete,
    FromClause,
    and_,
    bindparam,
    delete,
    select,
)

from server.storage.tables import stream_messages, streams

JOB, NOTIFICATION = "job", "notification"  # the types that are kept: one to recover by, one to be read by people
MOST_WAITING, WAITS_AT_MOST = 100, timedelta(days=365)  # messages of a user that wait to be seen


# `of` is `stream_messages` or an alias of it.
def is_waiting(of: FromClause) -> ColumnElement[bool]:
    """Whether its reader has yet to see a message that may not go before."""
    seen = select(streams.c.read_offset).where(streams.c.user_id == of.c.user_id)
    return and_(of.c.waits, of.c.offset > seen.scalar_subquery())


def is_brief(of: FromClause) -> ColumnElement[bool]:
    return and_(of.c.type == JOB)  # `and_` only for its type


def is_notification(of: FromClause) -> ColumnElement[bool]:
    """One that need not wait, or no more."""
    return and_(of.c.type == NOTIFICATION, ~is_waiting(of))


def _is_waiting_notification(of: FromClause) -> ColumnElement[bool]:
    return and_(of.c.type == NOTIFICATION, is_waiting(of))


def surplus(which: Callable[[FromClause], ColumnElement[bool]], *, most: int = 0) -> Delete:
    """Removes the messages of user `of` up to position `until` that are such, but for the newest `most` of them."""
    too_many = [
        stream_messages.c.user_id == bindparam("of"),
        stream_messages.c.offset <= bindparam("until"),
        which(stream_messages),
    ]
    if most:
        other = stream_messages.alias()
        newest = select(other.c.offset).where(other.c.user_id == bindparam("of"), which(other))
        first_to_go = newest.order_by(other.c.offset.desc()).limit(1).offset(most)
        too_many.append(stream_messages.c.offset <= first_to_go.scalar_subquery())
    return delete(stream_messages).where(*too_many)


OLD_JOBS = surplus(is_brief)
TOO_MANY_WAIT = surplus(_is_waiting_notification, most=MOST_WAITING)
