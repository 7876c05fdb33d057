"""Errors as GraphQL tells them: the API's stable codes in `extensions.code`, and never a word of what is inside."""

from __future__ import annotations

import logging
import math

from graphql import GraphQLError

from server.errors import InvalidInput, RateLimited, Unavailable
from server.http.asyncapi import Json
from server.texts import Translate
from server.transports.frame_queue import LiveEnded
from server.transports.unexpected import as_ours

_LOG = logging.getLogger("jindu.graphql")


def told(error: Exception, translate: Translate) -> Json:
    """One entry of `errors`. What nobody meant to raise is logged, and told as no more than that."""
    if isinstance(error, LiveEnded):
        return of_end(error, translate)
    if isinstance(error, GraphQLError):
        place = {name: value for name, value in error.formatted.items() if name in ("locations", "path")}
        cause = error.original_error
        if cause is None or isinstance(cause, GraphQLError):
            return {"message": error.message, **place, "extensions": {"code": InvalidInput.code}}
        return {**_of_cause(cause, translate), **place}
    return _of_cause(error, translate)


def of_end(ended: LiveEnded, translate: Translate) -> Json:
    """`reconnect`: the same may be asked again, `closeCode` as in the live protocol."""
    code = {"code": ended.specific_code, "closeCode": int(ended.code), "reconnect": ended.code.may_reconnect}
    return {"message": ended.told(translate), "extensions": code}


def _of_cause(cause: Exception, translate: Translate) -> Json:
    error = as_ours(cause, log=_LOG, what="an operation", action="graphql")
    extensions: Json = {"code": error.specific_code}
    if error.errors:
        extensions["errors"] = [
            {"field": _in_schema(each.field), "message": each.translated(translate)} for each in error.errors
        ]
    if isinstance(error, RateLimited | Unavailable):
        extensions["retryAfterSeconds"] = math.ceil(error.retry_after_seconds)
    return {"message": error.translated(translate), "extensions": extensions}


def _in_schema(field: str) -> str:
    """As arguments are called there: `as_of` and `Idempotency-Key` are `asOf` and `idempotencyKey`.

    What stands below one of them has the name that its author gave it.
    """
    if not field.replace("-", "_").isidentifier():
        return field
    first, *rest = field.replace("-", "_").split("_")
    return "".join((first[:1].lower() + first[1:], *(each.capitalize() for each in rest)))
