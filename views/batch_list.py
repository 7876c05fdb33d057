"""The list of batches, or of their reports: filtered as its address says, taken away and acted upon as it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from server.auth.grants import Grant
from server.auth.permissions import Role
from server.auth.saved_views import ViewedList
from server.errors import ChangedMeanwhile, FieldError, InvalidInput, JinduError
from server.http.files import send_made
from server.http.forms import Form, read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.numerals import whole_number
from server.operations.batch_lists import MOST_BYTES, MOST_FILES, GoneFilters
from server.operations.batches_together import AT_ONCE, BatchAction
from server.reports.batch_filter import BatchFilter
from server.reports.batch_lists import KnownValue
from server.reports.file_names import served_name
from views.batch_filter import AskedOfPage, asked_of_page, parted_value
from views.context import formats_for, render
from views.field_errors import error_texts
from views.formats import ReaderFormats
from views.looks import starred_of
from views.report_addresses import report_address
from views.saved_views import view_bar
from views.sharing import grants_to

_BATCHES_PER_PAGE, _REPORTS_PER_PAGE = 30, 50
_MOST_COUNT = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterChip:
    """One choice that a list is filtered by; `url` is the list without it.

    `is_gone`: nothing has it, or never had; `is_senseless`: nothing can, for it is no day, no state.
    """

    field: str
    name: str = ""
    text: str
    url: str
    is_gone: bool = False
    is_senseless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedValues:
    """Of one parameter: what could be chosen besides, and where that leads."""

    name: str
    values: Sequence[tuple[KnownValue, str]]


async def batches_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    asked, wanted = _asked(request)
    lists, cursor = operations_of(request).batch_lists, request.query.get("cursor")
    formats = formats_for(request)
    gone = await lists.gone(principal, asked.criteria.filter(formats.zone, formats.now))
    shown = await (_reports(request, wanted, cursor) if asked.by_report else _batches(request, wanted, cursor))
    offered = await lists.offered(principal, wanted.whose)
    return await render(
        request,
        "batches/list.html",
        **shown,
        asked=asked,
        wanted=wanted,
        cursor=cursor,
        gone=gone,
        chips=_chips(asked, gone, formats),
        offered=offered,
        find=request.query.get("find", "").strip(),
        values=await _values(request, asked, wanted),
        may_act=principal.role is not Role.VIEWER,
        can_be_chosen=bool(offered.templates),
        actions=BatchAction,
        next_url=asked.address(cursor=shown["page"].next_cursor) if shown["page"].next_cursor else "",
        bar=await view_bar(request, ViewedList.BATCHES, asked.query),
    )


async def batch_values(request: web.Request) -> web.Response:
    """The values that could be chosen, for whoever types some letters of them."""
    asked, wanted = _asked(request)
    values = await _values(request, asked, wanted)
    return await render(request, "batches/_values.html", values=values, find=request.query.get("find", "").strip())


async def batch_row(request: web.Request) -> web.Response:
    """One batch of the list alone, for its live refresh."""
    principal = require_principal(request)
    batch = await operations_of(request).batches.get(principal, request.match_info["id"])
    asked, wanted = _asked(request)
    chosen = await operations_of(request).batch_lists.chosen(principal, [batch], wanted)
    return await render(
        request,
        "batches/_row.html",
        batch=batch,
        asked=asked,
        chosen=chosen.get(batch.id),
        starred=await starred_of(request, "batch", [batch.id]),
    )


async def export_page(request: web.Request) -> web.Response:
    """How much it is, before it is taken away."""
    principal = require_principal(request)
    asked, wanted = _asked(request)
    return await render(
        request,
        "batches/export.html",
        size=await operations_of(request).batch_lists.size(principal, wanted),
        most_files=MOST_FILES,
        most_bytes=MOST_BYTES,
        **_as_asked(request, asked),
        csv_url=asked.address("/batches/export.csv"),
        zip_url=asked.address("/batches/export.zip"),
    )


async def export_table(request: web.Request) -> web.StreamResponse:
    principal = require_principal(request)
    _, wanted = _asked(request)
    pieces = await operations_of(request).batch_lists.table(principal, wanted, address=report_address(request))
    name = served_name(formats_for(request).gettext("Reports"), "csv")
    return await send_made(request, pieces, name=name, media_type="text/csv")


async def export_files(request: web.Request) -> web.StreamResponse:
    principal = require_principal(request)
    _, wanted = _asked(request)
    pieces = await operations_of(request).batch_lists.archive(principal, wanted, address=report_address(request))
    name = served_name(formats_for(request).gettext("Reports"), "zip")
    return await send_made(request, pieces, name=name, media_type="application/zip")


async def ask_about_all(request: web.Request) -> web.Response:
    """`GET /batches/together?action=…`: the question, which says how many it would be."""
    require_principal(request, "write")
    action = request.query.get("action", "")
    if action not in set(BatchAction):  # there is nothing to ask
        raise web.HTTPSeeOther(_asked(request)[0].address())
    return await _question(request, BatchAction(action))


async def act_on_all(request: web.Request) -> web.Response:
    """The deed; asked once more when they are not as many any more."""
    principal = require_principal(request, "write")
    form = await read_form(request)
    action = _action(form.get("action", ""))
    asked, wanted = _asked(request)
    expected = whole_number(form.get("expected", ""), at_most=_MOST_COUNT) or 0
    try:
        grant = await _grant(request, form) if action is BatchAction.SHARE else None
        done = await operations_of(request).batches_together.act(
            principal, action, wanted, expected=expected, grant=grant
        )
    except (ChangedMeanwhile, InvalidInput) as error:
        return await _question(request, action, error=error, form=form)
    return await render(request, "batches/together_done.html", action=action, done=done, **_as_asked(request, asked))


async def _question(
    request: web.Request, action: BatchAction, *, error: JinduError | None = None, form: Form | None = None
) -> web.Response:
    principal = require_principal(request, "write")
    asked, wanted = _asked(request)
    sharing = operations_of(request).sharing
    return await render(
        request,
        "batches/together.html",
        status=error.status if error else 200,
        action=action,
        count=await operations_of(request).batches_together.count(principal, action, wanted),
        at_once=AT_ONCE,
        problems=error_texts(request, error),
        form=form or Form([]),
        people=await sharing.people(principal) if action is BatchAction.SHARE else None,
        url=asked.address("/batches/together"),
        **_as_asked(request, asked),
    )


def _as_asked(request: web.Request, asked: AskedOfPage) -> dict[str, Any]:
    """What a page about all that a list shows says of it."""
    return {"chips": _chips(asked, GoneFilters(), formats_for(request)), "back": asked.address()}


async def _batches(request: web.Request, wanted: BatchFilter, cursor: str | None) -> dict[str, Any]:
    principal, lists = require_principal(request), operations_of(request).batch_lists
    page = await lists.batches(principal, wanted, limit=_BATCHES_PER_PAGE, cursor=cursor)
    return {
        "page": page,
        "chosen_of": await lists.chosen(principal, page.items, wanted),
        "starred": await starred_of(request, "batch", [batch.id for batch in page.items]),
    }


async def _reports(request: web.Request, wanted: BatchFilter, cursor: str | None) -> dict[str, Any]:
    lists = operations_of(request).batch_lists
    page = await lists.reports(require_principal(request), wanted, limit=_REPORTS_PER_PAGE, cursor=cursor)
    return {"page": page, "chosen_of": {}}


async def _values(request: web.Request, asked: AskedOfPage, wanted: BatchFilter) -> list[OfferedValues]:
    """Those that are not chosen yet."""
    lists, find = operations_of(request).batch_lists, request.query.get("find", "").strip()
    found = await lists.values(require_principal(request), wanted, find=find)
    pairs = [(each.name, each) for each in found if (each.name, each.value) not in wanted.values]
    by_name: dict[str, list[tuple[KnownValue, str]]] = {}
    for name, each in pairs:
        by_name.setdefault(name, []).append((each, asked.with_value(name, each.value)))
    return [OfferedValues(name=name, values=values) for name, values in by_name.items()]


def _chips(asked: AskedOfPage, gone: GoneFilters, formats: ReaderFormats) -> list[FilterChip]:
    chips = []
    for field, text in asked.pairs("by", "whose"):
        name, shown = parted_value(text) if field == "value" else ("", text)
        chips.append(
            FilterChip(
                field=field,
                name=name,
                text=_in_words(field, shown, formats),
                url=asked.without(field, text),
                is_senseless=(field, text) in asked.senseless,
                is_gone=(field, text) in asked.senseless
                or (field == "template" and text in gone.templates)
                or (field == "value" and (name, shown) in gone.values)
                or (field == "owner" and gone.owner),
            )
        )
    return chips


def _in_words(field: str, text: str, formats: ReaderFormats) -> str:
    return formats.value_in_words(text) if field in ("value", "from", "to") else text


def _asked(request: web.Request) -> tuple[AskedOfPage, BatchFilter]:
    asked, formats = asked_of_page(request.query, require_principal(request)), formats_for(request)
    return asked, asked.filter(formats.zone, formats.now)


def _action(text: str) -> BatchAction:
    try:
        return BatchAction(text)
    except ValueError:
        raise web.HTTPBadRequest from None


async def _grant(request: web.Request, form: Form) -> Grant:
    found = await grants_to(request, form.get("with", "").strip(), form.get("right", ""))
    if not found:
        raise InvalidInput(errors=[FieldError(field="with", message="Say with whom.")])
    return found[0]
