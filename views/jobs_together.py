"""Many jobs at once: the question how many it would be, and what became of them."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from aiohttp import web

from server.http.forms import Form, read_form
from server.http.guards import require_principal
from server.http.parts import operations_of
from server.jobs.job_filter import JobFilter
from server.operations.jobs_together import AT_ONCE, JobAction
from views.context import render
from views.job_filter import FIELDS, filter_of
from views.jobs import url_with


async def act_on_many(request: web.Request) -> web.Response:
    """`POST /jobs/together`: first the question, and once it was answered (`sure`) the deed.

    For what was picked (`ids`), or with `all_action` for whatever fits the filter and was there when the list was drawn
    (`seen_at`): nobody is asked about a list, and answers for another.
    """
    principal = require_principal(request, "write")
    form = await read_form(request)
    action, together = _action(form), operations_of(request).jobs_together
    wanted = {name: form.get(name, "").strip() for name in FIELDS}
    is_all, ids = "all_action" in form, form.all("ids")
    chosen = JobFilter(ids=ids)
    if is_all:
        chosen = _as_it_was(await filter_of(request, wanted), _moment(form.get("seen_at", "")))
    back = url_with("/jobs", {name: value for name, value in wanted.items() if value})
    if form.get("sure") == "yes":
        done = await together.act(principal, action, chosen)
        return await render(request, "jobs/together_done.html", action=action, done=done, back=back)
    return await render(
        request,
        "jobs/together.html",
        action=action,
        count=await together.count(principal, action, chosen),
        at_once=AT_ONCE,
        fields={"all_action" if is_all else "action": action, "seen_at": form.get("seen_at", "")} | wanted,
        ids=[] if is_all else ids,
        back=back,
    )


def _as_it_was(wanted: JobFilter, seen_at: datetime | None) -> JobFilter:
    moments = [moment for moment in (wanted.until, seen_at) if moment is not None]
    return dataclasses.replace(wanted, until=min(moments, default=None))


def _action(form: Form) -> JobAction:
    try:
        return JobAction(form.get("all_action") or form.get("action", ""))
    except ValueError:
        raise web.HTTPBadRequest from None


def _moment(text: str) -> datetime | None:
    """None for what is no moment with a zone: then all count."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
