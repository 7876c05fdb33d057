"""Slack's incoming webhooks: sections of 3,000 characters, some 13,000 in all, one message a second."""

from __future__ import annotations

from server.delivery.channels.asking import (
    Outgoing,
    OutsideAnswer,
    ServicePace,
    Telling,
    json_request,
    require_success,
    retry_after,
    said_by,
)
from server.delivery.channels.fitting import Draft, cut, fitted, pieces
from server.delivery.messages import ChannelReceipt, ChannelTarget
from server.errors import NotDelivered

MOST_CHARACTERS = 13_000
MOST_OF_SECTION, MOST_OF_HEADER, MOST_OF_FIELD, MOST_BLOCKS = 3_000, 150, 2_000, 50
_FIELDS = 10  # of a section
_PAUSE_SECONDS = 30.0
_SPECIAL = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


class SlackWebhook:
    pace = ServicePace(seconds=1.1)
    takes_repeats = False

    def written(self, target: ChannelTarget, telling: Telling) -> Outgoing:
        draft = fitted(telling, MOST_CHARACTERS, lambda each: len(json_request("", _body(each)).body.decode()))
        return json_request(target.url, _body(draft))

    def read(self, answer: OutsideAnswer) -> ChannelReceipt:
        """`ok`, or one word that says what is wrong."""
        said = answer.body.decode(errors="replace").strip()
        if answer.status == 429:
            pause = retry_after(answer) or _PAUSE_SECONDS
            raise NotDelivered("{host} has had too many messages.", host=answer.host, retry_after=pause)
        if answer.status < 500 and said not in ("", "ok") and not 300 <= answer.status < 400:
            raise NotDelivered(
                "{host} refused the message: {said}.", **said_by(answer, answer.status, said), is_final=True
            )
        require_success(answer)
        return ChannelReceipt()


def _body(draft: Draft) -> dict[str, object]:
    """`text` is what notifications show."""
    blocks: list[dict[str, object]] = [{"type": "header", "text": _plain(cut(draft.title, MOST_OF_HEADER))}]
    blocks += [{"type": "section", "text": _plain(piece)} for piece in pieces(draft.text, MOST_OF_SECTION)]
    for begin in range(0, len(draft.facts), _FIELDS):
        some = draft.facts[begin : begin + _FIELDS]
        fields = [_plain(cut(f"{label}\n{value}", MOST_OF_FIELD)) for label, value in some]
        blocks.append({"type": "section", "fields": fields})
    if draft.note:
        blocks.append({"type": "context", "elements": [_plain(draft.note)]})
    if draft.url:  # no button, which would tell a program of ours that is not there
        link = f"<{draft.url.translate(_SPECIAL).replace('|', '%7C')}|{draft.opens}>"
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": link}})
    return {"text": draft.title.translate(_SPECIAL), "blocks": blocks[:MOST_BLOCKS]}


def _plain(text: str) -> dict[str, object]:
    return {"type": "plain_text", "text": text or "–", "emoji": False}
