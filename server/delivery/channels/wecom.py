"""企业微信: a group's bot. 4,096 bytes of Markdown, 20 messages a minute, and refusals that come with status 200."""

from __future__ import annotations

from server.delivery.channels.asking import (
    Outgoing,
    OutsideAnswer,
    ServicePace,
    Telling,
    json_request,
    receipt_by_errcode,
)
from server.delivery.channels.fitting import Draft, fitted
from server.delivery.channels.markdown import markdown
from server.delivery.messages import ChannelReceipt, ChannelTarget

MOST_BYTES = 4_096
_TOO_MANY = frozenset({45009, 45033})
_PASSING = frozenset({-1})  # "system busy"
_PAUSE_SECONDS = 60.0


class WeComBot:
    pace = ServicePace(seconds=3.6, burst=4)  # 20 in any minute
    takes_repeats = False

    def written(self, target: ChannelTarget, telling: Telling) -> Outgoing:
        draft = fitted(telling, MOST_BYTES, lambda each: len(_content(each).encode()))
        return json_request(target.url, {"msgtype": "markdown", "markdown": {"content": _content(draft)}})

    def read(self, answer: OutsideAnswer) -> ChannelReceipt:
        return receipt_by_errcode(answer, too_many=_TOO_MANY, passing=_PASSING, pause=_PAUSE_SECONDS)


def _content(draft: Draft) -> str:
    return markdown(draft, title="### {}", line_end="\n")
