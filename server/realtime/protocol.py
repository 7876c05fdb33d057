"""Every live message once, as a typed struct: what is sent, understood and described in `/docs/events`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from server.realtime.job_fields import JobFields
from server.realtime.peer_structs import PeerName, PeerSignal, PeerWay

CommandId = str | int | None
EventName = Annotated[str, Meta(min_length=1, max_length=1000)]  # and what the settings allow


# Server → client


class Message(Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    """What every message has: its `type`, and when it was made (RFC 3339, UTC, microseconds)."""

    timestamp: str


class Reply(Message, frozen=True, kw_only=True):
    """An answer to a command; repeats its `id` when it had one."""

    id: CommandId | UnsetType = UNSET


class JobMessage(JobFields, frozen=True, kw_only=True, tag_field="type", tag=True):
    """A job's fields as a message."""

    timestamp: str


class ServerInfo(Struct, frozen=True, kw_only=True):
    version: str
    node: str


class ConnectedUser(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    role: str


class Connected(Message, frozen=True, kw_only=True, tag="connection"):
    """The first message. `offset` is where the stream of kept messages stands now, `missed` how many of them follow
    because `since` was given; `recovered` is false when not all of them could be given, and then none is."""

    client_id: str
    connection_id: str
    user: ConnectedUser
    epoch: str
    offset: int
    recovered: bool
    missed: int
    ping_interval: float
    pong_timeout: float
    server: ServerInfo
    message: str
    status: Literal["connected"] = "connected"


class Pong(Reply, frozen=True, kw_only=True, tag="pong"):
    """Answer to `ping`."""


class Echo(Reply, frozen=True, kw_only=True, tag="echo"):
    """Answer to any object whose `type` is no command: the object as it was sent."""

    data: msgspec.Raw


class Subscription(Reply, frozen=True, kw_only=True, tag="subscription"):
    """Answer to `subscribe` and `unsubscribe`; without an `id`, what may be watched no more was unsubscribed."""

    status: Literal["subscribed", "unsubscribed"]
    events: list[str]
    message: str


class FileUploadProgress(JobMessage, frozen=True, kw_only=True, tag="file_upload_progress"):
    """An upload moves; its unit is `bytes`."""


class DataImportProgress(JobMessage, frozen=True, kw_only=True, tag="data_import_progress"):
    """An import moves; its unit is `rows`, `detail` has `rejected`, `bytes`, `bytes_total`, `stage`."""


class BatchReportProgress(JobMessage, frozen=True, kw_only=True, tag="batch_report_progress"):
    """A batch moves; its unit is `reports`, `detail` has `succeeded`, `failed`, `current`."""


class JobChanged(JobMessage, frozen=True, kw_only=True, tag="job"):
    """A job's life changed: queued, started, finished, failed, cancelled, retried. Kept, at `offset` of the stream.
    Kinds without a progress message of their own move by it too, then without an `offset`."""

    offset: int | UnsetType = UNSET


class Jobs(Reply, frozen=True, kw_only=True, tag="jobs"):
    """Answer to `jobs`: the sender's jobs that are not over, and those that ended within the last minute."""

    jobs: list[JobFields]


class Notification(Message, frozen=True, kw_only=True, tag="notification"):
    """Something a person should know. Kept, at `offset` of the stream."""

    title: str
    body: str
    level: Literal["info", "success", "warning", "error"]
    url: str
    offset: int | UnsetType = UNSET


class NotificationsRead(Message, frozen=True, kw_only=True, tag="notifications_read"):
    """The user looked at their notifications, in whichever tab; `unread` is how many are left."""

    unread: int


class Removed(Message, frozen=True, kw_only=True, tag="removed"):
    """A job or an upload of the user was deleted: drop it from what is shown. Not kept: what is asked for anew is
    without it. Watchers of `job:<id>` and `jobs:*` get an `event` with `data: {job_id, removed: true}`."""

    thing: Literal["job", "upload"]
    id: str


class HistoryReply(Reply, frozen=True, kw_only=True, tag="history"):
    """Answer to `history`: kept messages in order. `recovered` is false when not all can be given; then none is.
    While `remaining` is not 0, ask again with `since` at this `epoch` and `offset`."""

    messages: list[msgspec.Raw]
    epoch: str
    offset: int
    recovered: bool
    remaining: int


class Event(Message, frozen=True, kw_only=True, tag="event"):
    """A publication on a subscribed event name."""

    event: str
    data: Any


class PeerTold(Message, frozen=True, kw_only=True, tag="peer"):
    """Something that a browser tells this one about a transfer. Not kept. `ticket` is what an answer goes `to`, where
    it is another one than before; `is_own` says that it is another device of the same user; `ways` come with `accept`
    and `again`."""

    transfer: str
    sender: PeerName
    is_own: bool
    signal: PeerSignal
    ticket: str | None = None
    expires_at: str | None = None
    ways: list[PeerWay] = []


class PeerSent(Reply, frozen=True, kw_only=True, tag="peer_sent"):
    """Answer to `peer`: it was handed on. `ticket` is what the next one of this transfer goes `to`, where it is another
    one than before; `expires_at` is when an offer does, `ways` come with `accept` and `again`."""

    transfer: str
    ticket: str | None = None
    expires_at: str | None = None
    ways: list[PeerWay] = []


class Error(Reply, frozen=True, kw_only=True, tag="error"):
    """A command could not be done."""

    code: str
    message: str


SERVER_MESSAGES: tuple[type[Struct], ...] = (
    Connected,
    Pong,
    Echo,
    Subscription,
    FileUploadProgress,
    DataImportProgress,
    BatchReportProgress,
    JobChanged,
    Jobs,
    Notification,
    NotificationsRead,
    Removed,
    HistoryReply,
    Event,
    PeerTold,
    PeerSent,
    Error,
)


# Client → server


class Command(Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    """What every command may have: an `id` that its answer repeats."""

    id: CommandId = None


class Ping(Command, frozen=True, kw_only=True, tag="ping"):
    """Answered by `pong`."""


class Auth(Command, frozen=True, kw_only=True, tag="auth"):
    """The first message of a client that could not send a cookie or header."""

    token: Annotated[str, Meta(max_length=1000)]


class Subscribe(Command, frozen=True, kw_only=True, tag="subscribe"):
    """`job:<id>`, `batch:<id>`, `report:<id>`, `dataset:<name>` (of your own) or `dataset:<id>`, `template:<id>`,
    `jobs:*`, `me:presence`, `me:looking`, `me:files`, `admin:presence`, `admin:statistics` or a free name."""

    events: Annotated[list[EventName], Meta(min_length=1, max_length=100)]


class Unsubscribe(Command, frozen=True, kw_only=True, tag="unsubscribe"):
    """Names that were not subscribed are ignored."""

    events: Annotated[list[EventName], Meta(min_length=1, max_length=100)]


class JobsQuery(Command, frozen=True, kw_only=True, tag="jobs"):
    """Ask for a snapshot of my live jobs."""


class Position(Struct, frozen=True, kw_only=True):
    """A place in a user's stream of kept messages; `epoch` changes when the stream was lost or cut."""

    epoch: str
    offset: Annotated[int, Meta(ge=0, le=2**62)]


class HistoryQuery(Command, frozen=True, kw_only=True, tag="history"):
    """Ask for the kept messages after a position; without one, for the newest `limit`."""

    since: Position | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class Peer(Command, frozen=True, kw_only=True, tag="peer"):
    """Tell another browser something about a transfer of files, which then go there without the server. An offer goes
    `to` `user:<id>` or `connection:<id>`, everything else to the ticket that came with what it answers. For browsers in
    which somebody has signed in, and where the server has it turned on."""

    to: Annotated[str, Meta(min_length=1, max_length=4_000)]
    signal: PeerSignal


COMMANDS: tuple[type[Command], ...] = (Ping, Auth, Subscribe, Unsubscribe, JobsQuery, HistoryQuery, Peer)

ANSWERS: dict[type[Command], type[Message]] = {
    Ping: Pong,
    Auth: Connected,
    Subscribe: Subscription,
    Unsubscribe: Subscription,
    JobsQuery: Jobs,
    HistoryQuery: HistoryReply,
    Peer: PeerSent,
}
"""What each command is answered by when it can be done; else by `Error`."""
