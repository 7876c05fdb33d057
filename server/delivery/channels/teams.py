"""Microsoft Teams: the address of a workflow, which posts an adaptive card. 28 KB, four a second."""

from __future__ import annotations

import re

from server.delivery.channels.asking import (
    Outgoing,
    OutsideAnswer,
    ServicePace,
    Telling,
    json_request,
    require_success,
    said_by,
)
from server.delivery.channels.fitting import Draft, fitted
from server.delivery.messages import ChannelReceipt, ChannelTarget
from server.errors import NotDelivered

MOST_BYTES = 27_000  # of 28 KB: the workflow wraps it once more
_SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
_SIGN = re.compile(r"([\\`*_{}\[\]()<>#+\-!~|])")
_OLD_FAILURE = b"Webhook message delivery failed"
_TOO_MANY = b"429"
_PAUSE_SECONDS = 60.0


class TeamsWorkflow:
    pace = ServicePace(seconds=0.35)
    takes_repeats = False

    def written(self, target: ChannelTarget, telling: Telling) -> Outgoing:
        draft = fitted(telling, MOST_BYTES, lambda each: len(json_request("", _body(each)).body))
        return json_request(target.url, _body(draft))

    def read(self, answer: OutsideAnswer) -> ChannelReceipt:
        """Old connectors say with status 200 that it did not arrive."""
        require_success(answer)
        if answer.body.startswith(_OLD_FAILURE):
            raise NotDelivered(
                "{host} refused the message: {said}.",
                **said_by(answer, answer.status, answer.body.decode(errors="replace")),
                retry_after=_PAUSE_SECONDS if _TOO_MANY in answer.body else None,
            )
        return ChannelReceipt()


def _body(draft: Draft) -> dict[str, object]:
    parts: list[dict[str, object]] = [_runs(draft.title, size="Large", weight="Bolder")]
    parts += [_runs(line) for line in draft.text.splitlines() if line.strip()]
    if draft.facts:
        facts = [{"title": _literal(label), "value": _literal(value)} for label, value in draft.facts]
        parts.append({"type": "FactSet", "facts": facts})
    if draft.note:
        parts.append(_runs(draft.note, isSubtle=True))
    card: dict[str, object] = {"$schema": _SCHEMA, "type": "AdaptiveCard", "version": "1.4", "body": parts}
    if draft.url:
        card["actions"] = [{"type": "Action.OpenUrl", "title": draft.opens, "url": draft.url}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _runs(text: str, **style: object) -> dict[str, object]:
    """Text in which no sign means anything, unlike that of a `TextBlock`."""
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}


def _literal(text: str) -> str:
    """Facts know Markdown, and the sign that takes the next one literally."""
    return _SIGN.sub(r"\\\1", text)
