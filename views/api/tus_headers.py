"""The headers of tus as the description of the API tells them."""

from __future__ import annotations

from typing import Any

from server.http.endpoint import IDEMPOTENCY_KEY, Header
from server.http.values import KEY_SCHEMA
from server.uploads import tus

STATE = ("Upload-Offset", "Upload-Length", "Upload-Defer-Length", "Upload-Expires")
_NUMBER = {"pattern": "^[0-9]{1,18}$"}


def taken(*names: str, required: tuple[str, ...] = ()) -> list[Header]:
    """Headers of requests, in English as the whole description of the API."""
    known: dict[str, tuple[str, dict[str, Any]]] = {
        IDEMPOTENCY_KEY: ("The same key gives the same upload, however often it is sent.", KEY_SCHEMA),
        "Tus-Resumable": ("On every request of a tus client.", {"enum": [tus.VERSION]}),
        "Upload-Checksum": (
            "`sha256` or `sha1`, and in base64 the digest of the bytes in this request.",
            {"pattern": tus.CHECKSUM_PATTERN},
        ),
        "Upload-Concat": (
            "`partial` for a part; for their file, `final;` and the addresses of the parts.",
            {"pattern": tus.CONCAT_PATTERN},
        ),
        "Upload-Defer-Length": ("`1` until the length is said, which a PATCH may do.", {"enum": ["1"]}),
        "Upload-Length": ("The length of the whole file in bytes.", _NUMBER),
        "Upload-Metadata": (
            "`filename` and `filetype`, each with its value in base64, with commas between.",
            {"pattern": tus.METADATA_PATTERN},
        ),
        "Upload-Offset": ("How many bytes are stored.", _NUMBER),
        "X-HTTP-Method-Override": (
            "The method that is meant; the other headers are that method's.",
            {"enum": ["PATCH", "HEAD", "DELETE"]},
        ),
    }
    return [Header(name=name, said=known[name][0], schema=known[name][1], required=name in required) for name in names]


def told(*names: str) -> dict[str, str]:
    """Headers of answers."""
    said = {
        "Location": "The upload.",
        "Tus-Checksum-Algorithm": "What may stand in `Upload-Checksum`.",
        "Tus-Extension": "What the server can do beyond the core of the protocol.",
        "Tus-Max-Size": "The largest file in bytes.",
        "Tus-Version": "`1.0.0`.",
        "Upload-Concat": "`partial` for a part; for their file, `final;` and the addresses of the parts.",
        "Upload-Defer-Length": "`1` until the length is said.",
        "Upload-Expires": "When it is removed if no more bytes come.",
        "Upload-Length": "The length of the whole file in bytes.",
        "Upload-Metadata": "As it came.",
        "Upload-Offset": "How many bytes are stored; not there while parts are being joined.",
    }
    return {name: said[name] for name in names}
