"""A file in a form (`curl -F file=@sales.csv`): exactly one, to its last byte, as it was sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import aiohttp
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from server.errors import InvalidInput, MalformedRequest, TooLarge, UnsupportedMedia

_CHUNK_BYTES = 256 * 1024
_MAX_PARTS = 100
_MAX_FIELD_BYTES = 1024 * 1024
_PLAIN_ENCODINGS = ("", "binary", "8bit", "7bit")
# What aiohttp's reader raises for forms that are none, or whose connection broke.
_UNREADABLE = (ValueError, RuntimeError, AssertionError, OSError, web.RequestPayloadError, HttpProcessingError)


def cut_off() -> MalformedRequest:
    return MalformedRequest("The connection broke off before all bytes came.", code="cut_off")


class FileForm:
    """Reads a form part by part; `find_file` first, then `chunks`."""

    def __init__(self, reader: aiohttp.MultipartReader) -> None:
        self._reader = reader
        self._parts = 0

    @classmethod
    async def of(cls, request: web.Request) -> FileForm:
        with _well_formed():
            return cls(await request.multipart())

    async def find_file(self) -> aiohttp.BodyPartReader:
        """The first part that is a file; raises `UnsupportedMedia` when there is none."""
        with _well_formed():
            while (part := await self._next()) is not None:
                if await _is_file(part):
                    return part
        raise UnsupportedMedia("Send the file as a form field with a file name, as `curl -F file=@sales.csv` does.")

    async def chunks(self, file: aiohttp.BodyPartReader) -> AsyncIterator[bytes]:
        """The file's bytes. Raises at their end unless the form was closed and held no other file."""
        with _whole():
            while chunk := await file.read_chunk(_CHUNK_BYTES):
                yield chunk
            if not file.at_eof():
                raise cut_off()
            while (part := await self._next()) is not None:
                if await _is_file(part):
                    raise InvalidInput(
                        "The form holds more than one file; send each in a request of its own. Nothing was stored.",
                        code="several_files",
                    )

    async def _next(self) -> aiohttp.BodyPartReader | None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise MalformedRequest("The form has more than {limit} fields.", limit=_MAX_PARTS)
        part = await self._reader.next()
        if isinstance(part, aiohttp.MultipartReader):
            raise UnsupportedMedia("Send the file itself, not another form inside this one.")
        return part


async def _is_file(part: aiohttp.BodyPartReader) -> bool:
    """Other fields are read to their end here. A file field that was left empty in a page has an empty name."""
    if part.name is None and part.filename is None:
        raise ValueError("a part without a name, or whose head was cut off")
    if part.filename:
        _require_plain(part)
        return True
    size = 0
    while chunk := await part.read_chunk(_CHUNK_BYTES):
        size += len(chunk)
        if size > _MAX_FIELD_BYTES:
            raise TooLarge
    if part.filename is not None and size:
        raise UnsupportedMedia("The file in the form has no name.")
    return False


def _require_plain(part: aiohttp.BodyPartReader) -> None:
    """Decoding would be a guess at what is meant, and a way to send a bomb; storing the coded bytes would be a lie."""
    encodings = part.headers.get("Content-Transfer-Encoding", ""), part.headers.get("Content-Encoding", "")
    if encodings[0].strip().lower() not in _PLAIN_ENCODINGS or encodings[1].strip().lower() not in ("", "identity"):
        raise UnsupportedMedia("Send the file in the form as it is, without an encoding.")


@contextmanager
def _well_formed() -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        raise MalformedRequest("The form is not well-formed multipart/form-data.") from error


@contextmanager
def _whole() -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        raise cut_off() from error
