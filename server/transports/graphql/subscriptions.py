"""What can be followed: the messages of a live connection, each subscription one of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any, TypeAlias

import strawberry
from strawberry.scalars import JSON

from server.errors import NotFound
from server.transports.graphql.queries import Info, asking, job_of
from server.transports.graphql.types import JobType, as_scalar

Since = Annotated[
    str | None,
    strawberry.argument(
        description="The `position` of the last item you have: what was kept since then comes first, each once and in "
        "order, or `recovered` is false."
    ),
]
ClientId = Annotated[
    str | None,
    strawberry.argument(
        description="1 to 64 of A-Z a-z 0-9 _ . -, naming this subscription: a newer one of the same name ends "
        "the older, which a half-open connection would keep."
    ),
]


@strawberry.type(
    name="Joined",
    description="The first item: where the stream of kept messages stands. `recovered` is false when what was kept "
    "since then cannot be given whole, and without `since`: ask for what you show anew.",
)
class JoinedType:
    position: str | None  # never null, but of one type in all items of a union
    recovered: bool
    connection_id: str


@strawberry.type(
    name="JobUpdate",
    description="A job moved. One that is kept has a `position`; others are only the newest of their job.",
)
class JobUpdateType:
    timestamp: str
    position: str | None
    job: JobType


@strawberry.type(name="JobRemoved", description="A job was deleted: drop it from what you show.")
class JobRemovedType:
    job_id: strawberry.ID


@strawberry.type(name="Notification", description="Something that a person should know.")
class NotificationType:
    timestamp: str
    position: str | None
    title: str
    body: str
    level: str
    url: str


@strawberry.type(name="Event", description="What was published on an event name.")
class EventType:
    timestamp: str
    event: str
    data: JSON | None


JobsItem: TypeAlias = Annotated[JoinedType | JobUpdateType | JobRemovedType, strawberry.union("JobsItem")]
JobItem: TypeAlias = Annotated[JobUpdateType | JobRemovedType, strawberry.union("JobItem")]
NotificationsItem: TypeAlias = Annotated[JoinedType | NotificationType, strawberry.union("NotificationsItem")]


@strawberry.type(name="Subscription")
class SubscriptionRoot:
    @strawberry.subscription(description="Your jobs as they move; progress that comes too fast for you is skipped.")
    async def jobs(self, info: Info, since: Since = None, client_id: ClientId = None) -> AsyncGenerator[JobsItem, None]:
        async with info.context.open_live(since=since, client_id=client_id) as messages:
            epoch = ""
            async for message in messages:
                if message["type"] == "connection":
                    epoch = message["epoch"]
                    yield _joined(message)
                elif message["type"] == "removed" and message["thing"] == "job":
                    yield JobRemovedType(job_id=message["id"])
                elif "job_id" in message:
                    yield _update(message, message, epoch)

    @strawberry.subscription(description="One job, as it is and as it moves.")
    async def job(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 – as the schema has it
        client_id: ClientId = None,
    ) -> AsyncGenerator[JobItem, None]:
        call = asking(info)
        async with call.open_live(since=None, client_id=client_id, events=[f"job:{id}"]) as messages:
            async for message in messages:
                if message["type"] == "subscription":  # from here on nothing is missed: `revision` says what is newer
                    _require_right(message)
                    job = await call.operations.jobs.get(call.principal, id)
                    yield JobUpdateType(timestamp=message["timestamp"], position=None, job=job_of(call, job))
                elif message["type"] == "event" and message["data"].get("removed"):
                    yield JobRemovedType(job_id=id)
                    return
                elif message["type"] == "event":
                    yield _update(message, message["data"], "")

    @strawberry.subscription(description="Your notifications as they come.")
    async def notifications(
        self, info: Info, since: Since = None, client_id: ClientId = None
    ) -> AsyncGenerator[NotificationsItem, None]:
        async with info.context.open_live(since=since, client_id=client_id) as messages:
            epoch = ""
            async for message in messages:
                if message["type"] == "connection":
                    epoch = message["epoch"]
                    yield _joined(message)
                elif message["type"] == "notification":
                    own = {name: message[name] for name in ("timestamp", "title", "body", "level", "url")}
                    yield NotificationType(**own, position=f"{epoch}:{message['offset']}")

    @strawberry.subscription(
        description="What is published on an event name: `batch:<id>`, `dataset:<id>`, `jobs:*`, or a free one."
    )
    async def event(self, info: Info, name: str, client_id: ClientId = None) -> AsyncGenerator[EventType, None]:
        async with info.context.open_live(since=None, client_id=client_id, events=[name]) as messages:
            async for message in messages:
                if message["type"] == "subscription":
                    _require_right(message)
                elif message["type"] == "event":
                    yield EventType(timestamp=message["timestamp"], event=message["event"], data=message["data"])

    @strawberry.subscription(
        description="Everything that the live protocol sends you, as it sends it, and what is published on `events`."
    )
    async def live(
        self,
        info: Info,
        since: Since = None,
        client_id: ClientId = None,
        events: list[str] | None = None,
    ) -> AsyncGenerator[JSON, None]:
        async with info.context.open_live(since=since, client_id=client_id, events=events or ()) as messages:
            async for message in messages:
                yield as_scalar(message)


def _require_right(message: dict[str, Any]) -> None:
    """Raises `NotFound` once the only event of a subscription may be watched no more."""
    if message["status"] == "unsubscribed":
        raise NotFound


def _joined(message: dict[str, Any]) -> JoinedType:
    return JoinedType(
        position=f"{message['epoch']}:{message['offset'] - message['missed']}",
        recovered=message["recovered"],
        connection_id=message["connection_id"],
    )


def _update(message: dict[str, Any], values: dict[str, Any], epoch: str) -> JobUpdateType:
    offset = message.get("offset")
    return JobUpdateType(
        timestamp=message["timestamp"],
        position=f"{epoch}:{offset}" if offset is not None else None,
        job=JobType.of_values(values),
    )
