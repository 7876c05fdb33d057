"""What a plain HTML form sent, read safely: bounded, UTF-8, no files."""

from __future__ import annotations

from urllib.parse import parse_qsl

from aiohttp import web

from server.errors import MalformedRequest, UnsupportedMedia
from server.http.endpoint import read_limited

_LIMIT_BYTES = 64 * 1024
_MAX_FIELDS = 200


async def read_form(request: web.Request) -> dict[str, str]:
    """The fields by name; of several with one name the last. Raises `MalformedRequest` for what is no form."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise UnsupportedMedia("Send the form as application/x-www-form-urlencoded.")
    raw = await read_limited(request, _LIMIT_BYTES)
    try:
        return dict(parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError as error:
        raise MalformedRequest("The form cannot be read.") from error
