"""The tus 1.0 headers: read into values and written from them, without any I/O (https://tus.io/protocols)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from server.errors import Forbidden, InvalidInput, MalformedRequest, PreconditionFailed, UnsupportedMedia
from server.numerals import whole_number
from server.uploads.files import require_size

VERSION = "1.0.0"
EXTENSIONS = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "termination",
    "expiration",
    "checksum",
    "concatenation",
)
CHECKSUM_ALGORITHMS = ("sha256", "sha1")
BODY_TYPE = "application/offset+octet-stream"
_PAIR = "[!-+\\--~]+(?: +[A-Za-z0-9+/]*={0,2})?"
# For those who describe the headers; the functions below are stricter where base64 is.
METADATA_PATTERN = f"^(?: *{_PAIR} *(?:, *{_PAIR} *)*)?$"
CHECKSUM_PATTERN = "^(?:sha256 [A-Za-z0-9+/]{43}=|sha1 [A-Za-z0-9+/]{27}=)$"
CONCAT_PATTERN = "^(?:partial|final; ?[!-~]*uploads/[0-9a-z]{1,64}(?: +[!-~]*uploads/[0-9a-z]{1,64})*)$"
_PART_URL = re.compile(r"(?:[^?#]*/)?uploads/([0-9a-z]{1,64})")  # in front: scheme and host, as the client reached us

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    """What the bytes of one request must hash to."""

    algorithm: str
    digest: bytes

    def new_hash(self) -> Any:
        return hashlib.new(self.algorithm, usedforsecurity=False)

    def matches(self, hashed: Any) -> bool:
        return hmac.compare_digest(self.digest, hashed.digest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """What a client announces about a file; `has_body` says that its first bytes come along.

    `size` is None when it will be said later, or is the sum of `parts`: the ids of the uploads to join.
    `concat` is the header `Upload-Concat` as it was sent.
    """

    size: int | None
    metadata: dict[str, str]
    has_body: bool
    checksum: Checksum | None
    concat: str | None = None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """Where the bytes of a request belong; `size` is the length of the file when the client says it only now."""

    offset: int
    checksum: Checksum | None
    size: int | None = None


def require_version(headers: Headers) -> None:
    """Raises `PreconditionFailed` unless the client speaks our version; the answer then says which that is."""
    given = headers.get("Tus-Resumable")
    if given != VERSION:
        raise PreconditionFailed(
            "This server speaks tus {version}; send the header Tus-Resumable: {version}.",
            code="unsupported_tus_version",
            version=VERSION,
        )


def parse_creation(headers: Headers, *, max_bytes: int) -> Creation:
    """The headers of a creating POST; raises `TooLarge` before a single byte has come."""
    concat = headers.get("Upload-Concat")
    parts = parse_concat(concat)
    size = _announced_size(headers, is_joined=bool(parts))
    require_size(size, max_bytes=max_bytes)
    has_body = _media_type(headers) == BODY_TYPE
    if has_body and parts:
        raise Forbidden("A file that is joined from parts takes no bytes of its own.")
    return Creation(
        size=size,
        metadata=parse_metadata(headers.get("Upload-Metadata", "")),
        has_body=has_body,
        checksum=parse_checksum(headers) if has_body else None,
        concat=concat,
        parts=parts,
    )


def parse_concat(value: str | None) -> tuple[str, ...]:
    """The ids in `final;/files/a https://here/files/b`, in order; none for a part or a file that comes as it is."""
    if value is None or value == "partial":
        return ()
    kind, _, listed = value.partition(";")
    found = [_PART_URL.fullmatch(url) for url in listed.split()]
    ids = tuple(match[1] for match in found if match is not None)
    if not value.isascii() or kind != "final" or not ids or len(ids) != len(found) or len(set(ids)) != len(ids):
        raise MalformedRequest(
            "Upload-Concat must be “partial”, or “final;” and the addresses of the parts, each once, with spaces."
        )
    return ids


def _announced_size(headers: Headers, *, is_joined: bool) -> int | None:
    deferred = headers.get("Upload-Defer-Length")
    if deferred not in (None, "1"):
        raise MalformedRequest("The header Upload-Defer-Length can only be 1.")
    if deferred is None and not is_joined:
        return parse_number(headers, "Upload-Length")
    if "Upload-Length" in headers or (deferred and is_joined):
        raise MalformedRequest("Send Upload-Length or Upload-Defer-Length, and neither for a file joined from parts.")
    return None


def parse_patch(headers: Headers) -> Patch:
    if _media_type(headers) != BODY_TYPE:
        raise UnsupportedMedia("Send the bytes as {media_type}.", media_type=BODY_TYPE)
    return Patch(
        offset=parse_number(headers, "Upload-Offset"),
        checksum=parse_checksum(headers),
        size=parse_number(headers, "Upload-Length") if "Upload-Length" in headers else None,
    )


def parse_number(headers: Headers, name: str) -> int:
    number = whole_number(headers.get(name))
    if number is None:
        raise MalformedRequest("The header {header} must be a whole number of bytes.", header=name)
    return number


def parse_checksum(headers: Headers) -> Checksum | None:
    """`Upload-Checksum: sha256 <base64>`; raises `MalformedRequest` (400) for what cannot be checked, as tus asks."""
    value = headers.get("Upload-Checksum")
    if value is None:
        if "upload-checksum" in headers.get("Trailer", "").lower():  # it would pass unchecked: nobody hands us trailers
            raise MalformedRequest("Send Upload-Checksum before the bytes; a trailer is not read here.")
        return None
    algorithm, _, encoded = value.partition(" ")
    if algorithm not in CHECKSUM_ALGORITHMS:
        raise MalformedRequest(
            "Checksums can be checked with {algorithms}.",
            code="unsupported_checksum",
            algorithms=", ".join(CHECKSUM_ALGORITHMS),
        )
    digest = _decoded(encoded, "Upload-Checksum")
    if len(digest) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        raise MalformedRequest("The checksum does not have the length of a {algorithm} digest.", algorithm=algorithm)
    return Checksum(algorithm=algorithm, digest=digest)


def parse_metadata(given: str) -> dict[str, str]:
    """`filename c2FsZXMueGxzeA==,is_draft`: keys with base64 values, or alone. Values must be UTF-8."""
    metadata: dict[str, str] = {}
    for pair in given.split(",") if given.strip() else ():
        key, _, encoded = pair.strip().partition(" ")
        if not key or not key.isascii() or key in metadata:
            raise MalformedRequest("Upload-Metadata has an empty, repeated or non-ASCII key.")
        try:
            value = _decoded(encoded.strip(), "Upload-Metadata").decode("utf-8")
        except UnicodeDecodeError as error:
            raise MalformedRequest("The value of {key} in Upload-Metadata is not UTF-8.", key=key) from error
        if "\0" in value:
            raise InvalidInput(
                "The value of {key} in Upload-Metadata has the character NUL (U+0000), which no text can hold.", key=key
            )
        metadata[key] = value
    return metadata


def write_metadata(metadata: Mapping[str, str]) -> str:
    """The header that `parse_metadata` reads."""
    pairs = ((key, base64.b64encode(value.encode("utf-8")).decode("ascii")) for key, value in metadata.items())
    return ",".join(f"{key} {encoded}" if encoded else key for key, encoded in pairs)


def server_headers(*, max_bytes: int) -> dict[str, str]:
    """What OPTIONS answers."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(EXTENSIONS),
        "Tus-Max-Size": str(max_bytes),
        "Tus-Checksum-Algorithm": ",".join(CHECKSUM_ALGORITHMS),
    }


def state_headers(*, offset: int | None, size: int | None, expires_at: datetime | None) -> dict[str, str]:
    """How far an upload is and how long it waits for the rest. No offset: its parts are being joined."""
    headers = {} if offset is None else {"Upload-Offset": str(offset)}
    if size is not None:
        headers["Upload-Length"] = str(size)
    elif offset is not None:
        headers["Upload-Defer-Length"] = "1"
    if expires_at is not None:
        headers["Upload-Expires"] = format_datetime(expires_at.astimezone(UTC), usegmt=True)
    return headers


def _media_type(headers: Headers) -> str:
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _decoded(encoded: str, header: str) -> bytes:
    try:
        return base64.b64decode(encoded.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise MalformedRequest("The header {header} is not base64.", header=header) from error
