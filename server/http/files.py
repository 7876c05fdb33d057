"""Files over HTTP: the header that names them in every language, entity tags, and byte ranges."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import Literal, Protocol
from urllib.parse import quote

from aiohttp import ETag, web

from server.errors import Gone, NotFound, PreconditionFailed

Disposition = Literal["inline", "attachment"]
_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")
_BEYOND_ANY_FILE = 10**19


def content_disposition(disposition: Disposition, name: str) -> str:
    """RFC 6266 with the RFC 5987 form beside a plain one, since old clients read only the latter."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r'[\x00-\x1f"\\%]', "", plain).strip() or "file"
    if plain.startswith("."):  # nothing of the stem could be written in ASCII
        plain = f"file{plain}"
    encoded = quote(name.encode("utf-8", "replace"), safe="")
    return f"{disposition}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


class Content(Protocol):
    """A file that can be sent, wherever it lies."""

    async def size(self) -> int: ...

    def address(self, *, said: Mapping[str, str]) -> str | None:
        """Where a browser may get it by itself, with these headers; None where it is to be sent."""

    def stream(self, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]: ...


async def send_file(
    request: web.Request,
    content: Content,
    *,
    name: str,
    media_type: str,
    sha256: str,
    disposition: Disposition = "attachment",
    headers: Mapping[str, str] | None = None,
) -> web.StreamResponse:
    """Answer with an immutable file. Its entity tag is its sha256, so that copies on other machines have the same.

    Raises `PreconditionFailed` when `If-Match` names another content.
    """
    _require_match(request, sha256)
    known = request.if_none_match
    if known and any(tag.value in (sha256, "*") for tag in known):
        return web.Response(status=304, headers={"ETag": f'"{sha256}"', **(headers or {})})
    with _deleted_named():
        size = await content.size()
    if disposition == "attachment" and (elsewhere := address_of(request, content, name=name, media_type=media_type)):
        return redirected(elsewhere)
    wanted = _wanted_range(request, size, sha256)
    if wanted is not None and wanted.start >= wanted.stop:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{size}"})
    response = web.StreamResponse(status=200 if wanted is None else 206, headers=headers)
    span = range(size) if wanted is None else wanted
    if wanted is not None:
        response.headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
    response.headers["Content-Type"] = media_type
    response.etag = ETag(value=sha256)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Disposition"] = content_disposition(disposition, name)
    response.headers.setdefault("Cache-Control", "private, no-cache")  # kept, but asked for again: access may end
    pieces = content.stream(start=span.start, end=span.stop)
    return await send_pieces(request, response, pieces, size=len(span))


def address_of(request: web.Request, content: Content, *, name: str, media_type: str) -> str | None:
    """For a browser that follows a link. What a script or a program asks for is sent: a redirect would take its token
    along, or be refused as foreign. Neither is a page to be looked at: it has headers that a store does not send."""
    is_followed = request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"
    if not is_followed or "Authorization" in request.headers:
        return None
    said = {"Content-Disposition": content_disposition("attachment", name), "Content-Type": media_type}
    return content.address(said=said | {"Cache-Control": "private, no-store"})


def redirected(address: str) -> web.Response:
    """The address lets whoever has it read the file: nobody keeps it or hands it on."""
    headers = {"Location": address, "Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(status=307, headers=headers)


async def send_made(
    request: web.Request, pieces: AsyncGenerator[bytes, None], *, name: str, media_type: str, size: int | None = None
) -> web.StreamResponse:
    """Answer with a file that is made while it is sent."""
    response = web.StreamResponse(
        headers={
            "Content-Disposition": content_disposition("attachment", name),
            "Content-Type": with_charset(media_type),
            "Cache-Control": "private, no-store",
        }
    )
    return await send_pieces(request, response, pieces, size=size)


async def send_pieces(
    request: web.Request, response: web.StreamResponse, pieces: AsyncGenerator[bytes, None], *, size: int | None
) -> web.StreamResponse:
    """Send `response` with a body that is drawn only as fast as the client takes it; `size` is None if nobody knows.

    The first piece is drawn before the headers go: what is missing by then can still be told.
    """
    if size is not None:
        response.content_length = size
    async with aclosing(pieces):
        with _deleted_named():
            piece = b"" if request.method == "HEAD" else await anext(pieces, b"")
        await response.prepare(request)
        while piece:
            await response.write(piece)
            piece = await anext(pieces, b"")
    await response.write_eof()
    return response


def with_charset(media_type: str) -> str:
    is_text = media_type.startswith("text/") and ";" not in media_type
    return f"{media_type}; charset=utf-8" if is_text else media_type


@contextmanager
def _deleted_named() -> Iterator[None]:
    """A file that was there when it was looked up, and was deleted at this moment."""
    try:
        yield
    except NotFound:
        raise Gone from None


def _require_match(request: web.Request, sha256: str) -> None:
    if request.if_match is not None and not any(tag.value in (sha256, "*") for tag in request.if_match):
        raise PreconditionFailed


def _wanted_range(request: web.Request, size: int, sha256: str) -> range | None:
    """The bytes asked for; None for all, also for what RFC 9110 lets us ignore (several ranges, other units)."""
    found = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if found is None or found.group() == "bytes=-":
        return None
    if request.headers.get("If-Range", f'"{sha256}"') != f'"{sha256}"':
        return None
    first, last = (_position(digits) for digits in found.groups())
    if first is None:
        return range(max(0, size - (last or 0)), size)
    if last is not None and last < first:
        return None
    return range(first, size if last is None else min(size, last + 1))


def _position(digits: str) -> int | None:
    """However many digits somebody sends: `int` refuses thousands of them."""
    if not digits:
        return None
    significant = digits.lstrip("0") or "0"
    return int(significant) if len(significant) < 20 else _BEYOND_ANY_FILE
