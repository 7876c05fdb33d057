"""Addresses of objects that are signed for a moment: whoever has one reads that object, and nothing else, until then.

Signature Version 4 in the query, of which `obstore` cannot sign what the store shall say of the object.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from urllib.parse import quote, urlsplit

from server.clock import Clock, utc_now

_SECONDS = 60  # to begin; a download that has begun goes on
_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAddresses:
    """`address` is where browsers reach the store, without the bucket."""

    address: str
    bucket: str
    prefix: str
    region: str
    key_id: str
    secret: str
    clock: Clock = utc_now

    def of(self, place: str, *, said: Mapping[str, str]) -> str:
        """To read what lies there. `said`: headers of the answer, as `Content-Disposition`."""
        key = f"{self.prefix}/{place}" if self.prefix else place
        return self.request("GET", key, {f"response-{name.lower()}": value for name, value in said.items()})

    def request(self, method: str, key: str, query: Mapping[str, str]) -> str:
        """`key` as it stands in the bucket; without one it is about the bucket itself."""
        now = self.clock()
        day, moment = f"{now:%Y%m%d}", f"{now:%Y%m%dT%H%M%SZ}"
        scope = f"{day}/{self.region}/s3/aws4_request"
        parts = urlsplit(self.address)
        path = quote("/".join(filter(None, [parts.path.strip("/"), self.bucket, key])), safe="/-_.~")
        told = _query(
            {
                "X-Amz-Algorithm": _ALGORITHM,
                "X-Amz-Credential": f"{self.key_id}/{scope}",
                "X-Amz-Date": moment,
                "X-Amz-Expires": str(_SECONDS),
                "X-Amz-SignedHeaders": "host",
                **query,
            }
        )
        wanted = "\n".join([method, f"/{path}", told, f"host:{parts.netloc}\n", "host", "UNSIGNED-PAYLOAD"])
        text = "\n".join([_ALGORITHM, moment, scope, hashlib.sha256(wanted.encode()).hexdigest()])
        key_of_day = reduce(_keyed, scope.split("/"), f"AWS4{self.secret}".encode())
        return f"{parts.scheme}://{parts.netloc}/{path}?{told}&X-Amz-Signature={_keyed(key_of_day, text).hex()}"


def _keyed(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _query(values: Mapping[str, str]) -> str:
    return "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in sorted(values.items()))
