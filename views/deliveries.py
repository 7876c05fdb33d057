"""Deliveries on pages: what became of those of a batch, the form of new ones, and the link that ends mail."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from server.auth.access import Right
from server.deliveries.delivery import DeliveryStanding
from server.delivery.wishes import DeliveryVia
from server.errors import Conflict, InvalidInput, JinduError
from server.http.addresses import client_address
from server.http.forms import Form, read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.numerals import whole_number
from server.operations.deliveries import DeliveryPreview
from server.reports.batch_orders import BatchOrder
from server.reports.batches import BatchHead
from views.context import render
from views.delivery_forms import MOST_FORM_BYTES, MOST_FORM_FIELDS, DeliveryGroups, groups_of, regrouped, wishes_of
from views.errors import MENDED_AT
from views.field_errors import error_texts

_PER_PAGE = 50
_SHOWN_OF_PREVIEW = 20
_ONE_CLICK = "List-Unsubscribe"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPanel:
    """What stands on the page of a batch. `trials_of_others` are ids of what others have sent to themselves, `groups`
    are fields of a form, with what is wrong in it, and where else that is mended."""

    standing: DeliveryStanding
    links: Mapping[str, str]
    trials_of_others: Collection[str]
    ways: Sequence[DeliveryVia]
    groups: DeliveryGroups
    problems: Sequence[str]
    mended_at: str


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
    standing = await operations.standing(principal, batch.id, limit=_PER_PAGE, cursor=cursor)
    return DeliveryPanel(
        standing=standing,
        links=await operations.links(principal, standing.page.items),
        trials_of_others=await operations.trials_of_others(principal, standing.page.items),
        ways=operations.checks.ways(),
        groups=groups_of(given or {}),
        problems=error_texts(request, error),
        mended_at=MENDED_AT.get(error.specific_code, "") if error else "",
    )


async def deliveries_fragment(request: web.Request) -> web.Response:
    """The panel alone, for its live refresh."""
    return await _panel(request)


async def order_deliveries(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    form = await read_form(request, limit_bytes=MOST_FORM_BYTES, max_fields=MOST_FORM_FIELDS)
    batch_id = request.match_info["id"]
    if (changed := regrouped(form)) is not None:
        return await _panel(request, template="deliveries/order.html", given=changed)
    operations, is_trial = operations_of(request).deliveries, is_to_me(form)
    deliver = operations.deliver_to_me if is_trial else operations.deliver
    try:
        await deliver(principal, batch_id, wishes_of(form))
    except (Conflict, InvalidInput) as error:
        return await _panel(request, template="deliveries/order.html", given=form, error=error)
    if is_trial:  # what they wrote is still to be sent
        return await _panel(request, template="deliveries/order.html", given=form, tried=True)
    raise web.HTTPSeeOther(f"/batches/{batch_id}#deliveries")


async def retry_delivery(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    operations = operations_of(request).deliveries
    send = operations.retry_to_me if is_to_me(await read_form(request)) else operations.retry
    item = await send(principal, request.match_info["id"])
    raise web.HTTPSeeOther(f"/batches/{item.batch_id}#deliveries")


async def release_deliveries(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    await operations_of(request).deliveries.release(principal, request.match_info["id"])
    raise web.HTTPSeeOther(f"/batches/{request.match_info['id']}#deliveries")


def is_to_me(form: Form) -> bool:
    """Whether “To me first” was pressed."""
    return bool(form.get("to_me"))


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


async def allow_held_address(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    await operations_of(request).held_addresses.allow(principal, request.match_info["id"])
    raise web.HTTPSeeOther("/schedules#held")


async def previewed(request: web.Request, order: BatchOrder) -> tuple[DeliveryPreview, int]:
    """Who would get what, and how many of them are shown."""
    return await operations_of(request).deliveries.preview(require_principal(request), order), _SHOWN_OF_PREVIEW


async def _panel(
    request: web.Request,
    *,
    template: str = "deliveries/_panel.html",
    given: Mapping[str, str] | None = None,
    error: JinduError | None = None,
    tried: bool = False,
) -> web.Response:
    principal, operations = require_principal(request), operations_of(request).batches
    batch = await operations.get(principal, request.match_info["id"], Right.OWN)
    panel = await delivery_panel(request, batch, Right.OWN, given=given, error=error)
    return await render(request, template, error.status if error else 200, panel=panel, batch=batch, tried=tried)
