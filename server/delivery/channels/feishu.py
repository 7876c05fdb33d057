"""飞书 (and Lark): a group's bot. 20 KB, 100 messages a minute and 5 a second; it signs unlike 钉钉."""

from __future__ import annotations

from server.delivery.channels.asking import (
    Outgoing,
    OutsideAnswer,
    ServicePace,
    Telling,
    fields_of,
    hmac_of,
    json_request,
    not_understood,
    require_success,
    said_by,
)
from server.delivery.channels.fitting import Draft, fitted
from server.delivery.messages import ChannelReceipt, ChannelTarget
from server.errors import NotDelivered

MOST_BYTES = 20_000
_TOO_MANY = frozenset({11232, 99991400})
_PASSING = frozenset({-1, 11233, 19007})
_PAUSE_SECONDS = 60.0


class FeishuBot:
    pace = ServicePace(seconds=0.65, burst=3)  # 100 in any minute, 5 in any second
    takes_repeats = False

    def written(self, target: ChannelTarget, telling: Telling) -> Outgoing:
        signed = _signed(target.secret, int(telling.at.timestamp()))
        draft = fitted(telling, MOST_BYTES, lambda each: len(json_request("", signed | _card(each)).body))
        return json_request(target.url, signed | _card(draft))

    def read(self, answer: OutsideAnswer) -> ChannelReceipt:
        """Old bots answer in another form than new ones; too many come with status 400 as well."""
        fields = fields_of(answer)
        code = fields.get("code", fields.get("StatusCode"))
        if code is None:
            require_success(answer)
            raise not_understood(answer)
        if code == 0:
            return ChannelReceipt()
        raise NotDelivered(
            "{host} refused the message: {said}.",
            **said_by(answer, code, fields.get("msg", fields.get("StatusMessage", ""))),
            is_final=code not in _TOO_MANY | _PASSING and answer.status < 429,
            retry_after=_PAUSE_SECONDS if code in _TOO_MANY else None,
        )


def _signed(secret: str, seconds: int) -> dict[str, object]:
    """Time and secret are the key, and nothing is signed by it: so Feishu wants it."""
    return {"timestamp": str(seconds), "sign": hmac_of(f"{seconds}\n{secret}", b"")} if secret else {}


def _card(draft: Draft) -> dict[str, object]:
    """All of it as plain text, in which no sign means anything."""
    elements: list[dict[str, object]] = []
    if draft.text:
        elements.append({"tag": "div", "text": _plain(draft.text)})
    if draft.facts:
        fields = [{"is_short": len(value) < 30, "text": _plain(f"{label}\n{value}")} for label, value in draft.facts]
        elements.append({"tag": "div", "fields": fields})
    if draft.note:
        elements.append({"tag": "note", "elements": [_plain(draft.note)]})
    if draft.url:
        button = {"tag": "button", "text": _plain(draft.opens), "type": "primary", "url": draft.url}
        elements.append({"tag": "action", "actions": [button]})
    header = {"template": "blue", "title": _plain(draft.title)}
    return {"msg_type": "interactive", "card": {"header": header, "elements": elements}}


def _plain(text: str) -> dict[str, object]:
    return {"tag": "plain_text", "content": text}
