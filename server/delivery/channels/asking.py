"""One request to a service and its answer, and what is common to reading answers."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import msgspec

from server.delivery.messages import ChannelMessage, ChannelReceipt, ChannelTarget
from server.errors import NotDelivered
from server.texts import Translate

JSON = {"Content-Type": "application/json; charset=utf-8"}
_PASSING = frozenset({408, 425, 429})  # beside 500 and more
_LONGEST_PAUSE = 86_400.0
_LONGEST_SAID = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """`body` is sent exactly so: it may be signed."""

    url: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideAnswer:
    """Names of headers in small letters; of a long body the beginning."""

    host: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One attempt: what it is about, and the moment at which it is signed."""

    message: ChannelMessage
    delivery_id: str
    event_id: str
    at: datetime
    translate: Translate


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePace:
    """How fast a service takes what comes: `burst` at once, then one each `seconds`; it never sees more."""

    seconds: float = 0.0
    burst: int = 1


class Service(Protocol):
    """One way of telling, without the way there."""

    pace: ServicePace
    takes_repeats: bool  # whoever gets the same twice can tell by its id

    def written(self, target: ChannelTarget, telling: Telling) -> Outgoing: ...

    def read(self, answer: OutsideAnswer) -> ChannelReceipt:
        """Raises `NotDelivered` where the service did not take it, whatever its status says."""
        ...


def require_success(answer: OutsideAnswer) -> None:
    """Of the status alone. Services that say more say it in the body."""
    if 200 <= answer.status < 300:
        return
    if 300 <= answer.status < 400:
        raise NotDelivered(
            "{host} sent us on to another place, which is not followed. Write the address that it ends at.",
            host=answer.host,
            is_final=True,
        )
    raise not_taken(answer)


def not_taken(answer: OutsideAnswer, *, passing: Collection[int] = _PASSING) -> NotDelivered:
    """What a status says that is no success; `passing` are those below 500 that may be others next time."""
    return NotDelivered(
        "{host} answered {status}.",
        host=answer.host,
        status=answer.status,
        is_final=answer.status < 500 and answer.status not in passing,
        retry_after=retry_after(answer),
    )


def not_understood(answer: OutsideAnswer) -> NotDelivered:
    """Of a service that says in the body whether it took the message, and did not say so; it may next time."""
    message = "{host} answered {status}, and not whether it took the message."
    return NotDelivered(message, host=answer.host, status=answer.status)


def retry_after(answer: OutsideAnswer) -> float | None:
    """Seconds that the other side asked for, as a number or a date; a day at most."""
    said = answer.headers.get("retry-after", "").strip()
    if not said:
        return None
    if said.isascii() and said.isdigit():
        return min(float(said[:9]), _LONGEST_PAUSE)
    try:
        until = parsedate_to_datetime(said)
        return min(max((until - answer.at).total_seconds(), 0.0), _LONGEST_PAUSE)
    except (ValueError, TypeError):  # also one without a zone
        return None


def fields_of(answer: OutsideAnswer) -> dict[str, Any]:
    """Of a JSON object; empty when it is none."""
    try:
        found = msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def said_by(answer: OutsideAnswer, code: object, words: object) -> dict[str, Any]:
    """What a service says, short and on one line; an address that it repeats is a secret of ours."""
    text = " ".join(str(words).split())
    text = " ".join("…" if "://" in word or len(word) > 60 else word for word in text.split(" "))
    return {"host": answer.host, "said": f"{code} {text}".strip()[:_LONGEST_SAID]}


def json_request(url: str, body: object, headers: Mapping[str, str] | None = None) -> Outgoing:
    return Outgoing(url=url, body=msgspec.json.encode(body), headers={**JSON, **(headers or {})})


def hmac_of(key: str | bytes, content: str | bytes) -> str:
    """HMAC-SHA256 in base 64."""
    key, content = (each.encode() if isinstance(each, str) else each for each in (key, content))
    return b64encode(hmac.digest(key, content, hashlib.sha256)).decode()


def receipt_by_errcode(
    answer: OutsideAnswer, *, too_many: frozenset[int], passing: frozenset[int], pause: float
) -> ChannelReceipt:
    """Of 企业微信 and 钉钉, whose refusals come with status 200. Raises `NotDelivered`."""
    require_success(answer)
    fields = fields_of(answer)
    code = fields.get("errcode")
    if code == 0:
        return ChannelReceipt()
    if code is None:
        raise not_understood(answer)
    raise NotDelivered(
        "{host} refused the message: {said}.",
        **said_by(answer, code, fields.get("errmsg", "")),
        is_final=code not in too_many | passing,
        retry_after=pause if code in too_many else None,
    )
