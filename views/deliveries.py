"""Deliveries on pages: what became of those of a batch, the form of new ones, and the link that ends mail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from server.auth.access import Right
from server.deliveries.delivery import DeliveryItem, DeliveryState
from server.delivery.mail_addresses import parted_addresses
from server.delivery.wishes import DeliveryRights, DeliveryStage, DeliveryVia, DeliveryWish
from server.errors import InvalidInput, JinduError
from server.http.addresses import client_address
from server.http.forms import Form, read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.numerals import whole_number
from server.operations.deliveries import DeliveryPreview
from server.reports.batch_orders import BatchOrder
from server.reports.batches import BatchHead
from views.context import render
from views.field_errors import error_texts

_PER_PAGE = 50
_SHOWN_OF_PREVIEW = 20
_ONE_CLICK = "List-Unsubscribe"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPanel:
    """What stands on the page of a batch. `given` is a form that was not taken, with what is wrong in it."""

    items: Sequence[DeliveryItem]
    total: int
    next_cursor: str | None
    tally: Mapping[DeliveryState, int]
    stage: DeliveryStage
    links: Mapping[str, str]
    ways: Sequence[DeliveryVia]
    given: Mapping[str, str]
    problems: Sequence[str]


async def delivery_panel(
    request: web.Request,
    batch: BatchHead,
    right: Right,
    *,
    given: Mapping[str, str] | None = None,
    error: JinduError | None = None,
) -> DeliveryPanel | None:
    """None for whoever may only look at the reports: addresses are nobody else's business."""
    if right is not Right.OWN:
        return None
    principal, operations = require_principal(request), operations_of(request).deliveries
    cursor = str(whole_number(request.query.get("deliveries", ""), at_most=10**6) or 0)
    page = await operations.of_batch(principal, batch.id, limit=_PER_PAGE, cursor=cursor)
    return DeliveryPanel(
        items=page.items,
        total=page.total,
        next_cursor=page.next_cursor,
        tally=await operations.tally(principal, batch.id),
        stage=await operations.stage(principal, batch.id),
        links=await operations.links(principal, page.items),
        ways=operations.checks.ways(),
        given=given or {},
        problems=error_texts(request, error),
    )


async def deliveries_fragment(request: web.Request) -> web.Response:
    """The panel alone, for its live refresh."""
    return await _panel(request)


async def order_deliveries(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    form, batch_id = await read_form(request), request.match_info["id"]
    try:
        await operations_of(request).deliveries.deliver(principal, batch_id, wishes_of(form))
    except InvalidInput as error:
        return await _panel(request, template="deliveries/order.html", given=form, error=error)
    raise web.HTTPSeeOther(f"/batches/{batch_id}#deliveries")


async def retry_delivery(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    item = await operations_of(request).deliveries.retry(principal, request.match_info["id"])
    raise web.HTTPSeeOther(f"/batches/{item.batch_id}#deliveries")


async def release_deliveries(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    await operations_of(request).deliveries.release(principal, request.match_info["id"])
    raise web.HTTPSeeOther(f"/batches/{request.match_info['id']}#deliveries")


async def unsubscribe_page(request: web.Request) -> web.Response:
    """Asks; programs that open each link of a mail change nothing."""
    code = request.match_info["code"]
    found = await operations_of(request).unsubscribing.look(code, address=client_address(request))
    return await render(request, "deliveries/unsubscribe.html", mail=found)


async def unsubscribe(request: web.Request) -> web.Response:
    """By the button of the page, or by a mail program with one click (RFC 8058)."""
    code, operations = request.match_info["code"], operations_of(request).unsubscribing
    form = await read_form(request)
    await operations.stop(code, address=client_address(request))
    if _ONE_CLICK in form:
        return web.Response(status=200, text="OK")
    return await render(
        request, "deliveries/unsubscribe.html", mail=await operations.look(code, address=client_address(request))
    )


async def allow_again(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    schedule_id = request.match_info["id"]
    await operations_of(request).unsubscribing.allow(principal, schedule_id, request.match_info["optout_id"])
    raise web.HTTPSeeOther(f"/schedules/{schedule_id}#optouts")


def wishes_of(form: Form, before: Sequence[DeliveryWish] = ()) -> list[DeliveryWish]:
    """What the three fields say: by what, to whom, in which words. Nothing where they are empty. The form shows the
    first of `before` alone; the others stay."""
    via = form.get("via", "")
    if via not in list(DeliveryVia):
        return list(before[1:])
    where = form.get("to", "").strip()
    is_column = "@" not in where and bool(where)
    wish = DeliveryWish(via=DeliveryVia(via), subject=form.get("subject", "").strip(), body=_body(form))
    values: dict[str, Any] = {}
    if wish.via in (DeliveryVia.MAIL, DeliveryVia.LINK):
        values = {"to_column": where} if is_column else {"to": parted_addresses(where)}
        values["attach"] = form.get("attach", "files") == "files"
        is_theirs = form.get("rights") == DeliveryRights.RECIPIENT
        values["rights"] = DeliveryRights.RECIPIENT if is_theirs else DeliveryRights.OWNER
    elif wish.via in (DeliveryVia.FOLDER, DeliveryVia.S3):
        values = {"path": where}
    else:
        values = {"url": where if "://" in where else "", "secret": form.get("secret", "")}
    made = DeliveryWish(via=wish.via, subject=wish.subject, body=wish.body, **values)
    return [made, *before[1:]]


def form_of(wishes: Sequence[DeliveryWish]) -> list[tuple[str, str]]:
    """The fields as they would have been sent; what is secret is not shown, and stays when it is left as it is."""
    if not wishes:
        return []
    wish = wishes[0]
    where = wish.path or wish.to_column or ", ".join(wish.to) or wish.host
    attach = "files" if wish.attach else "link"
    said = {"via": wish.via.value, "to": where, "subject": wish.subject, "body": wish.body, "attach": attach}
    return [*said.items(), ("rights", wish.rights.value)]


async def previewed(request: web.Request, order: BatchOrder) -> tuple[DeliveryPreview, int]:
    """Who would get what, and how many of them are shown."""
    return await operations_of(request).deliveries.preview(require_principal(request), order), _SHOWN_OF_PREVIEW


async def _panel(
    request: web.Request,
    *,
    template: str = "deliveries/_panel.html",
    given: Mapping[str, str] | None = None,
    error: JinduError | None = None,
) -> web.Response:
    principal, operations = require_principal(request), operations_of(request).batches
    batch = await operations.get(principal, request.match_info["id"], Right.OWN)
    panel = await delivery_panel(request, batch, Right.OWN, given=given, error=error)
    return await render(request, template, error.status if error else 200, panel=panel, batch=batch)


def _body(form: Form) -> str:
    return form.get("body", "").replace("\r\n", "\n").strip()
