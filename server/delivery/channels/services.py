"""All there are: a service is its module and its place here."""

from __future__ import annotations

from collections.abc import Mapping

from server.delivery.channels.asking import Service
from server.delivery.channels.dingtalk import DingTalkBot
from server.delivery.channels.feishu import FeishuBot
from server.delivery.channels.slack import SlackWebhook
from server.delivery.channels.teams import TeamsWorkflow
from server.delivery.channels.webhook import SignedWebhook
from server.delivery.channels.wecom import WeComBot
from server.delivery.messages import ChannelVia

SERVICES: Mapping[ChannelVia, Service] = {
    ChannelVia.WEBHOOK: SignedWebhook(),
    ChannelVia.WECOM: WeComBot(),
    ChannelVia.DINGTALK: DingTalkBot(),
    ChannelVia.FEISHU: FeishuBot(),
    ChannelVia.SLACK: SlackWebhook(),
    ChannelVia.TEAMS: TeamsWorkflow(),
}
# A file of S3 lies at a place of its own: put there once more, it is what it was.
TAKES_REPEATS = frozenset({ChannelVia.S3, *(via for via, service in SERVICES.items() if service.takes_repeats)})
