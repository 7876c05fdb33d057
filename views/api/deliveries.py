"""`/api/v1/deliveries`, and those of a batch: who gets what, by what, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from server.deliveries.delivery import DeliveryItem, DeliveryState
from server.deliveries.planning import PlannedDelivery
from server.delivery.wishes import MOST_WISHES, DeliveryVia
from server.http.based_requests import outside
from server.http.endpoint import Call, Endpoint, NoQuery, PageByNumber, encoded
from server.http.values import TemplateName
from server.reports.batch_orders import BatchOrder, ParameterQuery
from server.storage.pages import Listing
from server.texts import Phrase, told
from views.api.delivery_wishes import WantedDelivery
from views.api.owners import Owner
from views.context import formats_for

_PREVIEWED_TITLES = 5


class DeliveryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`report_id` and `report_title` are null when it holds several reports. `perhaps_sent`: it was on its way when the
    server lost sight of it; it is not sent again unless somebody asks for it. `trial_for`: of a trial, who it would go
    to, while `to` has got it; null of what is none. `url`: of a link, for who made it.
    """

    id: str
    batch_id: str
    report_id: str | None
    report_title: str | None
    report_count: int
    via: DeliveryVia
    to: str
    trial_for: str | None
    state: DeliveryState
    attempts: int
    next_at: datetime | None
    error: str | None
    receipt: str
    url: str | None
    created_at: datetime
    sent_at: datetime | None
    links: dict[str, str]


class DeliveryList(Listing[DeliveryAnswer], frozen=True, kw_only=True):
    pass


class DeliveryQuery(PageByNumber, frozen=True, kw_only=True):
    """`cursor` is `next_cursor` of the page before: a number."""

    state: DeliveryState | None = None


class DeliveryOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be delivered of reports that there are, or that are being made. `trial`: to me first. The first three
    mails of it go to your own address, each marked as a trial, and nothing to anybody else; nothing counts as sent."""

    deliveries: Annotated[list[WantedDelivery], Meta(min_length=1, max_length=MOST_WISHES)]
    trial: bool = False


class DeliveryAgain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`trial`: to me first. The same mail goes to your own address, as a delivery of its own that is marked as a trial;
    what became of this one stays."""

    trial: bool = False


class DeliveryTrial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order as in `POST /batches`: nothing is made of it, and nothing sent."""

    template: TemplateName
    deliveries: Annotated[list[WantedDelivery], Meta(min_length=1, max_length=MOST_WISHES)]
    owner: Owner | None = None
    parameters: list[dict[str, Any]] | ParameterQuery | None = None
    as_of: Annotated[str, Meta(max_length=40)] = ""

    @property
    def order(self) -> BatchOrder:
        return BatchOrder(
            template=self.template,
            owner=self.owner,
            parameters=self.parameters,
            as_of=self.as_of,
            deliveries=[each.wish for each in self.deliveries],
        )


class WouldBeDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """`reports` are the first few by name; `problem` is why it could not be sent. `unless_empty`: those of them
    that turn out to show no row are left out, which is known once they are made."""

    via: DeliveryVia
    to: str
    report_count: int
    reports: list[str]
    problem: str | None
    unless_empty: bool


class PreviewAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`total` reports would be made; `problems` of the deliveries could not be sent as they are."""

    total: int
    problems: int
    items: list[WouldBeDelivery]


async def list_deliveries(call: Call[None, DeliveryQuery]) -> DeliveryList:
    page = await call.operations.deliveries.of_batch(
        call.principal, call.path["id"], state=call.query.state, limit=call.query.limit, cursor=call.query.cursor
    )
    items = await _told(call, page.items)
    return DeliveryList(items=items, total=page.total, next_cursor=page.next_cursor)


async def order_deliveries(call: Call[DeliveryOrder, NoQuery]) -> DeliveryList:
    batch_id = call.path["id"]
    wishes, operations = [each.wish for each in call.body.deliveries], call.operations.deliveries
    deliver = operations.deliver_to_me if call.body.trial else operations.deliver
    await deliver(call.principal, batch_id, wishes)
    page = await call.operations.deliveries.of_batch(call.principal, batch_id)
    items = await _told(call, page.items)
    return DeliveryList(items=items, total=page.total, next_cursor=page.next_cursor)


async def release_deliveries(call: Call[None, NoQuery]) -> None:
    await call.operations.deliveries.release(call.principal, call.path["id"])


async def get_delivery(call: Call[None, NoQuery]) -> DeliveryAnswer:
    (answer,) = await _told(call, [await call.operations.deliveries.get(call.principal, call.path["id"])])
    return answer


async def retry_delivery(call: Call[DeliveryAgain, NoQuery]) -> web.Response:
    operations = call.operations.deliveries
    send = operations.retry_to_me if call.body.trial else operations.retry
    item = await send(call.principal, call.path["id"])
    (answer,) = await _told(call, [item])
    return encoded(answer, status=202)


async def preview_deliveries(call: Call[DeliveryTrial, NoQuery]) -> PreviewAnswer:
    preview = await call.operations.deliveries.preview(call.principal, call.body.order)
    items = [_would_be(call, each) for each in preview.deliveries]
    return PreviewAnswer(total=preview.total, problems=preview.problems, items=items)


async def _told(call: Call[Any, Any], items: Sequence[DeliveryItem]) -> list[DeliveryAnswer]:
    urls = await call.operations.deliveries.links(call.principal, items)
    return [_answer(call, item, urls.get(item.id)) for item in items]


def _answer(call: Call[Any, Any], item: DeliveryItem, url: str | None) -> DeliveryAnswer:
    return DeliveryAnswer(
        id=item.id,
        batch_id=item.batch_id,
        report_id=item.report_id or None,
        report_title=item.report_title or None,
        report_count=item.report_count,
        via=item.via,
        to=item.recipient,
        trial_for=item.trial_for,
        state=item.state,
        attempts=item.attempts,
        next_at=item.next_at,
        error=in_words(call, item.error) if item.error else None,
        receipt=item.receipt,
        url=url,
        created_at=item.created_at,
        sent_at=item.sent_at,
        links={
            "batch": outside(f"/api/v1/batches/{item.batch_id}"),
            "retry": outside(f"/api/v1/deliveries/{item.id}/retry"),
        },
    )


def _would_be(call: Call[Any, Any], planned: PlannedDelivery) -> WouldBeDelivery:
    return WouldBeDelivery(
        via=planned.wish.via,
        to=planned.recipient,
        report_count=len(planned.reports),
        reports=[report.title for report in planned.reports[:_PREVIEWED_TITLES]],
        problem=in_words(call, planned.problem) if planned.problem else None,
        unless_empty=planned.wish.unless_empty,
    )


def in_words(call: Call[Any, Any], problem: Phrase) -> str:
    parameters: Any = problem["parameters"]
    return told(str(problem["phrase"]), parameters, formats_for(call.request).gettext)


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/batches/{id}/deliveries",
        name="api_batch_deliveries",
        handler=list_deliveries,
        summary="What became of the deliveries of a batch; what needs somebody first",
        query=DeliveryQuery,
        answer=DeliveryList,
        errors=(403, 404),
    ),
    Endpoint(
        method="POST",
        path="/batches/{id}/deliveries",
        name="api_batch_deliver",
        handler=order_deliveries,
        summary="Deliver the reports of a batch, at once or when they are made",
        access="write",
        body=DeliveryOrder,
        answer=DeliveryList,
        status=202,
        errors=(403, 404, 409, 422),
    ),
    Endpoint(
        method="POST",
        path="/batches/{id}/deliveries/release",
        name="api_batch_release",
        handler=release_deliveries,
        summary="Let go what a restore holds back",
        access="write",
        status=204,
        errors=(403, 404),
    ),
    Endpoint(
        method="POST",
        path="/deliveries/preview",
        name="api_delivery_preview",
        handler=preview_deliveries,
        summary="Who would get what; nothing is made or sent",
        access="write",
        body=DeliveryTrial,
        answer=PreviewAnswer,
        errors=(404, 422),
    ),
    Endpoint(
        method="GET",
        path="/deliveries/{id}",
        name="api_delivery",
        handler=get_delivery,
        summary="One delivery: how far it is, and why it did not arrive",
        answer=DeliveryAnswer,
        errors=(403, 404),
    ),
    Endpoint(
        method="POST",
        path="/deliveries/{id}/retry",
        name="api_delivery_retry",
        handler=retry_delivery,
        summary="Send a delivery again, now",
        access="write",
        body=DeliveryAgain,
        body_required=False,
        answer=DeliveryAnswer,
        status=202,
        errors=(403, 404, 409, 422),
    ),
]
