"""钉钉: a group's bot. 20,000 bytes; who sends 21 messages in a minute is not heard for ten."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from server.delivery.channels.asking import (
    Outgoing,
    OutsideAnswer,
    ServicePace,
    Telling,
    hmac_of,
    json_request,
    receipt_by_errcode,
)
from server.delivery.channels.fitting import Draft, fitted
from server.delivery.channels.markdown import markdown
from server.delivery.messages import ChannelReceipt, ChannelTarget

MOST_BYTES = 20_000
_TOO_MANY = frozenset({130101, 130102, 410100})
_PASSING = frozenset({-1})
_BAN_SECONDS = 600.0
_SIGNING = frozenset({"timestamp", "sign"})


class DingTalkBot:
    pace = ServicePace(seconds=3.6, burst=4)  # 20 in any minute
    takes_repeats = False

    def written(self, target: ChannelTarget, telling: Telling) -> Outgoing:
        draft = fitted(telling, MOST_BYTES, lambda each: len(json_request("", _body(each)).body))
        return json_request(_signed(target, int(telling.at.timestamp() * 1000)), _body(draft))

    def read(self, answer: OutsideAnswer) -> ChannelReceipt:
        return receipt_by_errcode(answer, too_many=_TOO_MANY, passing=_PASSING, pause=_BAN_SECONDS)


def _body(draft: Draft) -> dict[str, object]:
    text = markdown(draft, title="### {}", line_end="  \n")
    return {"msgtype": "markdown", "markdown": {"title": draft.title, "text": text}}


def _signed(target: ChannelTarget, milliseconds: int) -> str:
    """The signature stands in the address, and holds for an hour. One that was copied along with it is left out."""
    parts = urlsplit(target.url)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name not in _SIGNING]
    if target.secret:
        sign = hmac_of(target.secret, f"{milliseconds}\n{target.secret}")
        query += [("timestamp", str(milliseconds)), ("sign", sign)]
    return urlunsplit(parts._replace(query=urlencode(query)))
