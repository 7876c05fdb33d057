"""Pages of batches: the list, ordering a new one, and the live grid of one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import msgspec
from aiohttp import web

from server.clock import new_id
from server.errors import InvalidInput, JinduError
from server.http.decoding import decoded
from server.http.forms import Form, read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.jobs.job import Job, State
from server.numerals import whole_number
from server.operations.batch_comparison import Comparison
from server.reports.batch_orders import BatchOrder
from server.reports.batch_store import provisional_title
from server.reports.batches import BatchHead, BatchReport, ReportFilter
from server.reports.parameter_texts import value_text
from server.reports.work import FileFormat
from views.context import formats_for, render
from views.deliveries import delivery_panel
from views.field_errors import errors_by_field
from views.looks import note_look, starred_of
from views.owned import parted
from views.share_links import link_panel
from views.sharing import share_panel
from views.template_forms import fields_of, parameters_from

_TILES_PER_PAGE = 60
_MAX_PAGE_KEY = 64
_LAST_PAGE = 10_000
_TEMPLATES_OFFERED = 200
_NAME_CHARACTERS = 300
_PICKABLE = 500  # a longer list is shown in part, and made whole
_SHOWN_OF_MORE = 100
_IDS_PER_REQUEST = 200
_FAILED_NAMED = 3


async def batch_page(request: web.Request) -> web.Response:
    principal = require_principal(request)
    batch = await operations_of(request).batches.get(principal, request.match_info["id"])
    wanted = _filter(request)
    page = await operations_of(request).batches.reports(principal, batch.id, wanted)
    panel = await link_panel(request, batch.id)
    head = await _header(request, batch)
    note_look(request, "batch", batch.id)
    return await render(
        request,
        "batches/detail.html",
        **head,
        panel=await delivery_panel(request, batch, head["right"]),
        page=page,
        wanted=wanted,
        per_page=_TILES_PER_PAGE,
        link_panel=panel,
        may_share_links=panel is not None,
        sources=await operations_of(request).datasets.sources(principal, batch.dataset_versions),
        starred=await _starred(request, batch, page.items),
        **await share_panel(request, "batch", batch.id),
    )


async def batch_header(request: web.Request) -> web.Response:
    """The head of the page alone, for its live refresh."""
    principal = require_principal(request)
    batch = await operations_of(request).batches.get(principal, request.match_info["id"])
    may_share_links = await operations_of(request).share_links.may_make(principal, batch.id)
    values = await _header(request, batch)
    starred = await starred_of(request, "batch", [batch.id])
    return await render(request, "batches/_header.html", **values, may_share_links=may_share_links, starred=starred)


async def _header(request: web.Request, batch: BatchHead) -> dict[str, Any]:
    """What stands above the reports of a batch; the first that failed among it, wherever they are in the order."""
    principal, operations = require_principal(request), operations_of(request)
    job = await operations.batches.job(principal, batch.id)
    failed = ReportFilter(state=State.FAILED, limit=_FAILED_NAMED)
    return {
        "batch": batch,
        "job": job,
        "comparison": await _comparison(request, batch, job),
        "failed": (await operations.batches.reports(principal, batch.id, failed)).items if batch.tally.failed else (),
        "right": await operations.batches.right(principal, batch),
        "template": await operations.template_versions.made(principal, batch.id),
    }


async def _comparison(request: web.Request, batch: BatchHead, job: Job) -> Comparison | None:
    """Once all is made; nothing where there is nothing to compare, or too much."""
    if not job.state.is_final or not batch.tally.succeeded:
        return None
    try:
        return await operations_of(request).batch_comparison.of(require_principal(request), batch.id)
    except InvalidInput:
        return None


async def batch_tiles(request: web.Request) -> web.Response:
    """Some tiles alone, for the live refresh: those with the given ids, or one page of those that match the filter."""
    principal = require_principal(request)
    batch = await operations_of(request).batches.get(principal, request.match_info["id"])
    wanted = _filter(request)
    page = await operations_of(request).batches.reports(principal, batch.id, wanted)
    starred = await _starred(request, batch, page.items)
    return await render(
        request, "batches/_tiles.html", batch=batch, page=page, wanted=wanted, per_page=_TILES_PER_PAGE, starred=starred
    )


async def _starred(request: web.Request, batch: BatchHead, reports: Sequence[BatchReport]) -> frozenset[str]:
    """Of the batch and of these reports those that the reader marked: an id stands for one thing."""
    of_batch = await starred_of(request, "batch", [batch.id])
    return of_batch | await starred_of(request, "report", [report.id for report in reports])


async def batch_states(request: web.Request) -> web.Response:
    """Id and state of every report, to draw the map."""
    principal = require_principal(request)
    states = await operations_of(request).batches.states(principal, request.match_info["id"])
    body = {"ids": [report_id for report_id, _ in states], "states": [state for _, state in states]}
    return web.Response(
        body=msgspec.json.encode(body), content_type="application/json", headers={"Cache-Control": "no-store"}
    )


async def cancel_batch(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    await operations_of(request).batches.cancel(principal, request.match_info["id"])
    raise web.HTTPSeeOther(f"/batches/{request.match_info['id']}")


async def retry_batch(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    await operations_of(request).batches.retry(principal, request.match_info["id"])
    raise web.HTTPSeeOther(f"/batches/{request.match_info['id']}")


async def reorder_batch(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    start = await operations_of(request).batch_orders.reorder(principal, request.match_info["id"])
    raise web.HTTPSeeOther(f"/batches/{start.batch_id}")


async def delete_batch(request: web.Request) -> web.Response:
    principal = require_principal(request, "write")
    await operations_of(request).batches.delete(principal, request.match_info["id"])
    raise web.HTTPSeeOther("/batches")


async def new_batch_page(request: web.Request) -> web.Response:
    """Choose a template; then its parameters, formats and reports."""
    principal = require_principal(request, "write")
    name = request.query.get("template")
    if not name:
        page = await operations_of(request).templates.list(principal, limit=_TEMPLATES_OFFERED)
        return await render(request, "batches/choose.html", page=page)
    return await _order_form(request, name, Form(list(request.query.items())))


async def order_batch(request: web.Request) -> web.Response:
    """What the form asks for; it is shown again with what is wrong."""
    principal = require_principal(request, "write")
    given = await read_form(request)
    name = given.get("template", "")
    picks = given.all("pick")
    formats = [name for name in get_args(FileFormat) if name in given.all("format")]
    try:
        order = BatchOrder(
            template=parted(name)[0],
            owner=parted(name)[1],
            parameters=_picked(picks, given),
            formats=_chosen(formats),
            name=_batch_name(given.get("name", "").strip()),
            as_of=given.get("as_of", ""),
        )
        start = await operations_of(request).batch_orders.start(principal, order, idempotency_key=_key(given, order))
    except InvalidInput as error:
        return await _order_form(request, name, given, error=error)
    raise web.HTTPSeeOther(f"/batches/{start.batch_id}")


def _batch_name(name: str) -> str:
    if len(name) > _NAME_CHARACTERS:
        raise InvalidInput("A name has at most {limit} characters.", limit=_NAME_CHARACTERS)
    return name


def _key(given: Mapping[str, str], order: BatchOrder) -> str | None:
    """Two clicks are one order; whoever goes back and changes something orders anew, although the page is the same."""
    key = given.get("key", "")[:_MAX_PAGE_KEY]
    return f"{key}-{hashlib.sha256(msgspec.json.encode(order)).hexdigest()}" if key else None


async def batch_expansion(request: web.Request) -> web.Response:
    """The reports that the form as it stands would make, for its live refresh."""
    require_principal(request)
    given = await read_form(request)
    expansion = await _expansion(request, given.get("template", ""), given)
    return await render(request, "batches/_expansion.html", expansion=expansion)


async def _order_form(
    request: web.Request, name: str, given: Form, *, error: InvalidInput | None = None
) -> web.Response:
    principal = require_principal(request, "write")
    operations = operations_of(request).templates
    stored = await operations.get(principal, parted(name)[0], owner=parted(name)[1])
    check = await operations.check(principal, stored.source, owner_id=stored.owner_id)
    errors = errors_by_field(request, error)
    day_error = errors.get("as_of", "")
    chosen = parameters_from(given.pairs())
    choices = await operations.choices(
        principal, stored, as_of="" if day_error else given.get("as_of", ""), given=chosen
    )
    fixed = [parameter.name for parameter in check.summary.parameters if not parameter.each]
    return await render(
        request,
        "batches/new.html",
        status=error.status if error else 200,
        stored=stored,
        summary=check.summary,
        problems=[msgspec.structs.asdict(issue) for issue in check.errors],
        fields=fields_of(check.summary, choices, chosen, names=fixed, errors=_of_parameters(errors)),
        day_error=day_error,
        given=given,
        error=error,
        key=new_id(),
        expansion=await _expansion(request, name, given),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownExpansion:
    """The reports an order would make; `sets` are those to show, as JSON and title; `error` says why there are none."""

    total: int = 0
    sets: Sequence[tuple[str, str]] = ()
    pickable: bool = False
    error: JinduError | None = None


async def _expansion(request: web.Request, name: str, given: Form) -> ShownExpansion:
    principal = require_principal(request)
    template, owner = parted(name)
    parameters = [parameters_from(given.pairs())]
    order = BatchOrder(template=template, owner=owner, parameters=parameters, as_of=given.get("as_of", ""))
    try:
        found = await operations_of(request).batch_orders.expansion(principal, order, shown=_PICKABLE)
    except JinduError as error:
        return ShownExpansion(error=error)
    shown = found.sets if found.total <= _PICKABLE else found.sets[:_SHOWN_OF_MORE]
    gettext = formats_for(request).gettext
    sets = [(msgspec.json.encode(values).decode(), provisional_title(_told(values, gettext))) for values in shown]
    return ShownExpansion(total=found.total, sets=sets, pickable=1 < found.total <= _PICKABLE)


def _told(values: Mapping[str, Any], gettext: Callable[[str], str]) -> dict[str, Any]:
    """Answers of yes and no in the reader's language."""
    return {key: gettext(value_text(value)) if isinstance(value, bool) else value for key, value in values.items()}


def _chosen(formats: list[FileFormat]) -> list[FileFormat]:
    if not formats:
        raise InvalidInput("Choose at least one format.")
    return formats


def _picked(picks: list[str], given: Form) -> list[dict[str, object]]:
    """The sets that were left ticked; all of them are one set that the template expands itself."""
    offered = given.get("offered", "0")
    if offered in ("", "0") or str(len(picks)) == offered:
        return [parameters_from(given.pairs())]
    if not picks:
        raise InvalidInput("Choose at least one report.")
    try:
        sets: list[dict[str, object]] = decoded(f"[{','.join(picks)}]".encode(), list[dict[str, object]])
    except InvalidInput as error:
        raise InvalidInput("The chosen reports could not be read; reload the page.") from error
    return sets


def _of_parameters(errors: Mapping[str, str]) -> dict[str, str]:
    """By parameter: its field is `parameters[0].<name>`."""
    return {name: text for field, text in errors.items() for _, dot, name in (field.rpartition("."),) if dot}


def _filter(request: web.Request) -> ReportFilter:
    """The wanted tiles from the page's query; what makes no sense is ignored, as on any page."""
    query = request.query
    ids = query.getall("id", [])[:_IDS_PER_REQUEST]
    state, page = query.get("state", ""), query.get("page", "")
    return ReportFilter(
        state=State(state) if state in set(State) else None,
        q=query.get("q", "").strip(),
        ids=tuple(ids) or None,
        limit=_IDS_PER_REQUEST if ids else _TILES_PER_PAGE,
        skip=max(0, (whole_number(page, at_most=_LAST_PAGE) or 1) - 1) * _TILES_PER_PAGE,
    )
